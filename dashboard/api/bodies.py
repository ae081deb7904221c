"""What comes in: JSON through the one sanitiser, and definitions as YAML or JSON."""

from collections.abc import Callable
from typing import Annotated, Any

import ninja
from django.http import HttpRequest
from ninja import Schema
from ninja.parser import Parser
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestration.core import values
from orchestration.core.errors import Problem, Refused
from orchestration.core.wording import abbreviate
from orchestration.queries.run_list import is_whole_id

_MENDED = "interlock.mended"
BAD_CHARACTER = "There is a NUL character or half of a surrogate pair here, which no store can keep. Remove it."


class Body(Schema):
    """Unknown keys are refused, so that a slip of the pen is not taken for a wish not to say."""

    model_config = ConfigDict(extra="forbid")


class CleanParser(Parser):
    """Strict JSON without duplicate keys, NaN, or more levels than anything here needs."""

    def parse_body(self, request: HttpRequest) -> Any:
        given = request.body
        found = values.parse_json(given) if given.strip() else values.Clean({})
        if not isinstance(found.value, dict):
            raise Refused(Problem("wrong_type", "The body is a JSON object.", ""))
        request.META[_MENDED] = found.marks
        return found.value


def mended(request: HttpRequest, key: str) -> list[str]:
    """The places below this key of the body where what can't be kept was replaced, as `input.text`."""
    return [place for place in request.META.get(_MENDED, ()) if place == key or place.startswith((f"{key}.", f"{key}["))]


def to_the_letter(request: HttpRequest, key: str | None = None) -> None:
    """Refuses a body, or what stands below `key` in it, where something that can't be kept was replaced: a definition or a secret
    with another character in it is another one."""
    found = request.META.get(_MENDED, ()) if key is None else mended(request, key)
    if found:
        raise Refused(*(Problem("bad_character", BAD_CHARACTER, place) for place in found[:20]))


def _one_of(words: str, *types: type) -> Callable[[Any], Any]:
    """One problem where a value is of none of these types. A union would be one for each of them."""

    def check(value: Any) -> Any:
        if not isinstance(value, types):
            raise PydanticCustomError("wrong_type", "This has to be {words}.", {"words": words})
        return value

    return check


Label = Annotated[
    Any,
    AfterValidator(_one_of("text, a number, true or false", str, int, float)),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Definition = Annotated[
    Any,
    AfterValidator(_one_of("the text of a definition, or its object", str, dict)),
    WithJsonSchema({"type": ["string", "object"]}),
]


class Start(Body):
    """`key` is the business key that runs are found by; `labels` are free."""

    input: Any = Field(default_factory=dict)
    key: Annotated[str, Field(max_length=200)] = ""
    labels: dict[str, Label] = Field(default_factory=dict, max_length=50)
    version: Annotated[int, Field(ge=1, le=2_000_000_000)] | None = None


class Cancel(Body):
    reason: Annotated[str, Field(max_length=2000)] = ""


Scalar = Annotated[
    Any,
    AfterValidator(_one_of("text, a number, true, false or null", str, int, float, type(None))),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"]}),
]


class Event(Body):
    """`correlation` says which of the waits for this name is meant. `payload` has to meet the contract of the step that takes
    it."""

    name: Annotated[str, Field(max_length=100)]
    correlation: Scalar = None
    payload: Any = Field(default_factory=dict)


class Publish(Body):
    """`revision`: only this revision of the draft."""

    revision: Annotated[int, Field(ge=1, le=2_000_000_000)] | None = None
    note: Annotated[str, Field(max_length=5000)] = ""


class Retire(Body):
    """`reason` is what whoever comes to the workflow reads: why, and what to use instead."""

    reason: Annotated[str, Field(max_length=2000)]


Revision = Annotated[int, Field(ge=1, le=2_000_000_000)]


class Edit(Body):
    """`commands` change the draft as it was at `revision`, all of them or none. Each is an object with a `do`;
    docs/designer.md has them."""

    revision: Revision
    commands: Annotated[list[dict[str, Any]], Field(min_length=1)]


class Turn(Body):
    """`revision`: of the draft that was seen."""

    revision: Revision


class Claim(Body):
    take_over: bool = False
    note: Annotated[str, Field(max_length=500)] = ""


class Draft(Body):
    values: Any = None


class Resolve(Body):
    """`revision` is the escalation's as it was seen: whoever answers what has moved on is told so."""

    action: str
    values: Any = Field(default_factory=dict)
    revision: Annotated[int, Field(ge=1, le=2_000_000_000)] | None = None


class Try(Body):
    """`definition` as text or object. `mocks` by step or tool: {output}, {answer} or {error}, or a list, one for each call."""

    definition: Definition
    step: str
    input: Any = Field(default_factory=dict)
    mocks: dict[str, Any] = Field(default_factory=dict)


class SecretValue(Body):
    value: Annotated[Any, AfterValidator(_one_of("text", str)), WithJsonSchema({"type": "string"})]


Whole = Annotated[dict[str, Any], ninja.Body()]
"""The body as an object whose shape the act itself checks and explains."""

DEFINITION: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}
"""For the description of endpoints that take a definition."""


def id_of(name: str, value: str | None) -> str | None:
    """What a parameter names by its id. One that can be none is refused: a slip in it would show an empty list."""
    if value is not None and not is_whole_id(value):
        message = f"{abbreviate(value, 40)} is no id. Give the whole of it: 26 digits and small letters, as the API gives them."
        raise Refused(Problem("bad_filter", message, name))
    return value


def known(request: HttpRequest, *names: str) -> None:
    """Refuses parameters of the address that mean nothing here: a filter with a slip in it would show everything."""
    for name in request.GET:
        if name not in names:
            there = f"There are {', '.join(names)}." if names else "There is none."
            raise Refused(Problem("unknown_parameter", f"There is no parameter {name[:40]} here. {there}", name[:40]))
