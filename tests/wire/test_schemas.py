"""Schemas and names as servers take them."""

import json
from typing import Any

import pytest

from orchestration.llm.schema import is_recursive, portable, wire_name

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
SCHEMAS: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], bool] | None]] = {
    "limits are left out": (
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 9, "pattern": "^x"}}},
        (CLOSED, True),
    ),
    "optional stays optional": (
        {"type": "object", "properties": {"a": {"type": "string"}}},
        ({**CLOSED, "required": []}, False),
    ),
    "nested, nullable, referenced": (
        {
            "type": "object",
            "required": ["l"],
            "properties": {"l": {"type": "array", "items": {"$ref": "#/definitions/n"}, "minItems": 1}},
            "definitions": {"n": {"type": ["string", "null"]}},
        },
        (
            {
                "type": "object",
                "required": ["l"],
                "additionalProperties": False,
                "properties": {"l": {"type": "array", "items": {"$ref": "#/$defs/n"}}},
                "$defs": {"n": {"type": ["string", "null"]}},
            },
            True,
        ),
    ),
    "a list at the root": ({"type": "array", "items": {"type": "string"}}, None),
    "free keys": ({"type": "object", "properties": {"a": {"type": "object"}}}, None),
    "typed free keys": ({**CLOSED, "additionalProperties": {"type": "string"}}, None),
    "conditions": ({**CLOSED, "if": {}, "then": {}}, None),
    "an untyped place": ({**CLOSED, "properties": {"a": {}}}, None),
    "boolean schema": ({**CLOSED, "properties": {"a": True}}, None),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_the_portable_subset_never_says_more_than_the_schema(case: str) -> None:
    schema, expected = SCHEMAS[case]
    before = json.dumps(schema)
    assert portable(schema) == expected
    assert json.dumps(schema) == before


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_properties_keep_their_order_since_models_write_in_it(names: str) -> None:
    found = portable({"type": "object", "properties": {name: {"type": "string"} for name in names}})
    assert found is not None and list(found[0]["properties"]) == list(names)


@pytest.mark.parametrize(
    ("definitions", "recursive"),
    [
        ({}, False),
        ({"a": {"properties": {"x": {"$ref": "#/$defs/b"}}}, "b": {"type": "string"}}, False),
        ({"a": {"properties": {"x": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}]}}}}, True),
        ({"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}}, True),
        ({"a": {"items": {"$ref": "#"}}}, True),
    ],
)
def test_a_schema_that_holds_its_own_kind_is_known(definitions: dict[str, Any], recursive: bool) -> None:
    assert is_recursive({**CLOSED, "$defs": definitions}) is recursive


def test_names_for_the_wire_are_within_what_servers_take() -> None:
    assert wire_name("crm.get_customer") == "crm__get_customer"
    assert wire_name("a b/" + "x" * 99) == "a_b_" + "x" * 60
