"""Values as rows and as text: what was shown and sent back unchanged is the same value, whatever it is."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.panel.contracts import Contract, with_words
from dashboard.panel.ways import Condition, NamedValues
from dashboard.schema_answer import ABSENT, Reading, read_value, value_text, write
from dashboard.schema_fields import fields_of
from dashboard.schema_spec import Spec, Way
from orchestration.core import rows
from orchestration.core.errors import Problem, Refused
from tests.core.test_rows import FOUND

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"), max_size=6)
JSON = st.recursive(
    TEXTS | st.integers(-(2**53), 2**53) | st.floats(0.1, 1e6) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "Sorted as", "ÿ", "x.y", "a[]", '["a"]', "", " ", "e-mail", "\n", 'q"'])
PART = st.fixed_dictionaries(
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


def _holding(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects and lists of these, some with what rows can't say."""
    fields = st.builds(
        lambda properties, some, odd: {
            "properties": properties,
            **({"required": [*properties][:some] + odd} if some or odd else {}),
        },
        st.dictionaries(NAMES, inner, max_size=3),
        st.integers(0, 3),
        st.sampled_from([[], [], [], ["undeclared"]]),
    )
    more = st.sampled_from([{}, {}, {"additionalProperties": False}, {"description": "D"}, {"enum": [1]}, {"required": []}])
    held = st.builds(
        lambda kind, fields, more: {**kind, **more, **fields}, st.sampled_from([{"type": "object"}, {}]), fields, more
    )
    lists = st.builds(
        lambda items, more: {"type": "array", "items": items, **more},
        held | inner | st.booleans(),
        st.sampled_from([{}, {"maxItems": 5}, {"enum": [[1]]}, {"description": "D"}]),
    )
    return held | lists


