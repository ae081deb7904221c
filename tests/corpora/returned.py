"""What a Python tool gives back that is no JSON, or more than is kept. A module of tools, so that it runs as one does."""

import os
from collections.abc import Callable
from typing import Any

from orchestration.tools.registry import tool

TEXT = {"type": "object", "required": ["t"], "properties": {"t": {"type": "string"}}}


def _loop() -> Any:
    found: dict[str, Any] = {"t": "a"}
    found["again"] = found
    return found


def _deep(levels: int) -> Any:
    found: Any = "a"
    for _ in range(levels):
        found = [found]
    return {"t": "a", "more": found}


RETURNED: dict[str, tuple[Callable[[], Any], str, Any]] = {
    # what it gives, the error that it is ("" for none), the text
    "good": (lambda: {"t": "a"}, "", "a"),
    "NUL": (lambda: {"t": "a\0b"}, "", "a\ufffdb"),
    "a lone surrogate": (lambda: {"t": "a\ud800b"}, "", "a\ufffdb"),
    "a pair": (lambda: {"t": "\U0001f600"}, "", "😀"),
    "NaN": (lambda: {"t": "a", "x": float("nan")}, "invalid_output", None),
    "infinity": (lambda: {"t": "a", "x": 1e400}, "invalid_output", None),
    "10^5000": (lambda: {"t": "a", "x": 10**5000}, "invalid_output", None),
    "2^63": (lambda: {"t": "a", "x": 2**63}, "invalid_output", None),
    "200 deep": (lambda: _deep(200), "invalid_output", None),
    "100,000 deep": (lambda: _deep(100_000), "invalid_output", None),
    "itself": (_loop, "invalid_output", None),
    "two keys that become one": (lambda: {"t": "a", 1: "x", "1": "y"}, "invalid_output", None),
    "a set": (lambda: {"t": {1, 2}}, "invalid_output", None),
    "bytes": (lambda: {"t": b"a"}, "invalid_output", None),
    "a number": (lambda: {"t": 7}, "invalid_output", None),
    "nothing": (lambda: None, "invalid_output", None),
    "another key": (lambda: {"T": "a"}, "invalid_output", None),
    "50 MB": (lambda: {"t": "x" * 50_000_000}, "too_large", None),
    "an exception": (lambda: {}["t"], "tool_error", None),  # type: ignore[index]
    "an exit": (lambda: os._exit(3), "tool_error", None),
}


@tool("corpus.returns", effect="none", input={"type": "object", "properties": {"which": {"type": "string"}}}, output=TEXT)
def returns(which: str) -> Any:
    return RETURNED[which][0]()
