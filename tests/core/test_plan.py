"""A definition becomes a plan: what each step may read is typed by the steps before it, and what is wrong has its place."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.catalog import Catalog, Price
from orchestration.core.definition import from_data, parse
from orchestration.core.errors import Refused
from orchestration.core.inference import join
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove
from orchestration.core.source import write
from tests.core.drawn import LABEL, TIER, Data, ask, flow, fork, get, loop, person, planned, put, step


def problems(data: Data) -> list[tuple[str, str, str | None]]:
    return [(problem.code, problem.path, problem.step) for problem in planned(data).problems]


TEXT = {"type": "string"}
COUNT = {"type": "integer"}


def kind(schema: Any, *path: str) -> Any:
    """The type of a property, or its enum."""
    for name in path:
        schema = schema["properties"][name]
    return schema.get("type") or sorted(schema["enum"])


def test_outputs_are_those_declared_or_what_the_type_gives() -> None:
    form = {"type": "object", "required": ["x"], "properties": {"x": TEXT}}
    steps = planned(
        flow(get("a", "b"), ask("b", "c", output=None), ask("d"), person("c", form=form), put("e", output=TIER))
    ).steps
    assert steps["a"].output_schema == TIER
    assert kind(steps["b"].output_schema, "text") == "string"
    assert steps["b"].output is None
    assert steps["d"].output_schema == LABEL
    assert steps["e"].output_schema == TIER
    assert kind(steps["c"].output_schema, "values", "x") == "string"
    assert kind(steps["c"].output_schema, "action") == ["ok"]
    assert kind(steps["a"].expects.schema, "id") == "string"


def test_types_flow_through_sets_in_whatever_order_they_are_written() -> None:
    data = flow(put("c", values={"z": "${steps.b.y}"}), put("b", "c", {"y": "${steps.a.tier}"}), get("a", "b"), start="a")
    assert kind(planned(data).steps["c"].output_schema, "z") == ["free", "pro", "vip"]
    wrong = flow(put("b", values={"y": "${steps.a.teir}"}), get("a", "b"), put("c", values={"z": "${steps.b.x}"}), start="a")
    assert problems(wrong) == [("unknown_reference", "steps[0].values.y", "b")]  # of b nothing is known any more
    wrong["steps"][0]["values"] = {"y": "${steps.a.tier}"}
    assert problems(wrong) == [("unknown_reference", "steps[2].values.z", "c")]


def test_a_chain_of_five_hundred_sets_keeps_its_type_and_the_stack() -> None:
    chain = [put(f"s{n}", f"s{n + 1}" if n < 499 else "done", {"x": f"${{steps.s{n - 1}.x}}" if n else 1}) for n in range(500)]
    for steps in (chain, chain[::-1]):
        plan = planned(flow(*steps, start="s0"))
        assert plan.problems == ()
        assert kind(plan.steps["s499"].output_schema, "x") == "integer"


def test_a_carry_is_what_it_begins_as_joined_with_what_a_round_leaves() -> None:
    body = [
        ask("b", "c", output=None),
        put("c", None, {"best": "${steps.b.text}", "n": "${carry.n + 1}", "all": "${carry.all + [1]}"}),
    ]
    carry = {"best": None, "n": 0, "all": [], "score": 1}
    update = {"best": "${steps.c.best}", "n": "${steps.c.n}", "all": "${steps.c.all}", "score": "${carry.score}"}
    data = flow(loop("a", body, "d", carry=carry, update=update, until="carry.n > 1"), put("d", values={"x": "${steps.a.n}"}))
    plan = planned(data)
    assert plan.problems == ()
    schema = plan.steps["a"].output_schema
    assert plan.steps["a"].loop.carry_schema == schema
    assert sorted(kind(schema, "best")) == ["null", "string"]
    assert (kind(schema, "n"), kind(schema, "score"), kind(schema, "all")) == ("integer", "integer", "array")
    assert kind(plan.steps["d"].output_schema, "x") == "integer"


def test_a_value_runs_as_compiled_on_the_types_that_came_out() -> None:
    """At first sight `carry.n` is a whole number, so that 1 is added as one; what a round leaves is none."""
    body = [put("b", None, {"more": "${carry.n + 1}"})]
    update = {"n": "${steps.b.more * 0.5}"}
    plan = planned(flow(loop("a", body, carry={"n": 1}, update=update, until="carry.n > 1.5", output={"last": "${carry.n + 2}"})))
    assert plan.problems == ()
    assert kind(plan.steps["b"].output_schema, "more") == "number"
    assert plan.steps["b"].values.evaluate({"carry": {"n": 1.5}}) == {"more": 2.5}
    assert plan.steps["a"].loop.output.evaluate({"carry": {"n": 1.5}}) == {"last": 3.5}


def test_a_carry_that_never_settles_is_left_untyped() -> None:
    data = flow(
        loop("a", [put("b", None, {"deeper": "${carry}"})], carry={"x": 1}, update={"x": "${steps.b}"}, until="iter.index > 2")
    )
    assert planned(data).problems == ()


def test_a_loop_in_a_loop_sees_its_own_carry_and_the_steps_around() -> None:
    inner = loop("c", [put("d", None, {"x": "${carry.m + 1}", "y": "${steps.b.x}"})], None, carry={"m": 1},
                 update={"m": "${steps.d.x}"}, until="carry.m > 2", output={"m": "${carry.m}"})  # fmt: skip
    data = flow(loop("a", [put("b", "c", {"x": "t"}), inner], carry={"n": 0}, update={"n": "${carry.n + steps.c.m}"}))
    plan = planned(data)
    assert plan.problems == ()
    assert kind(plan.steps["d"].output_schema, "y") == "string"
    assert kind(plan.steps["a"].output_schema, "n") == "integer"
    assert plan.chain("c") == ("c", "a", "")
    assert (plan.first("a"), plan.first("c"), plan.first("")) == ("b", "d", "a")
    assert problems(flow(loop("a", [put("b", None)]), put("z", values={"x": "${steps.b.x}"}))) == [
        ("unknown_reference", "steps[1].values.x", "z")
    ]


@pytest.mark.parametrize(
    ("where", "text", "ok"),
    [
        ("root", "run.input.text", True),
        ("root", "run.id", True),
        ("root", "error.code", True),
        ("root", "carry.n", False),
        ("root", "iter.index", False),
        ("root", "item", False),
        ("loop", "carry.n", True),
        ("loop", "iter.index", True),
        ("loop", "run.input.text", True),
        ("loop", "item", False),
        ("map", "item + 1", True),
        ("map", "index + 1", True),
        ("map", "carry.n", False),
        ("check", "output.label", True),
        ("check", "input.t + output.label", True),
        ("check", "run.id", False),
        ("prompt", "{{ t }}", True),
        ("prompt", "{{ run }}", False),
        ("url", "${input.id}", True),
        ("url", "${secrets.desk}?key=${key}", True),
        ("url", "${run.id}", False),
        ("url", "${input.di}", False),
    ],
)
def test_what_is_in_sight(where: str, text: str, ok: bool) -> None:
    value = put("b", None, {"x": f"${{{text}}}"})
    tool = {
        "http": {"url": f"https://desk.example/{text}"},
        "input": {"type": "object", "required": ["id"], "properties": {"id": TEXT}},
    }
    data = {
        "root": lambda: flow(put("b", values={"x": f"${{{text}}}"})),
        "loop": lambda: flow(loop("a", [value])),
        "map": lambda: flow(step("a", "map", over="${[1]}", max_items=2, body=[value], next="done")),
        "check": lambda: flow(ask("a", input={"t": "x"}, checks=[{"that": f"{text} != 'bug'", "else": "No"}])),
        "prompt": lambda: flow(ask("a", input={"t": "x"}, prompt=text)),
        "url": lambda: flow(put("b"), tools={"t": tool}),
    }[where]()
    assert [problem.code for problem in planned(data).problems] == ([] if ok else ["unknown_reference"])


def test_problems_have_step_path_and_line() -> None:
    data = flow(get("a", "b"), put("b", values={"deep": [{"x": "${steps.a.teir}"}]}), ask("c", output={"type": "strnig"}))
    definition = parse(write(data))
    found = {problem.code: problem for problem in compile_plan(definition, Catalog()).problems}
    lines = write(data).splitlines()
    assert found["unknown_tool"].line == next(n for n, line in enumerate(lines, 1) if "crm.get" in line)
    assert found["unknown_provider"].path == "models.odd.provider"
    assert (found["bad_schema"].step, found["bad_schema"].path) == ("c", "steps[2].output.type")
    assert found["bad_schema"].line == next(n for n, line in enumerate(lines, 1) if "strnig" in line)
    [typo] = [problem for problem in planned(data).problems if problem.code == "unknown_reference"]
    assert typo.path == "steps[1].values.deep[0].x"
    assert "tier" in typo.message


def test_an_id_that_stands_twice_is_a_problem_and_the_first_counts() -> None:
    plan = planned(flow(put("a", "b", {"x": 1}), put("b"), put("a", values={"x": "y"})))
    assert [problem.code for problem in plan.problems] == ["duplicate_id"]
    assert kind(plan.steps["a"].output_schema, "x") == "integer"


def test_models_are_resolved_and_prices_beside_the_model_win() -> None:
    models = {
        "main": {"provider": "priced"},
        "cheap": {"provider": "priced", "model": "small", "usd_per_mtok_in": 3, "usd_per_mtok_out": 4.5},
        "odd": {"provider": "free"},
    }
    plan = planned(flow(ask("a", fallback=[{"model": "cheap"}, {"step": "b"}]), put("b", None), models=models))
    assert [(model.model, model.price) for model in plan.models.values()] == [
        ("big", Price(1.0, 10.0)), ("small", Price(3.0, 4.5)), ("any", None)
    ]  # fmt: skip
    assert [(rung.model.name if rung.model else None, rung.step) for rung in plan.steps["a"].rungs] == [
        ("main", None), ("cheap", None), (None, "b")
    ]  # fmt: skip


def test_timeouts_have_their_defaults() -> None:
    steps = planned(flow(ask("a", "b"), get("b", "c"), get("c", timeout="3s"))).steps
    assert [steps[name].timeout for name in "abc"] == [60.0, 5.0, 3.0]


def test_a_step_needs_the_outputs_that_it_reads_and_no_others() -> None:
    data = flow(
        get("a", "b"),
        ask("b", "c"),
        fork("c", {"all": ["steps.a.tier == 'pro'", {"not": "steps.b.label == 'bug'"}]}, "d", "done"),
        loop("d", [put("e", None, {"x": "${steps.b.label}"})], until="steps.e.x == steps.a.tier"),
    )  # fmt: skip
    steps = planned(data).steps
    assert steps["c"].needs == {"a", "b"}
    assert steps["d"].needs == {"a", "e"}
    assert {use.moment for use in steps["d"].uses if use.path.endswith("until")} == {"round"}


def test_a_fingerprint_changes_with_what_a_step_does_and_not_with_its_title() -> None:
    prints = [
        planned(flow(get("a", **keys))).steps["a"].fingerprint for keys in ({}, {"title": "T", "note": "N"}, {"timeout": "9s"})
    ]
    assert prints[0] == prints[1] != prints[2]


SCHEMAS = st.recursive(
    st.sampled_from(
        [
            TEXT,
            COUNT,
            {"type": "number"},
            {"type": "null"},
            {"enum": ["a", "b"]},
            {"const": 1},
            {},
            {"type": "array", "maxItems": 0},
        ]
    ),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.dictionaries(st.sampled_from("xy"), inner, max_size=2).flatmap(
            lambda of: st.lists(st.sampled_from("xy"), unique=True, max_size=2).map(
                lambda required: {"type": "object", "properties": of, "required": [name for name in required if name in of]}
            )
        )
    ),
    max_leaves=5,
)


@given(SCHEMAS, SCHEMAS, st.data())
def test_what_meets_either_schema_meets_their_join(left: Data, right: Data, drawn: st.DataObject) -> None:
    from orchestration.core.contract import contract

    value = drawn.draw(instances(left) | instances(right))
    assert contract(join(left, right)).accepts(value)
    assert contract(join(right, left)).accepts(value)


def instances(schema: Data) -> st.SearchStrategy[Any]:
    """Values that meet a schema as it is written, with no property that it does not know."""
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    simple: dict[str | None, st.SearchStrategy[Any]] = {
        "string": st.just("t"), "integer": st.just(7), "number": st.sampled_from([1, 1.5]), "null": st.none(),
        None: st.sampled_from([None, "q", 1]),
    }  # fmt: skip
    if schema.get("type") == "array":
        return st.lists(instances(schema.get("items", {})), max_size=schema.get("maxItems", 2))
    if schema.get("type") == "object":
        needed = {name: instances(part) for name, part in schema["properties"].items() if name in schema["required"]}
        other = {name: instances(part) for name, part in schema["properties"].items() if name not in schema["required"]}
        return st.fixed_dictionaries(needed, optional=other)
    return simple[schema.get("type")]


# Whatever can be read is planned and proved without an exception

TEXTS = st.sampled_from(
    ["done", "a", "b", "nobody", "break", "", "*", "${steps.a.x}", "${steps.b}",
     "${", "steps.a.tier", "true", "{{ x }}", "{% for %}", "5s",
     "${carry.x}", "ok", "broken", "main", "crm.get", "crm.pay", "${1/0}", "😀"]
)  # fmt: skip
VALUES = st.recursive(
    TEXTS | st.integers(-2, 30) | st.none() | st.booleans() | st.floats(0, 2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(TEXTS | st.sampled_from(["type", "all", "any", "not"]), inner, max_size=2)
    ),
    max_leaves=4,
)
WHOLE = flow(
    get("a", "b", catch=[{"errors": ["not_found"], "to": "c"}, {"errors": ["*"], "to": "done"}], retry={"attempts": 2}),
    ask("b", "c", input={"tier": "${steps.a.tier}"}, prompt="{{ tier }}", fallback=[{"model": "small"}, {"step": "f"}],
        checks=[{"that": "output.label != 'bug'", "else": "No bugs"}]),
    fork("c", {"any": ["has(steps.b.label) && steps.b.label == 'bug'", {"not": "run.input.text == ''"}]}, "d", "e"),
    loop("d", [get("g", "h"), fork("h", "steps.g.tier == 'pro'", "break", "continue")], "e", progress="carry.n", on_stalled="e"),
    person("e", form={"type": "object", "properties": {"x": {"type": "string"}}}, values={"x": "t"}),
    put("f", None, {"label": "bug", "confidence": 0.5}),
    limits={"cost_usd": 0.5, "steps": 40, "machine_time": "1h", "on_breach": "e"},
    tools={"own": {"http": {"url": "https://desk.example/${input.id}"}, "effect": "idempotent", "input": {"type": "object",
           "required": ["id"], "properties": {"id": {"type": "string"}}}}},
)  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = changed(data[path[0]], path[1:], value)
    return copy


def test_the_whole_of_it_is_fine_before_anything_is_changed() -> None:
    assert [problem.code for problem in prove(planned(WHOLE)).problems if problem.severity == "error"] == []


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(places(WHOLE)[1:]), VALUES), min_size=1, max_size=2))
def test_any_definition_that_can_be_read_is_planned_and_proved(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    data: Any = WHOLE
    for path, value in changes:
        if path in places(data):
            data = changed(data, path, value)
    try:
        definition = from_data(data)
    except Refused:
        return
    proof = prove(compile_plan(definition, planned(WHOLE).catalog))
    assert all(problem.code and problem.message and problem.severity for problem in proof.problems)
    assert proof.as_dict()["worst"]["executions"] >= 0
