"""What the models of a definition are made of: ids, durations, names of errors, and how strictly they are read."""

import re
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from orchestration.core.errors import ErrorCode
from orchestration.core.event import check_name

_OURS = "run steps input output carry iter item index error secrets break continue"
_CEL = "as const else false for function if import in let loop namespace null package return true var void while"
RESERVED_IDS = frozenset(f"{_OURS} {_CEL}".split())
_DURATION = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)\Z")
_SHARE = re.compile(r"(0|[1-9][0-9]*)%\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: Any) -> float:
    """`"500ms"`, `"5s"`, `"30m"`, `"12h"`, `"2d"` or a bare number of seconds → seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a duration is written as 500ms, 5s, 30m, 12h or 2d")
    if isinstance(value, str):
        value = in_seconds(value)
    if not 0 < value <= 366 * 86400:
        raise ValueError("a duration is more than nothing and at most 366 days")
    return float(value)


def in_seconds(text: str) -> float:
    """What a text like `2d` comes to, be it nothing or less. Raises `ValueError`, with a sentence."""
    match = _DURATION.match(text.strip())
    if not match:
        raise ValueError(f'"{text[:30]}" is not a duration; write 500ms, 5s, 30m, 12h or 2d')
    return float(match[1]) * _SECONDS[match[2]]


def refuse_reserved(name: str) -> str:
    if name in RESERVED_IDS:
        message = "{name} is a word of the expression language, so it can't be a step's id. Call it something else"
        raise PydanticCustomError("reserved_id", message, {"name": name})  # type: ignore[arg-type]
    return name


def refuse_others(names: tuple[str, ...], name: str) -> str:
    if name not in names:
        message = "{name} is no error. There are {names}"
        raise PydanticCustomError("unknown_error", message, {"name": name[:40], "names": ", ".join(names)})
    return name


def parse_need(value: Any) -> int | str:
    """How many items must succeed: a number of them, or a share of all as `80%`."""
    if isinstance(value, str) and (share := _SHARE.match(value)):
        if len(share[1]) > 3 or int(share[1]) > 100:
            raise ValueError(f"{value[:30]} is more than all of them. Write a share of 100% at most")
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("how many must succeed is written as a number, or as a share of all: 80%")
    return value


_VERSION = re.compile(r"[a-z][a-z0-9_]{0,47}@[1-9][0-9]{0,8}\Z")


def parse_version(value: Any) -> str:
    if not isinstance(value, str) or not (_VERSION.match(value) or value == ""):
        raise ValueError("a version of a workflow is written as its id and a number: support_triage@3")
    return value


VersionRef = Annotated[str, BeforeValidator(parse_version)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
Need = Annotated[int | str, BeforeValidator(parse_need)]
ID = re.compile(r"[a-z][a-z0-9_]{0,47}\Z")
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
StepId = Annotated[Id, AfterValidator(refuse_reserved)]
Ref = Annotated[str, Field(min_length=1, max_length=100)]
LaterRef = Annotated[str, Field(max_length=100)]
"""A name that may be chosen later: "" in a draft, which is unfinished then. So may a `VersionRef` and a `Condition` be."""
EventName = Annotated[str, AfterValidator(check_name)]
MOST_OF_TITLE = 200
Title = Annotated[str, Field(max_length=MOST_OF_TITLE)]
Schema = Annotated[dict[str, Any], "a JSON Schema"]
Condition = Annotated[str | dict[str, Any], "a condition"]
RetryCode = Annotated[str, AfterValidator(partial(refuse_others, tuple(ErrorCode)))]
CatchCode = Annotated[str, AfterValidator(partial(refuse_others, ("*", *ErrorCode)))]
Effect = Literal["none", "idempotent", "reconcilable", "irreversible"]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
