"""Schemas that nobody wrote: what a step gives where the definition does not say so."""

from typing import Any

Schema = dict[str, Any]


def text_output() -> Schema:
    """What an `llm` without `output` gives."""
    return {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


def schema_of_human(form: Schema, actions: Any) -> Schema:
    """What a person's answer gives: the action pressed, the form's values, and who."""
    return {
        "type": "object",
        "required": ["action", "values", "by"],
        "properties": {"action": {"enum": [action.id for action in actions]}, "values": form, "by": {"type": "string"}},
    }


def join(left: Schema, right: Schema) -> Schema:
    """A schema that covers both; `{}` where they have too little in common to say anything useful."""
    if left == right:
        return left
    kinds = {left.get("type"), right.get("type")}
    if kinds == {"integer", "number"}:
        return {"type": "number"}
    if "null" in kinds and len(kinds) == 2 and all(isinstance(kind, str) for kind in kinds):
        return {"type": sorted(str(kind) for kind in kinds)} | {k: v for s in (left, right) for k, v in s.items() if k in ("properties", "required", "items")}
    if kinds == {"object"}:
        return _join_objects(left, right)
    if kinds == {"array"}:
        # An empty list says nothing of its items.
        items = [schema["items"] for schema in (left, right) if schema.get("items")]
        return {"type": "array", "items": join(*items) if len(items) == 2 else items[0]} if items else {"type": "array"}
    if len(kinds) == 1 and isinstance(left.get("type"), str):
        return {"type": left["type"]}
    return {}


def _join_objects(left: Schema, right: Schema) -> Schema:
    ours, theirs = left.get("properties", {}), right.get("properties", {})
    both = {name: join(ours[name], theirs[name]) if name in ours and name in theirs else (ours.get(name) or theirs[name]) for name in {**ours, **theirs}}
    required = [name for name in left.get("required", ()) if name in right.get("required", ())]
    return {"type": "object", "properties": both, "required": required}
