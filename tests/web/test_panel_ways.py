"""Values as rows and as text: what was shown and sent back unchanged is the same value, whatever it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.panel.ways import Condition, Contract, NamedValues
from dashboard.schema_answer import ABSENT, Reading, read_value, value_text, write
from dashboard.schema_spec import Spec, Way
from orchestration.core import rows
from orchestration.core.errors import Refused
from tests.core.test_rows import FOUND

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=6)
JSON = st.recursive(
    TEXTS | st.integers(-(2**53), 2**53) | st.floats(0.1, 1e6) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "Sorted as", "ÿ", "x.y"])
SCHEMA = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object", ["string", "null"]]),
        "enum": st.lists(JSON, min_size=1, max_size=3),
        "description": TEXTS,
        "items": st.sampled_from([{"type": "string"}, {"type": "number"}, True]),
        "required": st.just(["x"]),
        "maxLength": st.just(9),
    },
)
SCHEMAS = st.builds(
    lambda properties, more, some: {"type": "object", "required": list(properties)[:some], "properties": properties, **more},
    st.dictionaries(NAMES, SCHEMA, min_size=1, max_size=3),
    st.sampled_from([{}, {"additionalProperties": False}, {"title": "T"}]),
    st.integers(1, 3),
)  # fmt: skip


def through(way: Way, value: Any) -> Any:
    """What comes back from a browser that was shown this value and changed nothing."""
    spec = Spec("either", "it", "It", way=way)
    reading = Reading(write(spec, value, "v"))
    found = reading.value(spec, "v")
    assert reading.problems == []
    return found


@given(JSON)
def test_a_value_is_the_same_again_as_text(value: Any) -> None:
    if value != "" and not (isinstance(value, str) and not value.strip()):
        assert repr(read_value(value_text(value))) == repr(value)


@given(st.dictionaries(NAMES, JSON, min_size=1, max_size=3))
def test_named_values_are_the_same_again(value: dict[str, Any]) -> None:
    assert through(NamedValues(), value) == value
    assert NamedValues().read(NamedValues().text(value)) == value


@given(SCHEMAS)
def test_a_contract_is_the_same_again(schema: dict[str, Any]) -> None:
    assert through(Contract(), schema) == schema


@given(FOUND)
def test_a_condition_is_the_same_again(found: rows.Rows) -> None:
    assert through(Condition(), rows.condition(found)) == rows.condition(found)


def test_what_is_looked_for_may_stand_elsewhere_and_an_index_is_never_there() -> None:
    """A text that holds another stays so as rows, as a sample's own check is written."""
    text = "run.input.text.contains(run.input.ticket)"
    assert through(Condition(), text) == text
    with pytest.raises(Refused, match="no field"):
        Condition().value({"items": [{"place": "carry['is done']", "operator": "there"}]})


def test_a_condition_that_has_to_be_said_may_be_left_open() -> None:
    assert through(Condition(needed=True), "") == ""
    assert through(Condition(needed=True), ABSENT) == ""
    assert through(Condition(), ABSENT) is ABSENT
    spec = Spec("either", "when", "When", way=Condition(needed=True))
    for unsaid in (ABSENT, ""):
        answer = write(spec, unsaid, "v")
        assert (answer["v/items~item"], answer["v/items/0/operator"]) == (["0"], ['"=="']), "a row is there to be filled in"
    assert Reading({"v~text": [" "]}).value(spec, "v") == ""


def test_what_a_person_types_into_rows_of_a_contract_is_a_schema() -> None:
    typed = {
        "v/fields~item": ["0", "3", "9"],
        "v/fields/0/name": ["label"], "v/fields/0/kind": ['"text"'], "v/fields/0/required": ["on"],
        "v/fields/0/enum": ["refund, bug"],
        "v/fields/3/name": ["sure"], "v/fields/3/kind": ['"number"'], "v/fields/3/more": ['{"maximum": 1}'],
        "v/fields/9/name": [""], "v/fields/9/kind": ['"text"'], "v/fields/9/required": ["on"],
    }  # fmt: skip
    found = Reading(typed).value(Spec("either", "output", "Output", way=Contract()), "v")
    assert found == {
        "type": "object",
        "required": ["label"],
        "properties": {"label": {"type": "string", "enum": ["refund", "bug"]}, "sure": {"type": "number", "maximum": 1}},
    }


TWICE = {"v~item": ["0", "1"], "v/0/name": ["x"], "v/0/value": ["1"], "v/1/name": ["x"], "v/1/value": ["2"]}
NOWHERE = {"v/join": ['"all"'], "v/items~item": ["0"], "v/items/0/place": ["1 +"], "v/items/0/value": ["2"]}
REFUSED: list[tuple[Way, dict[str, list[str]], str]] = [
    (NamedValues(), TWICE, "x stands here twice"),
    (NamedValues(), {"v~item": ["0"], "v/0/name": [""], "v/0/value": ["1"]}, "A value has no name"),
    (NamedValues(), {"v~text": ["{"]}, ""),
    (Contract(), {"v/fields~item": ["0"], "v/fields/0/name": ["x"], "v/fields/0/more": ["7"]}, "more of x has to be JSON"),
    (Condition(), NOWHERE, "is no place"),
]


@pytest.mark.parametrize(("way", "typed", "words"), REFUSED)
def test_rows_that_say_nothing_that_could_be_kept_are_refused_where_they_stand(
    way: Way, typed: dict[str, list[str]], words: str
) -> None:
    reading = Reading(typed)
    assert reading.value(Spec("either", "it", "It", way=way), "v", "step.it") is ABSENT
    assert [problem.path for problem in reading.problems] == ["step.it"]
    assert words in reading.problems[0].message


@pytest.mark.parametrize("condition", ["size(run.input.x) > 1", {"not": {"any": ["a.b", "a.c"]}}, "a.b == '${x.y}'"])
def test_a_condition_that_is_more_than_rows_is_shown_as_text(condition: Any) -> None:
    with pytest.raises(Refused):
        Condition().shown(condition)
    spec = Spec("either", "when", "When", way=Condition())
    answer = write(spec, condition, "v")
    assert list(answer) == ["v~text"]
    assert Reading(answer).value(spec, "v") == (condition if isinstance(condition, str) else "!(a.b || a.c)")
