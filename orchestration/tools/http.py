"""Tools that are HTTP endpoints. The answer is JSON; an empty body, as of a 204, is the empty object.

The call's key goes out as `Idempotency-Key`, the same over attempts, so that the other side can tell a repetition. A tool
that can be asked later has a second template, `reconcile`: 200 says what happened, `not_found` that nothing did.
"""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from orchestration import replies
from orchestration.core.catalog import HttpTemplate, Tool
from orchestration.core.errors import Problem
from orchestration.core.result import Answer, Request
from orchestration.core.values import Clean, canonical
from orchestration.door import Door
from orchestration.placeholders import json_text
from orchestration.tools.template import Filling, problems

_WITHOUT_BODY = ("GET", "HEAD", "DELETE")


def check(tool: Tool) -> tuple[Problem, ...]:
    """What is wrong with a tool's templates, at paths as `http.url` and `reconcile.headers.Authorization`."""
    found: tuple[Problem, ...] = ()
    for place, template in (("http", tool.http), ("reconcile", tool.reconcile)):
        if template is None:
            continue
        if not template.url.lower().startswith(("http://", "https://")):
            found += (Problem("bad_url", "A tool's URL begins with http:// or https://, and not with a value.", f"{place}.url"),)
        found += problems(template.url, tool.input, f"{place}.url", "url")
        for name, value in template.headers:
            found += problems(value, tool.input, f"{place}.headers.{name}")
        if template.body is not None:
            found += problems(template.body, tool.input, f"{place}.body")
    return found


def build(tool: Tool, given: Mapping[str, Any], key: str, timeout: float) -> Request:
    """The exact request. Raises EvaluationError where a template can't be filled from this input."""
    assert tool.http is not None, f"{tool.name} has no HTTP template"
    return _request(tool, tool.http, given, key, timeout, {"Idempotency-Key": key} if key else {})


def build_reconcile(tool: Tool, given: Mapping[str, Any], key: str, timeout: float) -> Request:
    """The question whether the call of this key happened. Its answer is read by `read`: `not_found` means that it did not.
    The template says all of it: no key of its own is sent, and the input is not added."""
    assert tool.reconcile is not None, f"{tool.name} can't be asked what happened"
    return _request(tool, tool.reconcile, given, key, timeout, None)


def read(reply: replies.Reply, request: Request) -> Answer:
    """The answer in a reply. Whether the output meets the tool's contract is for the caller to check."""
    failure = reply.failure or replies.of_status(reply, request.target)
    if failure is not None:
        return replies.failed(reply, failure)
    found = Clean({})
    if reply.body.strip():
        found, failure = replies.parse(reply, request.target)
        if failure is not None:
            return replies.failed(reply, failure)
    return Answer(
        output=found.value,
        status=reply.status,
        request_id=replies.request_id(reply),
        raw=replies.raw(reply),
        marks=found.under("output"),
    )


async def perform(request: Request, secrets: Mapping[str, str], door: Door) -> Answer:
    """Send the request as it was committed. Never raises for what the other side does."""
    return read(await door.send(request, secrets), request)


def _request(
    tool: Tool, template: HttpTemplate, given: Mapping[str, Any], key: str, timeout: float, more: Mapping[str, str] | None
) -> Request:
    """`more` are headers beside the template's; None keeps the input out of what the template does not say."""
    filling = Filling(tool.input, given, key)
    headers = {"Accept": "application/json", "User-Agent": "Interlock"}
    filled = filling.url(template.url)
    url = URL(filled, encoded=filled.isascii())  # else yarl would undo the encoding of what is harmless in its eyes
    body: str | None = None
    if template.body is not None:
        is_text = isinstance(template.body, str) and not _is_whole(template.body)
        headers["Content-Type"] = "text/plain; charset=utf-8" if is_text else "application/json"
        body = filling.text(template.body) if is_text else filling.json(template.body)
    elif more is not None and template.method in _WITHOUT_BODY:
        url = url.extend_query(_query(given, filling.reads(template.url)))
    elif more is not None:
        headers["Content-Type"] = "application/json"
        body = json_text(dict(given))
    names = {name.lower() for name, _ in template.headers}
    kept = [(name, value) for name, value in {**headers, **(more or {})}.items() if name.lower() not in names]
    own = [(name, filling.text(value)) for name, value in template.headers]
    return Request(
        protocol="http",
        target=tool.name,
        method=template.method,
        url=filling.named(str(url)),
        headers=(*kept, *own),
        body=body,
        timeout=timeout,
        key=key,
    )


def _is_whole(template: str) -> bool:
    """Whether a body is one expression, whose value then goes out as JSON."""
    return template.startswith("${") and template.endswith("}")


def _query(given: Mapping[str, Any], used: frozenset[str] | None) -> list[tuple[str, str]]:
    """The input as a query, without what the URL holds already. Lists repeat their name, null is left out."""
    if used is None:
        return []
    found: list[tuple[str, str]] = []
    for name, value in given.items():
        if name not in used:
            found += [(name, _plain(item)) for item in (value if isinstance(value, list) else [value]) if item is not None]
    return found


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)
