"""How requests and answers are written down, and read back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestration.core import values
from orchestration.core.catalog import Tool
from orchestration.core.frozen import dataclass
from orchestration.core.position import failure_data
from orchestration.core.prompt import Message, fingerprint
from orchestration.core.result import Answer, Request
from orchestration.core.sanitiser import clean_text


@dataclass(frozen=True, slots=True)
class Intent:
    """A call as it was committed before it left."""

    request: Request
    effect: str
    reserved: int
    intended: datetime
    deadline: datetime
    tool: Tool | None = None
    resent: tuple[Any, ...] = ()
    """As its row holds it: see `executor/resent`."""


def request_data(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {"protocol": request.protocol, "target": request.target}
    if request.url:
        found |= {"method": request.method, "url": request.url, "headers": [list(pair) for pair in request.headers]}
    return {**found, "body": request.body, "timeout": request.timeout, "key": request.key}


def request_of(data: Mapping[str, Any]) -> Request:
    headers = tuple((name, value) for name, value in data.get("headers", ()))
    return Request(
        data["protocol"], data["target"], data.get("method", "POST"), data.get("url", ""), headers,
        data["body"], data["timeout"], data["key"],
    )  # fmt: skip


def request_prints(request: Request, asked: Sequence[Message]) -> dict[str, str]:
    """Fingerprints for comparison: the whole request but its key, and for a model the prompt alone."""
    prints = {"request": values.digest([request.protocol, request.target, request.method, request.url, request.body])}
    if asked:
        prints["prompt"] = fingerprint(asked)
    return prints


def answer_data(answer: Answer, marks: Sequence[str] = (), question: Request | None = None) -> dict[str, Any]:
    """All of an answer that is kept: normalised, and the raw body as it came; where it was mended (`marks`); and what was asked,
    where the call itself was not answered, but the question whether it had happened."""
    found: dict[str, Any] = {"raw": clean_text(answer.raw).value}
    if marks:
        found["mended"] = list(marks)
    if question is not None:
        found["question"] = request_data(question)
    if answer.failure is not None:
        found["failure"] = failure_data(answer.failure)
    if answer.text is not None:
        found["text"] = clean_text(answer.text).value
    if answer.tool_calls:
        found["tool_calls"] = [
            {"id": c.id, "name": c.name, "arguments": clean_text(c.arguments).value} for c in answer.tool_calls
        ]
    for key in ("finish", "status", "request_id"):
        if value := getattr(answer, key):
            found[key] = value
    return found
