"""Events: what they are called, and by what a wait finds its own.

An event has a name and a correlation, which is any JSON scalar. The two as one text are its address; it continues a wait of the
same address, and no other. Text and number differ: `"42"` is not `42`. Numbers of one value are the same: `42.0` is `42`.
"""

import re
from typing import Any

from orchestration.core import values

MOST_CORRELATION = 500
"""Characters of a correlation as JSON, without the quotes around a text."""
MOST_ADDRESS = 610
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}\Z")
_WHOLE = 2.0**53


def check_name(name: str) -> str:
    """The name. Raises `ValueError`, with a sentence."""
    if not _NAME.match(name):
        raise ValueError("an event's name has letters, digits and . _ : / - in it, 100 at most, as payment.received")
    return name


def address(name: str, correlation: Any) -> str:
    """Name and correlation, as `payment.received "T-1"`. Raises `ValueError`, with a sentence."""
    if isinstance(correlation, list | dict):
        raise ValueError("a correlation is text, a number, true, false or null, and no list or object")
    if isinstance(correlation, float) and correlation.is_integer() and abs(correlation) <= _WHOLE:
        correlation = int(correlation)
    text = values.dump(correlation)
    size, written = (len(text) - 2, len(correlation)) if isinstance(correlation, str) else (len(text), len(text))
    if size > MOST_CORRELATION:
        escaped = " with what escapes its quotes and the like" if size > written else ""
        raise ValueError(f"a correlation has at most {MOST_CORRELATION} characters; this one has {size:,}{escaped}")
    return f"{check_name(name)} {text}"


def parts_of(address: str) -> tuple[str, Any]:
    """(name, correlation) of an address."""
    name, _, text = address.partition(" ")
    return name, values.load(text)
