"""What the tests of expressions have in sight: a run with a ticket, its steps, and values that are missing or null."""

from typing import Any

import pytest

from orchestration.core.errors import Refused
from orchestration.core.expression import compile_expression

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}


def obj(required: str = "", **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


ITEM = obj("price sku", price=NUMBER, sku=TEXT, qty=WHOLE, note={"type": ["string", "null"]})
ADDRESS = {"anyOf": [{"type": "null"}, obj("city", city=TEXT)]}
SIGHT = {
    "run": obj("id input", id=TEXT, input=obj("text items any total", text=TEXT, total=NUMBER, count=WHOLE, any={}, vip={
        "type": "boolean"}, items={"type": "array", "items": ITEM})),
    "steps": obj("classify customer",
        classify=obj("label confidence", label={"enum": ["refund", "bug", "question"]}, confidence=NUMBER),
        customer=obj("address", score={"type": ["number", "null"]}, address=ADDRESS),
        maybe=obj("x", x=WHOLE)),
}  # fmt: skip
ENV: dict[str, Any] = {
    "run": {"id": "r1", "input": {"text": "hello", "total": 3.0, "any": {"k": [1, 2]}, "items": [
        {"price": 1.5, "sku": "a", "qty": 2}, {"price": 2.0, "sku": "b", "note": None}]}},
    "steps": {"classify": {"label": "bug", "confidence": 0.9}, "customer": {"address": None}},
}  # fmt: skip


def give(source: str, env: Any = ENV) -> Any:
    return compile_expression(source, SIGHT).evaluate(env)


def problems(source: Any, compile_it: Any = compile_expression) -> list[tuple[str, str, str]]:
    with pytest.raises(Refused) as caught:
        compile_it(source, SIGHT, path="p")
    return [(problem.code, problem.path, problem.message) for problem in caught.value.problems]
