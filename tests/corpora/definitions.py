"""Texts that are to be definitions, as YAML, as JSON, or as either: those that can't be read, and readable ones that are wrong.

The first are refused with one problem, and nothing is stored under any id. The second are kept as drafts, with what is wrong said
at its place, and not published.
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from orchestration.core import source
from tests import factories

YAML, JSON = "application/yaml", "application/json"


@dataclass(frozen=True)
class Text:
    """`status` of the REST interface. `draft`: the editor keeps it as the draft that it is, with the problem beside it."""

    text: bytes
    code: str
    kinds: tuple[str, ...] = (YAML, JSON)
    status: int = 422
    draft: bool = True


DEEP = 100_000
UNREADABLE: dict[str, Text] = {
    "nothing": Text(b"", "empty"),
    "blanks": Text(b" \n\n", "empty"),
    "a comment": Text(b"# nothing yet", "empty", (YAML,)),
    "a number": Text(b"7", "wrong_type"),
    "a list": Text(b"[]", "wrong_type"),
    "prose": Text(b"Please sort the tickets.", "wrong_type", (YAML,)),
    "HTML": Text(b"<!doctype html><title>Sign in</title>", "wrong_type", (YAML,)),
    "a tab": Text(b"id: a\nsteps:\n\t- id: b", "not_yaml", (YAML,)),
    "a bracket that stays open": Text(b"id: a\nsteps: [", "not_yaml", (YAML,)),
    "half of it": Text(b'{"id": "a", "steps": [', "not_yaml"),
    "an anchor": Text(b"id: &x a\ntitle: *x", "anchor", (YAML,)),
    "ten times ten times ten": Text(
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]", "anchor", (YAML,)
    ),
    "a merge key": Text(b"id: a\n<<: {title: b}", "anchor", (YAML,)),
    "a tag": Text(b"id: !!python/object/apply:os.system [true]", "tag", (YAML,)),
    "a key that is no text": Text(b"? [a, b]\n: c", "bad_key", (YAML,)),
    "a key twice": Text(b'{"id": "a", "id": "b"}', "duplicate_key"),
    "two documents": Text(b"id: a\n---\nid: b", "not_yaml", (YAML,)),
    "100,000 lists deep": Text(b'{"id": "a", "note": ' + b"[" * DEEP + b"]" * DEEP + b"}", "too_deep"),
    "100,000 objects deep, cut off": Text(b'{"id":' * DEEP, "too_deep"),
    "a megabyte of nesting": Text(b"- " * 500_000 + b"a", "too_deep", (YAML,)),
    "NUL": Text(b"id: a\ntitle: \x00", "bad_character", (YAML,), draft=False),
    "NUL as an escape": Text(rb'{"id": "a", "title": "\u0000"}', "bad_character"),
    "a lone surrogate": Text(rb'{"id": "a", "title": "\ud800"}', "bad_character", (JSON,)),
    "NaN": Text(b'{"id": "a", "max": NaN}', "not_a_number", (JSON,)),
    ".nan": Text(b"id: a\nmax: .nan", "not_a_number", (YAML,)),
    "1e400": Text(b'{"id": "a", "max": 1e400}', "not_a_number"),
    "10^5000": Text(b'{"id": "a", "max": 1' + b"0" * 5000 + b"}", "number_too_large"),
    "Latin-1": Text(b"id: a\ntitle: \xe9", "not_text", (YAML,), draft=False),
    "UTF-16": Text("id: a".encode("utf-16"), "not_text", (YAML,), draft=False),
    "more values than are read": Text(b'{"id": "a", "note": [' + b"0," * 200_001 + b"0]}", "too_large", status=413),
    "2 MB": Text(b"id: a\nnote: " + b"x" * 2_000_000, "too_large", (YAML,), 413, draft=False),
    "50 MB": Text(b"id: a\nnote: " + b"x" * 50_000_000, "too_large", (YAML,), 413, draft=False),
    "no id": Text(b"interlock: 1\ntitle: Nameless", "missing_key", (YAML,)),
    "an id that is none": Text(b'{"interlock": 1, "id": "../Etc"}', "bad_id"),
}


def _changed(*path: str | int, to: Any) -> dict[str, Any]:
    definition: Any = deepcopy(factories.asking())
    here = definition
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = to
    return definition  # type: ignore[no-any-return]


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown key": (_changed("titel", to="Asking"), "unknown_key", "titel"),
    "an unknown key of a step": (_changed("steps", 1, "dedline", to="2d"), "unknown_key", "steps[1].dedline"),
    "steps that are no list": (_changed("steps", to={"a": 1}), "wrong_type", "steps"),
    "a title that is no text": (_changed("title", to=7), "wrong_type", "title"),
    "a step that there is not": (_changed("start", to="nowhere"), "unknown_step", "start"),
    "a type that there is not": (_changed("steps", 0, "type", to="lmm"), "unknown_step_type", "steps[0]"),
    "what has not run": (_changed("steps", 0, "values", "text", to="${steps.ask.action}"), "unassigned", "steps[0].values"),
    "what nobody gives": (
        _changed("steps", 0, "values", "text", to="${run.input.txet}"), "unknown_reference", "steps[0].values.text",
    ),
    "an expression cut off": (
        _changed("steps", 0, "values", "text", to="${run.input."), "expression_syntax", "steps[0].values.text",
    ),
    "a wait without an end": (_changed("steps", 1, "deadline", to="soon"), "bad_value", "steps[1].deadline"),
    "a schema that is none": (_changed("input", to={"type": "txet"}), "bad_schema", "input.type"),
}  # fmt: skip
"""The definition, the code and the place of what is wrong with it. Whatever can be wrong is in `core/flaws`."""


def texts(definition: dict[str, Any]) -> dict[str, bytes]:
    """As YAML and as JSON."""
    return {YAML: source.write(definition).encode(), JSON: json.dumps(definition).encode()}
