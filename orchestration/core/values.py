"""Values as JSON: read (strictly, or tolerantly from a model's prose), written canonically, looked into.

`canonical`, `digest`, `dump` and `load` are for clean values only: those that came through `parse_json`, `parse_answer`,
`clean`, or were computed from such.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from orchestration.core.errors import Unreadable
from orchestration.core.sanitiser import DECODER, Clean, clean, clean_text, fault, parse_json, unreadable
from orchestration.core.wording import abbreviate

__all__ = [
    "Clean",
    "at",
    "canonical",
    "clean",
    "clean_text",
    "digest",
    "digest_text",
    "dump",
    "has",
    "load",
    "parse_answer",
    "parse_json",
]

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*(?:json[c5l]?)?[ \t]*$\s*(?=[{\[])", re.MULTILINE | re.IGNORECASE)
_OPENER = re.compile(r'\{(?=\s*["}])|\[(?=\s*[\[\]{"\-0-9tfn])')
_STRONG_OPENER = re.compile(r'\{|\[\s*[\[{"]')
_CUT_TOKEN = re.compile(r"(?:[-+0-9.eE]*|t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?)\Z")
_TOLERANT = json.JSONDecoder(
    strict=False,  # models write raw line breaks inside strings, and mean them
    object_pairs_hook=DECODER.object_pairs_hook,
    parse_int=DECODER.parse_int,
    parse_float=DECODER.parse_float,
    parse_constant=DECODER.parse_constant,
)
_MOST_PLACES = 40


def dump(value: Any) -> str:
    """JSON text of a clean value, keys in their order. `load(dump(v)) == v`, types included."""
    return orjson.dumps(value).decode()


def load(text: str | bytes) -> Any:
    """The value of a text that `dump` or `canonical` wrote. Nothing is checked: never use it on what came from outside."""
    return orjson.loads(text)


def canonical(value: Any) -> str:
    """The one JSON text of a clean value: keys sorted by code point, no spaces, characters unescaped. A double stays one:
    3.0 is written `3.0`, and differs from 3."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, 64 hex characters."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def digest_text(text: str) -> str:
    """SHA-256 of the text in UTF-8, 64 hex characters."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


_ABSENT = object()


def at(value: Any, path: Sequence[str | int], default: Any = None) -> Any:
    """The value at a path of keys and indices, `default` where there is none. A null has nothing below it."""
    for part in path:
        value = _below(value, part)
        if value is _ABSENT:
            return default
    return value


def has(value: Any, path: Sequence[str | int]) -> bool:
    """Whether there is anything, null included, at the path."""
    return at(value, path, _ABSENT) is not _ABSENT


def _below(value: Any, part: str | int) -> Any:
    if isinstance(part, str):
        return value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
    if isinstance(value, list) and 0 <= part < len(value):
        return value[part]
    return _ABSENT


# A model's answer


def parse_answer(text: str) -> Clean:
    """The JSON that a model meant, where there is no doubt which: the whole text; else what stands at its beginning or after
    a code fence; else the first object or list of more than scalars in the prose (`{}` and lists such as the mark [1] only
    where there is nothing else). What follows a complete value is dropped, and so is a leading `<think>` block.

    Never takes a part of something broken or cut off. Raises `Unreadable`: `not_json` with a sentence that a model can act
    on, or as `parse_json` does. Tries at most 40 places, each in linear time.
    """
    body = _without_thinking(text.strip().removeprefix("\ufeff").strip())
    if not body:
        raise unreadable("not_json", "the answer is empty. Answer with one JSON value")
    try:
        return parse_json(body)
    except Unreadable as error:
        if error.problems[0].code != "not_json":
            raise
    if body[:40].lower().startswith(("<!doctype html", "<html")):
        raise unreadable("not_json", "the answer is an HTML page, not JSON")
    reserve: list[Any] = []
    for start in _places(body):
        try:
            value = _TOLERANT.raw_decode(body, start)[0]
        except json.JSONDecodeError as error:
            _refuse_unless_prose(body, start, error)
            continue
        except RecursionError:
            raise unreadable("too_deep", "the JSON is nested too deep to read. Answer with a flatter value") from None
        if start == 0 or not _is_weak(value):
            return clean(value)
        reserve.append(value)
    if reserve:
        return clean(reserve[0])
    raise unreadable(
        "not_json", f"there is no JSON object in the answer, which begins {abbreviate(body[:60])}. Answer with JSON alone"
    )


def _places(body: str) -> Iterator[int]:
    if body[0] in "{[":
        yield 0
    for fence in islice(_FENCE.finditer(body), _MOST_PLACES):
        yield fence.end()
    for opener in islice(_OPENER.finditer(body), _MOST_PLACES):
        yield opener.start()


def _without_thinking(body: str) -> str:
    if not body.startswith("<think>"):
        return body
    if "</think>" not in body:
        raise unreadable("not_json", "the answer ends inside <think>. Answer with the JSON itself, and think less before it")
    return body.split("</think>", 1)[1].strip()


def _is_weak(value: Any) -> bool:
    """Whether prose may hold such a value without meaning it as the answer."""
    return not value or (isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value))


def _refuse_unless_prose(body: str, start: int, error: json.JSONDecodeError) -> None:
    cut = error.msg.startswith("Unterminated string") or _CUT_TOKEN.match(body, error.pos)
    if cut or ("escape" in error.msg and len(body) - error.pos <= 6):
        raise unreadable(
            "not_json",
            f"the JSON ends before it is complete, after {len(body) - start} characters. "
            "Answer again with the whole value, and shorter",
        )
    if _STRONG_OPENER.match(body, start):
        raise unreadable("not_json", f"the answer is not JSON: {fault(error)}")
