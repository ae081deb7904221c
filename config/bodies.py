"""What a request may bring at most, by HTTP: nobody's body fills the disk before anybody has asked who they are.

Django reads a whole body, into a file where it is large, before it looks at its length or at who sent it.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_FAR_TOO_LARGE = (b"content-length", b"999999999999")


class Bodies:
    """ASGI wrapper that cuts a body off past `most` bytes. The application is told a length that it refuses, and says so itself:
    as a page, or as problem details."""

    def __init__(self, app: App, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        came, cut = 0, False

        def end() -> Message:
            nonlocal cut
            cut = True
            scope["headers"] = [*(pair for pair in scope["headers"] if pair[0] != b"content-length"), _FAR_TOO_LARGE]
            return {"type": "http.request", "body": b"", "more_body": False}

        async def received() -> Message:
            nonlocal came
            if not cut and _announced(scope) > self.most:
                return end()
            message = await receive()
            while cut and message["type"] == "http.request":  # dropped: who listens now waits for the other side to go
                message = await receive()
            came += len(message.get("body", b""))
            return end() if came > self.most and not cut else message

        await self.app(scope, received, send)


def _announced(scope: MutableMapping[str, Any]) -> int:
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(given[:18]) if given.isdigit() else 0
