"""Secrets by name: `${secrets.name}` stands in a committed request, and the value takes its place at the last moment.

A placeholder is only ever written by a template. Text that comes from a run's data may hold the same characters, and must
not be filled in, or a prompt that says `${secrets.desk}` would carry the key out; so `json_text` writes the dollar of such
text as \\u0024, which is the same JSON, and `quote_data` refuses it where no such spelling exists.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from orchestration.core.errors import EvaluationError
from orchestration.core.result import Request

PLACEHOLDER = re.compile(r"\$\{secrets\.([A-Za-z][A-Za-z0-9_]{0,63})\}")
_OPENING = "${secrets."
_SHORTEST = 6  # shorter values occur by chance; blotting them out would ruin every answer


class MissingSecret(LookupError):
    """A request names a secret that there is not; `args[0]` is its name."""


def names(request: Request) -> frozenset[str]:
    """The secrets that a request needs, so that only these are decrypted."""
    texts = (request.url, request.body or "", *(value for _, value in request.headers))
    return frozenset(name for text in texts if _OPENING in text for name in PLACEHOLDER.findall(text))


def fill(text: str, secrets: Mapping[str, str], spell: Callable[[str], str] = str) -> str:
    """Text with the values in place, each spelled for where it stands. A value is never searched for placeholders again."""
    if _OPENING not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in secrets:
            raise MissingSecret(name)
        return spell(secrets[name])

    return PLACEHOLDER.sub(value, text)


def in_url(value: str) -> str:
    return quote(value, safe="")


def in_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def json_text(value: Any) -> str:
    """JSON for a request's body in which nothing that comes from data can be taken for a placeholder."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace(_OPENING, "\\u0024{secrets.") if _OPENING in text else text


def quote_data(text: str) -> str:
    """Data for a header or a plain text body, unchanged. Raises EvaluationError where it holds what reads as a placeholder."""
    if _OPENING in text:
        raise EvaluationError("the input holds the text ${secrets.…}, which may not stand in a header or a plain text body")
    return text


def scrub(body: bytes, secrets: Mapping[str, str]) -> bytes:
    """Bytes without the values of secrets: raw, percent-encoded, JSON-escaped and in Base64 at any offset."""
    for name, value in secrets.items():
        for spelling in _spellings(value):
            if spelling in body:
                body = body.replace(spelling, b"${secrets.%s}" % name.encode())
    return body


def scrub_text(text: str, secrets: Mapping[str, str]) -> str:
    return scrub(text.encode("utf-8", "replace"), secrets).decode("utf-8", "replace") if secrets else text


def _spellings(value: str) -> list[bytes]:
    if len(value) < _SHORTEST:
        return []
    raw = value.encode()
    found = {raw, in_url(value).encode(), in_json(value).encode(), json.dumps(value)[1:-1].encode()}
    if len(raw) >= 2 * _SHORTEST:
        for offset in range(3):
            found |= _base64_core(raw, offset)
    return sorted(found, key=len, reverse=True)


def _base64_core(raw: bytes, offset: int) -> set[bytes]:
    """The characters of Base64 that depend on `raw` alone when `offset` (mod 3) bytes stand before it."""
    start = -(-offset * 8 // 6)
    end = (offset + len(raw)) * 8 // 6
    padded = b"\0" * offset + raw
    return {base64.b64encode(padded)[start:end], base64.urlsafe_b64encode(padded)[start:end]}
