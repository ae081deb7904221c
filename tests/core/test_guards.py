"""An expression that was not refused doesn't fail for want of a value: drawn conditions on drawn values."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.contract import coerce, contract
from orchestration.core.errors import Refused
from orchestration.core.expression import (
    Condition,
    compile_condition,
)
from tests.core.seen import NUMBER, TEXT, WHOLE, obj

PLACES = {
    "s.req": "number", "s.opt": "number", "s.nul": "text", "s.optnul": "number", "s.deep.a": "text", "s.deep.b": "number",
    "s.tag": "text", "s.flag": "flag", "s.list": "list", "s.list[0].k": "text", "s.gone.x.y": "number",
}  # fmt: skip
SMALL = obj("req nul deep tag list", req=NUMBER, opt=WHOLE, nul={"type": ["string", "null"]}, optnul={"type": ["number", "null"]},
            deep={"anyOf": [{"type": "null"}, obj("a", a=TEXT, b=NUMBER)]}, tag={"enum": ["x", "y"]}, flag={"type": "boolean"},
            gone=obj("", x=obj("y", y=NUMBER)),
            list={"type": "array", "items": obj("k", k=TEXT, v={"type": ["integer", "null"]})})  # fmt: skip
ROWS = st.fixed_dictionaries({"k": st.sampled_from(["x", "z"])}, optional={"v": st.sampled_from([None, 0, 2])})
SMALL_VALUES = st.fixed_dictionaries(
    {
        "req": st.sampled_from([1, 2.5]), "nul": st.sampled_from([None, "x"]), "tag": st.sampled_from(["x", "y"]),
        "deep": st.none() | st.fixed_dictionaries({"a": st.just("x")}, optional={"b": st.just(2)}),
        "list": st.lists(ROWS, min_size=1, max_size=2),
    },
    optional={
        "opt": st.sampled_from([1, 3]), "optnul": st.sampled_from([None, 1]), "flag": st.booleans(),
        "gone": st.fixed_dictionaries({}, optional={"x": st.just({"y": 1.5})}),
    },
)  # fmt: skip


def bodies(place: str, kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        {
            "number": [f"{place} > 1", f"{place} + 1 >= 2.5", f"{place} * 2 == s.req", f"double({place}) < 3.0", f"-{place} < 0"],
            "text": [f"{place} == 'x'", f"{place} in ['x', 'y']", f"{place}.startsWith('x')", f"{place} + 'a' != 'b'",
                     f"size({place}) > 0", f"{place} < s.tag"],
            "flag": [place, f"!{place}", f"{place} == true"],
            "list": [f"{place}.exists(i, has(i.v) && i.v != null && i.v > 1)", f"{place}.all(i, i.k == 'x')",
                     f"{place}.filter(i, has(i.v) && i.v != null).map(i, i.v + 1).size() > 0", f"{place}.exists(i, i.v > 1)",
                     f"{place}.exists(i, has(i.v) && i.v > 1)", f"{place}.map(i, has(i.v), i.v == null).size() > 0"],
        }[kind]
    )  # fmt: skip


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    if depth and draw(st.booleans()):
        one, other = draw(conditions(depth - 1)), draw(conditions(depth - 1))
        return draw(
            st.sampled_from([f"({one}) && ({other})", f"({one}) || ({other})", f"!({one})", f"({one}) ? ({other}) : ({one})"])
        )
    place = draw(st.sampled_from(sorted(PLACES)))
    body = draw(bodies(place, PLACES[place]))
    has = f"has({place})" if "[" not in place or place.endswith(".k") else "true"
    return draw(st.sampled_from([
        body, f"{has} && {body}", f"{has} && {place} != null && {body}", f"{place} != null && {body}", f"!{has} || {body}",
        f"{has} ? {body} : false", f"{has} && ({place} == null || {body})", f"!({has} && {place} != null) || {body}",
        f"{place} == null ? true : {body}", f"{body} || {has}", f"!{has} && {body}",
    ]))  # fmt: skip


def compiled(source: str) -> tuple[Condition | None, set[str]]:
    try:
        return compile_condition(source, {"s": SMALL}), set()
    except Refused as error:
        return None, {problem.code for problem in error.problems}


@settings(max_examples=150)
@given(conditions(), SMALL_VALUES)
def test_what_was_not_refused_never_misses_a_value_or_a_type(source: str, values: Any) -> None:
    assert contract(SMALL).accepts(values)
    env = {"s": coerce(SMALL, values)}
    condition, codes = compiled(source)
    if condition is None:
        assert codes == {"optional_unguarded"}
        return
    held = condition.evaluate(env)
    explained = condition.explain(env)
    assert (explained.value, explained.error) == (held, None)
    for comparison in explained.comparisons:
        if comparison.margin:
            assert comparison.held is (comparison.margin > 0)
    assert compile_condition(condition.text, {"s": SMALL}).evaluate(env) is held


def test_most_guarded_conditions_are_taken() -> None:
    """The property above would hold of a compiler that refused everything."""
    guards = ["has({0}) && {0} != null && {1}", "!(has({0}) && {0} != null) || {1}", "has({0}) && ({0} == null || {1})"]
    for place, body in [("s.optnul", "s.optnul > 1"), ("s.deep.b", "s.deep.b > 1"), ("s.gone.x.y", "s.gone.x.y > 1"),
                        ("s.list[0].v", "s.list[0].v + 1 > 2")]:  # fmt: skip
        for guard in guards:
            compile_condition(guard.format(place, body), {"s": SMALL})