PARTS = st.recursive(PART, _holding, max_leaves=8)
SCHEMAS = st.builds(
    lambda properties, more, some: {"type": "object", "required": list(properties)[:some], "properties": properties, **more},
    st.dictionaries(NAMES, PARTS, min_size=1, max_size=3),
    st.sampled_from([{}, {"additionalProperties": False}, {"title": "T"}]),
    st.integers(1, 3),
)  # fmt: skip
WORDS = st.sampled_from(["lines", "amount", "text", "e-mail", "Sorted as", "a.b"])
SAID = st.recursive(
    st.sampled_from(
        [
            {"type": "string"}, {"type": "number"}, {"type": "boolean", "description": "D"}, {"enum": ["a", 1]},
            {"type": "array"},
            {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, {"type": "array", "items": {"type": "integer"}},
        ]
    ),
    lambda inner: st.builds(
        lambda properties, some, listed: (
            {"type": "array", "items": _object(properties, some)} if listed else _object(properties, some)
        ),
        st.dictionaries(WORDS, inner, min_size=1, max_size=3), st.integers(0, 3), st.booleans(),
    ),
    max_leaves=8,
)  # fmt: skip
"""What rows can say."""


def _object(properties: dict[str, Any], some: int) -> dict[str, Any]:
    return {"type": "object", **({"required": [*properties][:some]} if some else {}), "properties": properties}


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


@given(st.dictionaries(WORDS, SAID, min_size=1, max_size=3), st.integers(0, 3))
def test_lists_and_objects_of_a_contract_are_rows_that_need_no_json(properties: dict[str, Any], some: int) -> None:
    schema = _object(properties, some)
    shown = Contract().shown(schema)
    assert not [row for row in (shown, *shown["fields"]) if "more" in row]
    assert through(Contract(), schema) == schema


@given(FOUND)
def test_a_condition_is_the_same_again(found: rows.Rows) -> None:
    assert through(Condition(), rows.condition(found)) == rows.condition(found)


TYPED = [
    *(("contains", text) for text in ("1.50", "007", "1e3", "-0", "true", "[ 1, 2 ]", '{"a" : 1}', "a  b", '"a', "${a.c}")),
    ("matches", "1.50"), ("startsWith", "0.10"), ("endsWith", "5.0"),
    ("==", "refund"), ("==", '"5"'), ("==", "${a.c}"), ("in", "a, b"), ("in", '"5"'), ("in", '["a, b", "c"]'), ("in", "5"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "text"), TYPED)
def test_what_was_typed_beside_an_operator_comes_back_as_it_was_typed(operator: str, text: str) -> None:
    row = {"v/items/0/place": ["a.b"], "v/items/0/operator": [f'"{operator}"'], "v/items/0/value": [text]}
    spec = Spec("either", "when", "When", way=Condition())
    found = Reading({"v/items~item": ["0"], **row}).value(spec, "v")
    assert write(spec, found, "v")["v/items/0/value"] == [text], found


def test_what_is_looked_for_is_the_text_and_one_in_quotes_is_what_stands_in_them() -> None:
    def said(operator: str, value: str) -> Any:
        return Condition().value({"items": [{"place": "a.b", "operator": operator, "value": value}]})

    assert said("contains", "1.50") == "a.b.contains('1.50')"
    assert said("matches", '"1.50"') == "a.b.matches('1.50')"
    assert said("==", "1.50") == "a.b == 1.5"
    assert said("in", '"a, b"') == "a.b in ['a, b']"
    assert said("contains", " ") == "a.b.contains('')"


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


def test_a_list_of_lines_is_typed_as_rows_and_lacks_none_that_was_not_written() -> None:
    rows = [("lines[].amount", "number"), ("lines[].text", "text"), ("customer", "object"), ("customer.e-mail", "text")]
    found = Reading(typed(*rows, ("", "text"))).value(Spec("either", "output", "Output", way=Contract()), "v")
    line = {"required": ["amount", "text"], "properties": {"amount": {"type": "number"}, "text": {"type": "string"}}}
    customer = {"type": "object", "required": ["e-mail"], "properties": {"e-mail": {"type": "string"}}}
    lines = {"type": "array", "items": {"type": "object", **line}}
    assert found == {"type": "object", "required": ["lines", "customer"], "properties": {"lines": lines, "customer": customer}}
    assert [(row["name"], row["kind"]) for row in Contract().shown(found)["fields"]] == [("lines", "objects"), *rows]


def typed(*rows: tuple[str, str], **more: str) -> dict[str, list[str]]:
    """Rows of a contract by name and kind, with more in some of the fields, as `1_enum`."""
    answer = {"v/fields~item": [str(index) for index in range(len(rows))]}
    for index, (name, kind) in enumerate(rows):
        row = f"v/fields/{index}"
        answer |= {f"{row}/name": [name], f"{row}/kind": [f'"{kind}"'], f"{row}/required": ["on"]}
    return answer | {f"v/fields/{key.replace('_', '/')}": [text] for key, text in more.items()}


TWICE = {"v~item": ["0", "1"], "v/0/name": ["x"], "v/0/value": ["1"], "v/1/name": ["x"], "v/1/value": ["2"]}
NOWHERE = {"v/join": ['"all"'], "v/items~item": ["0"], "v/items/0/place": ["1 +"], "v/items/0/value": ["2"]}
OR_NOTHING = {
    "v/items~item": ["0"],
    "v/items/0/place": ["a.b"],
    "v/items/0/others~item": ["4"],
    "v/items/0/others/4/value": ["2"],
}
BOTH = '{"properties": {"y": {}}}'
REFUSED: list[tuple[Way, dict[str, list[str]], str, str]] = [
    (NamedValues(), TWICE, "[1].name", "x stands here twice"),
    (NamedValues(), {"v~item": ["0"], "v/0/name": [""], "v/0/value": ["1"]}, "[0].name", "A value has no name"),
    (NamedValues(), {"v~text": ["{"]}, "", "line 1, column 2"),
    (NamedValues(), {"v~text": ['{"a":\n [1e999]}']}, "", "(at a[0])"),
    (Contract(), typed(("x", "array"), **{"0_more": "7"}), ".fields.x.more", 'keywords of JSON Schema, as `{"maxItems": 20}`'),
    (Contract(), typed(("x", "text"), **{"0_more": '{"a": }'}), ".fields.x.more", "a value is missing at line 1, column 7"),
    (Contract(), typed(("x", "text"), **{"0_enum": "a", "0_more": '{"enum": [1]}'}), ".fields.x.more", "`enum` is said by a row"),
    (Contract(), typed(("x", "object"), ("x.y", "text"), **{"0_more": BOTH}), ".fields.x.more", "Say it once"),
    (Contract(), typed(("x", "text"), (" x", "number")), '.fields[" x"].name', "stands here twice"),
    (Contract(), typed(("x", "text"), ("x", "number")), ".fields[1].name", "`x` stands here twice"),
    (Contract(), typed(("", "number")), ".fields[0].name", "A field has no name"),
    (Contract(), typed(("x", "texts"), ("x[].y", "text")), ".fields.x.kind", "has to be a list of objects"),
    (Contract(), typed(("x", "text"), ("x.y", "text")), ".fields.x.kind", "has to be an object"),
    (Contract(), typed(("x", "objects"), ("x.y", "text")), '.fields["x.y"].name', "`x[].y`"),
    (Contract(), typed(("x[].y", "text"), ("x.z", "text")), '.fields["x.z"].name', "In other rows `x` is a list"),
    (Contract(), typed(("x[]", "text")), '.fields["x[]"].name', "in the row of `x`"),
    (Contract(), typed(("x[0].y", "text")), '.fields["x[0].y"].name', "no name of a field"),
    (Condition(), NOWHERE, ".items[0].place", "is no place"),
    (Condition(), OR_NOTHING, ".items[0].others[0].place", "is no place"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "typed", "place", "words"), REFUSED)
def test_rows_that_say_nothing_that_could_be_kept_are_refused_at_the_field_that_is_wrong(
    way: Way, typed: dict[str, list[str]], place: str, words: str
) -> None:
    spec = Spec("object", "", "", properties=(Spec("either", "it", "It", way=way),))
    answer = {name.replace("v", "v/it", 1): texts for name, texts in typed.items()}
    reading = Reading({**answer, "v~on": ["on"]})
    reading.value(spec, "v", "values")
    assert [problem.path for problem in reading.problems] == [f"values.it{place}"]
    assert words in reading.problems[0].message
    wrong = list(fields_of(spec, reading.answer, "v", None, reading.problems).wrong())
    assert [(field.path, len(field.errors)) for field in wrong] == [(f"it{place}", 1)]
    key = re.search(r"\w+\Z", place)
    assert not key or (wrong[0].name.endswith(f"/{key[0]}") and wrong[0].label.endswith(key[0].title()))


def test_what_a_proof_finds_in_a_contract_stands_in_its_row_and_an_odd_name_is_told() -> None:
    schema = _object({"lines": {"type": "array", "items": _object({"e-mail": {"type": "string"}}, 0)}}, 0)
    spec = Spec("object", "", "", properties=(Spec("either", "output", "Output", way=Contract()),))
    answer = write(spec, {"output": schema}, "v")
    problem = Problem("bad_schema", "no.", 'values.output.properties.lines.items.properties["e-mail"].maxLength')
    tree = with_words(fields_of(spec, answer, "v", None, [problem]))
    assert [(field.name, field.label, field.errors) for field in tree.wrong()] == [
        ("v/output/fields/1/more", "Field 2, More", ("MaxLength: no.",))
    ]
    drawn = {field.name: field for field in tree.every()}
    assert [drawn[f"v/output/fields/{index}/more"].placeholder for index in (0, 1)] == ['{"maxItems": 20}', '{"maxLength": 200}']
    assert drawn["v/output/fields/0/name"].hint == ""
    assert '`…["e-mail"]`' in drawn["v/output/fields/1/name"].hint


@pytest.mark.parametrize("condition", ["size(run.input.x) > 1", {"not": {"any": ["a.b", "a.c"]}}, "a.b == '${x.y}'"])
def test_a_condition_that_is_more_than_rows_is_shown_as_text(condition: Any) -> None:
    with pytest.raises(Refused):
        Condition().shown(condition)
    spec = Spec("either", "when", "When", way=Condition())
    answer = write(spec, condition, "v")
    assert list(answer) == ["v~text"]
    assert Reading(answer).value(spec, "v") == (condition if isinstance(condition, str) else "!(a.b || a.c)")
