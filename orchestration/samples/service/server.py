"""The sample service as an ASGI application in front of another."""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from orchestration.samples.service import desk, ledger, library
from orchestration.samples.service.call import Answer, Call, Wrong
from orchestration.samples.service.store import Store

PREFIX = "/samples/"
MOST_BYTES = 100_000

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_ROUTES: tuple[tuple[str, str, Callable[[Call], Answer]], ...] = (
    ("GET", r"desk/customers/(?P<id>[^/]+)", desk.customer),
    ("GET", r"desk/articles", desk.articles),
    ("POST", r"desk/replies", desk.reply),
    ("POST", r"desk/assignments", desk.assign),
    ("POST", r"ledger/checks", ledger.check),
    ("POST", r"ledger/entries", ledger.post),
    ("GET", r"library/documents", library.search),
    ("GET", r"library/documents/(?P<id>[^/]+)", library.document),
)


def token(secret_key: str) -> str:
    """The bearer token of an installation, from the key that signs its sessions."""
    return hmac.new(secret_key.encode(), b"the sample service's bearer token", hashlib.sha256).hexdigest()


class SampleService:
    """Answers what lies under `PREFIX`, and hands everything else to `application`."""

    def __init__(self, application: Application, secret_key: str, folder: Path) -> None:
        self._application = application
        self._token = token(secret_key)
        self._store = Store(folder / "samples.sqlite3")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await _send(send, await self._answer(scope, receive))
        else:
            await self._application(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode("latin-1")):
            return Answer(401, {"error": "Send the secret sample_desk as a bearer token."})
        parts, answer = _route(scope["method"], scope["path"].removeprefix(PREFIX))
        if answer is None:
            return Answer(404, {"error": "There is nothing here."})
        try:
            body = _object(await _body(receive))
            query = scope["query_string"].decode("latin-1")
            call = Call(self._store, parts, query, headers.get("idempotency-key", ""), body)
            return await asyncio.to_thread(answer, call)
        except Wrong as wrong:
            return Answer(422, {"error": str(wrong)})


def _route(method: str, path: str) -> tuple[dict[str, str], Callable[[Call], Answer] | None]:
    for wanted, pattern, answer in _ROUTES:
        if wanted == method and (found := re.fullmatch(pattern, path)):
            return found.groupdict(), answer
    return {}, None


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises `Wrong` where it is too large or breaks off."""
    body = b""
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Wrong("The request broke off.")
        body += event.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Wrong(f"The body is larger than {MOST_BYTES} bytes.")
        if not event.get("more_body"):
            return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise Wrong("The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Wrong("The body should be an object.")
    return found


async def _send(send: Send, answer: Answer) -> None:
    body = json.dumps(answer.data, ensure_ascii=False).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
