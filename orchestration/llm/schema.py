"""Schemas as servers take them, and names as they take them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from orchestration.core.values import canonical, dump, load

_KEPT = ("title", "description", "enum", "const")
_SILENT = (  # limits that the answer is held to afterwards; no server has to know them
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format",
    "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "default", "examples", "$comment", "$schema", "$id",
    "deprecated", "readOnly", "writeOnly",
)  # fmt: skip


class _Unfit(Exception):
    """The schema says something that not every server knows."""


def portable(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool] | None:
    """The schema in the subset that servers agree on, and whether it may be sent as strict; None where it does not fit.

    Never tighter than the original but for closing objects, and never looser in structure: limits of number and length are
    left out, since the answer is checked against the original anyway. Optional properties stay optional, so that no null
    comes back where the contract knows none; the schema is then not strict.

    Converted once for each content, in the order of its keys, and shared: what is given is not to be changed.
    """
    return _portable(dump(dict(schema)))


@lru_cache(maxsize=512)
def _portable(text: str) -> tuple[dict[str, Any], bool] | None:
    schema = load(text)
    if schema.get("type") != "object" or not schema.get("properties"):
        return None
    strict = [True]
    try:
        return _convert(schema, strict), strict[0]
    except _Unfit:
        return None


def _convert(schema: Any, strict: list[bool]) -> dict[str, Any]:
    if not isinstance(schema, Mapping):
        raise _Unfit
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in _KEPT:
            made[keyword] = value
        elif keyword == "type":
            made["type"] = list(value) if isinstance(value, (list, tuple)) else value
        elif keyword == "properties":
            made["properties"] = {name: _convert(inner, strict) for name, inner in value.items()}
        elif keyword == "items":
            made["items"] = _convert(value, strict)
        elif keyword in ("anyOf", "oneOf"):
            made["anyOf"] = [_convert(inner, strict) for inner in value]
        elif keyword in ("$defs", "definitions"):
            made["$defs"] = {name: _convert(inner, strict) for name, inner in value.items()}
        elif keyword == "$ref":
            made["$ref"] = str(value).replace("#/definitions/", "#/$defs/")
        elif keyword not in (*_SILENT, "required", "additionalProperties"):
            raise _Unfit
    if not made.keys() & {"type", "enum", "const", "anyOf", "$ref"}:
        raise _Unfit
    if made.get("type") == "object" or (isinstance(made.get("type"), list) and "object" in made["type"]):
        _close(schema, made, strict)
    if made.get("type") == "array" and "items" not in made:
        raise _Unfit
    return made


def _close(schema: Mapping[str, Any], made: dict[str, Any], strict: list[bool]) -> None:
    if schema.get("additionalProperties", False) not in (False, True) or not made.get("properties"):
        raise _Unfit  # free keys are the point of such an object, and closing it would forbid them
    required = list(schema.get("required", ()))
    if set(required) - made["properties"].keys():
        raise _Unfit
    strict[0] = strict[0] and len(required) == len(made["properties"])
    made["required"] = required
    made["additionalProperties"] = False


def is_recursive(schema: Mapping[str, Any]) -> bool:
    """Whether a value of a portable schema may hold another of its own kind, so that no finite grammar describes it."""
    left = {name: _refs(inner) for name, inner in schema.get("$defs", {}).items()}
    while flat := [name for name, refs in left.items() if not refs & left.keys()]:
        for name in flat:
            del left[name]
    return bool(left) or "#" in _refs(schema)


def _refs(value: Any) -> set[str]:
    """Names of all definitions that are referred to below a place; the root's is "#"."""
    if isinstance(value, Mapping):
        own = {str(value["$ref"]).removeprefix("#/$defs/")} if "$ref" in value else set()
        return own.union(*map(_refs, value.values()))
    return set().union(*map(_refs, value)) if isinstance(value, (list, tuple)) else set()


def instruction(schema: Mapping[str, Any]) -> str:
    """What a model is told where its server does not hold it to a schema."""
    return (
        "Answer with one JSON value and nothing else: no prose around it and no code fence. "
        f"It must be valid against this JSON Schema:\n{canonical(dict(schema))}"
    )


def wire_name(name: str) -> str:
    """A tool's name as servers take it: dots become `__`, 64 characters at most.

    Compare by this, `wire_name(call.name) == wire_name(tool.name)`: a tool's own name may hold `__` too.
    """
    return re.sub(r"[^A-Za-z0-9_-]", "_", name.replace(".", "__"))[:64]


def tool_name(wire: str) -> str:
    """The name back: `__` becomes a dot."""
    return wire.replace("__", ".")
