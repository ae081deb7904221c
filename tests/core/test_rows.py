"""Conditions as rows and back: each into the other where it can, and never into something else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.condition import compile_condition
from orchestration.core.rows import ALONE, ORDER, Comparison, Place, Rows, cel, condition, joined, rows, text

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9)
PLACES = st.sampled_from(["run.input.x", "steps.sort.label", "carry.score", "item", "error.code", "steps.a.rows[0].name"])
ASKED = st.sampled_from(["run.input.x", "steps.sort.label", "error.code"])
VALUES = TEXTS | NUMBERS | st.booleans() | st.none() | st.builds(Place, PLACES)
COMPARISONS = st.one_of(
    st.builds(Comparison, PLACES, st.sampled_from(ORDER[:6]), VALUES),
    st.builds(Comparison, PLACES, st.just("in"), st.lists(VALUES, min_size=1, max_size=3).map(tuple)),
    st.builds(Comparison, PLACES, st.sampled_from(ORDER[7:11]), TEXTS | st.builds(Place, PLACES)),
    st.builds(Comparison, ASKED, st.sampled_from(sorted(ALONE))),
)
FOUND = st.builds(
    joined, st.sampled_from(["all", "any"]), st.lists(st.lists(COMPARISONS, min_size=1, max_size=3), min_size=1, max_size=4)
)


@given(FOUND)
def test_rows_are_the_same_rows_again_by_either_spelling(found: Rows) -> None:
    assert rows(cel(found)) == found
    assert rows(condition(found)) == found
    assert rows(text(condition(found))) == found


READ: list[tuple[Any, Any]] = [
    ("steps.a.ok", {"all": [["steps.a.ok", "true", None]]}),
    ("!steps.a.ok && run.input.n > 3", {"all": [["steps.a.ok", "false", None], ["run.input.n", ">", 3]]}),
    (
        {"all": ["0.8 <= steps.a.sure", {"any": ["has(steps.b.x)", "!has(steps.b.y)"]}]},
        "steps.a.sure >= 0.8 && (has(steps.b.x) || !has(steps.b.y))",
    ),
    ({"all": ["a.x == 1 && a.y == 2", "a.z == 3"]}, "a.x == 1 && a.y == 2 && a.z == 3"),
    ({"any": ["a.x in ['p', 'q']"]}, "a.x in ['p', 'q']"),
    ("a.x == -1", "a.x == -1"),
    ("a.text.contains('no') || a.text.matches('^x')", "a.text.contains('no') || a.text.matches('^x')"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "wanted"), READ)
def test_what_people_write_becomes_rows(given: Any, wanted: Any) -> None:
    found = rows(given)
    assert found is not None
    if isinstance(wanted, str):
        assert cel(found) == wanted
    else:
        (join, listed), *_ = wanted.items()
        assert found == Rows(join, tuple((Comparison(*one),) for one in listed))


MORE = (
    "a.x + 1 > 2", "size(a.x) > 1", "a.x.exists(v, v > 1)", "!(a.x == 1)", "a.x == 1 ? true : false", "1 == 2", "a.x ==", "",
    {"not": {"all": ["a.x == 1", "a.y == 2"]}}, {"all": []}, {"both": ["a.x"]}, 7,
    "a.p == 1 && (a.q == 1 || (a.r == 1 && a.s == 1))",
)  # fmt: skip


@pytest.mark.parametrize("given", MORE)
def test_what_rows_can_not_show_stays_text(given: Any) -> None:
    assert rows(given) is None


def test_a_hundred_rows_and_no_more() -> None:
    many = [f"a.x == {n}" for n in range(101)]
    found = rows({"any": many[:100]})
    assert found is not None and len(found.items) == 100
    assert rows({"any": many}) is None


def test_rows_mean_what_the_condition_meant() -> None:
    given = {"all": ["has(steps.a.x)", {"any": ["steps.a.x > 3.0", "run.input.y == 'k'"]}, {"not": "has(steps.a.z)"}]}
    y_of_run = {"type": "object", "required": ["y"], "properties": {"y": {"type": "string"}}}
    sight = {
        "run": {"type": "object", "required": ["input"], "properties": {"input": y_of_run}},
        "steps": {"type": "object", "properties": {"a": {"type": "object", "properties": {"x": {"type": "number"}, "z": {}}}}},
    }  # fmt: skip
    found = rows(given)
    assert found is not None
    spelled = [compile_condition(each, sight) for each in (given, condition(found), cel(found))]
    for y in ("k", "l"):
        for inner in ({}, {"x": 2.0}, {"x": 4.0}, {"x": 4.0, "z": 1}):
            env = {"run": {"input": {"y": y}}, "steps": {"a": inner}}
            assert len({each.evaluate(env) for each in spelled}) == 1, env
