"""Who wrote what a decision rested on: also what the visit itself has just written, what was tried, and a loop's carry."""

from typing import Any

from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import ask
from tests.servers import behaviours as b


def written(operands: Any) -> dict[str, Any]:
    return {operand["path"]: (operand.get("by"), operand.get("seq")) for operand in operands}


def counting(**more: Any) -> list[dict[str, Any]]:
    bump = {"id": "bump", "type": "set", "values": {"n": "${carry.n + 1.0}"}, "next": "look"}
    cases = [{"when": "carry.n > 7.0", "to": "break"}, {"when": "steps.bump.n > 9.0", "to": "break"}]
    look = {"id": "look", "type": "branch", "cases": cases, "default": "continue"}
    loop = {
        "id": "grow", "type": "loop", "max": 3, "carry": {"n": 0.0}, "update": {"n": "${steps.bump.n}"},
        "until": "steps.bump.n > 5.0 || carry.n > 5.0", "body": [bump, look], "next": "done", "on_exhausted": "done", **more,
    }  # fmt: skip
    return [loop, end()]


def test_a_loops_values_have_the_records_that_wrote_them(floor: Floor) -> None:
    run = floor.run(workflow(*counting()))
    records = {record["path"]: record for record in floor.records(run)}
    seq = {path: record["seq"] for path, record in records.items()}
    first, second = records["grow[1]/look"]["decision"], records["grow[2]/look"]["decision"]
    assert written(first["because"]) == {
        "steps.bump.n": ("grow[1]/bump", seq["grow[1]/bump"]),
        "carry.n": ("grow[1]/look", seq["grow[1]/look"]),
    }, "the round's end looks at the carry that it leaves"
    assert written(first["via"]["because"])["carry.n"] == ("carry", None), "the first is the loop's own"
    assert written(second["via"]["because"]) == {
        "carry.n": ("grow[1]/look", seq["grow[1]/look"]),
        "steps.bump.n": ("grow[2]/bump", seq["grow[2]/bump"]),
    }
    assert [written(each["operands"]) for each in second["via"]["tried"]] == [
        {"carry.n": ("grow[1]/look", seq["grow[1]/look"])},
        {"steps.bump.n": ("grow[2]/bump", seq["grow[2]/bump"])},
    ]
    closing = records["grow[3]/look"]["decision"]
    assert closing["rule"] == "steps[0].max"
    assert written(closing["tried"][0]["operands"])["carry.n"] == ("grow[3]/look", seq["grow[3]/look"])


def test_a_round_that_ends_with_the_step_just_written_names_it(floor: Floor) -> None:
    loop, done = counting()
    loop["body"] = [{**loop["body"][0], "next": "continue"}]
    run = floor.run(workflow(loop, done))
    records = floor.records(run)
    assert written(records[0]["decision"]["because"]) == {"steps.bump.n": ("grow[1]/bump", 1), "carry.n": ("grow[1]/bump", 1)}


def test_another_worker_knows_who_updated_the_carry(floor: Floor) -> None:
    """A run that is given back in the middle of a round has nothing in memory of those before."""
    floor.server.script(b.chat({"label": "a"}), b.error(503), b.chat({"label": "a"}), b.chat({"label": "b"}))
    step = ask(retry={"attempts": 2, "backoff": "10ms"}, next="look")
    cases = [{"when": "steps.classify.label == 'b' && carry.n == 2.0", "to": "break"}]
    look = {"id": "look", "type": "branch", "cases": cases, "default": "continue"}
    loop = {
        "id": "grow", "type": "loop", "max": 5, "carry": {"n": 0.0}, "update": {"n": "${carry.n + 1.0}"}, "body": [step, look],
        "next": "done",
    }  # fmt: skip
    run = floor.run(workflow(loop, end()))
    records = {record["path"]: record for record in floor.records(run)}
    before = records["grow[1]/look"]
    assert written(records["grow[2]/look"]["decision"]["via"]["because"])["carry.n"] == ("grow[1]/look", before["seq"])
    left = records["grow[3]/look"]["decision"]
    assert (left["to"], written(left["because"])["carry.n"]) == ("grow", ("grow[2]/look", records["grow[2]/look"]["seq"]))


def test_a_call_that_is_too_dear_says_what_it_could_cost(floor: Floor) -> None:
    """In the record where a rule takes over, and in the question where a person is asked."""
    priced = {"main": {"provider": "main", "usd_per_mtok_in": 0, "usd_per_mtok_out": 1000}}
    step = ask(max_input_tokens=99, max_output_tokens=700)
    wanted = {
        "spent.cost_usd": (0.0, "spent"), "call.cost_usd": (0.7, "call"), "limits.cost_usd": (0.5, "limits"),
    }  # fmt: skip
    routed = floor.run(workflow(step, end(), models=priced, limits={"cost_usd": 0.5, "on_breach": "done"}))
    (record, _) = floor.records(routed)
    assert {one["path"]: (one["value"], one["by"]) for one in record["decision"]["because"]} == wanted
    asked = floor.run({**workflow(step, end(), models=priced, limits={"cost_usd": 0.5}), "id": "asked"}, proven=False)
    (reason,) = unpack_all([floor.escalation(asked).reason])
    assert {one["path"]: one["value"] for one in reason["operands"]} == {path: value for path, (value, _) in wanted.items()}
