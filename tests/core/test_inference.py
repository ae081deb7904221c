"""What one recorded value says of those that will come."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.contract import check_schema, contract
from orchestration.core.inference import schema_of_value

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS | st.sampled_from([[], {}, {str(number): number for number in range(101)}]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab1"), inner, max_size=3),
    max_leaves=20,
)


@given(VALUES)
def test_a_contract_accepts_the_value_that_it_was_made_from(value: Any) -> None:
    found = schema_of_value(value)
    assert check_schema(found) == ()
    assert contract(found).accepts(value), found
    assert "enum" not in str(found) and "maxItems" not in str(found)


def test_a_contract_tells_types_and_what_was_there_and_no_values() -> None:
    label, line = {"type": "string"}, {"price": {"type": "number"}, "note": {"type": ["null", "string"]}}
    value = {
        "label": "refund",
        "lines": [{"price": 1, "note": None}, {"price": 2.5, "note": "x", "n": 3}],
        "later": None,
        "no": [],
    }
    assert schema_of_value(value) == {
        "type": "object",
        "required": ["label", "lines", "later", "no"],
        "properties": {
            "label": label,
            "lines": {
                "type": "array",
                "items": {"type": "object", "required": ["price", "note"], "properties": {**line, "n": {"type": "integer"}}},
            },
            "later": {},
            "no": {"type": "array"},
        },
    }
    assert not contract(schema_of_value(value)).accepts({**value, "label": 3})
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": [deep]}
    assert contract(schema_of_value(deep)).accepts(deep)
