"""What an answer is worth by the format alone: its errors, the output in it, and whether a step accepts that."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.answers import STATUS, Told
from tests.chaos.expressions import holds

Step = Mapping[str, Any]
_TROUBLES = {"429": "rate_limited", "429 with Retry-After": "rate_limited", "hang": "timeout"}


class Failed(Exception):
    """`code` is "" where it may be one of several."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def errors(told: Told) -> Iterator[str]:
    for trouble in told.troubles:
        yield _TROUBLES.get(trouble.kind, "unavailable")


def read(told: Told, model: str | None) -> Any:
    """The output in an answer. A model's is looked for in what it says; one that was cut off is broken whatever it holds."""
    if told.kind in STATUS:
        raise Failed(told.kind)
    if model is None:
        return told.value
    start, end = told.text.find("{"), told.text.rfind("}")
    if told.kind == "truncated" or start < 0:
        raise Failed("invalid_output")
    return json.loads(told.text[start : end + 1])


def accepted(step: Step, given: Any, output: Any) -> Any:
    sight = {"input": given, "output": output}
    if not _fits(step.get("output", {}), output) or not all(holds(check["that"], sight) for check in step.get("checks", ())):
        raise Failed("invalid_output")
    return output


def _fits(schema: Mapping[str, Any], found: Any) -> bool:
    """A contract of the few kinds that are generated."""
    if "enum" in schema:
        return found in schema["enum"]
    kinds: dict[str, type | Sequence[type]] = {"object": dict, "integer": int, "string": str}
    if "type" in schema and not isinstance(found, kinds[schema["type"]]):  # type: ignore[arg-type]
        return False
    if schema.get("type") == "object":
        inner = schema.get("properties", {})
        return all(name in found for name in schema.get("required", ())) and all(
            _fits(inner[name], each) for name, each in found.items() if name in inner
        )
    return (
        bool(schema.get("minimum", found) <= found <= schema.get("maximum", found)) if schema.get("type") == "integer" else True
    )
