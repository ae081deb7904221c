"""Requests that wait, as `?wait=` does: they end early when nobody listens any more, and when this process ends.

A view runs in a thread, which nobody can end from outside. So each request has an event, `scope["over"]`, for whoever waits to
wait on. It is set when the client has hung up, and for all when the process is about to close; then they are answered as things
are. What has no answer when the server cuts it off all the same is answered here.
"""

import asyncio
import threading
from collections.abc import MutableMapping
from typing import Any

from django.http import HttpResponse

from config.bodies import App, Message, Receive, Send
from dashboard.errors import MACHINES, problem

_SENTENCE = "Interlock stops here. Runs lose nothing; ask again in a moment, with the same Idempotency-Key where you sent one."


class Waits:
    """ASGI wrapper around the whole application."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._open: set[threading.Event] = set()
        self._ending = False

    def end_waits(self) -> None:
        """Whoever waits is answered as things are, and whoever comes after that at once."""
        self._ending = True
        for over in list(self._open):
            over.set()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        over = threading.Event()
        self._open.add(over)
        if self._ending:
            over.set()
        begun = cut = False

        async def received() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                over.set()
                if cut:
                    await asyncio.Event().wait()  # nobody is left whom it could be told to
            return message

        async def sent(message: Message) -> None:
            nonlocal begun
            if not cut:
                begun = True
                await send(message)

        try:
            await self.app({**scope, "over": over}, received, sent)
        except asyncio.CancelledError:
            cut = True
            if not begun:
                await _say_so(scope, send)
        finally:
            over.set()
            self._open.discard(over)


async def _say_so(scope: MutableMapping[str, Any], send: Send) -> None:
    answer = HttpResponse(_SENTENCE, status=503, content_type="text/plain; charset=utf-8")
    if scope["path"].startswith(MACHINES):
        answer = problem(503, "Service Unavailable", _SENTENCE, "stopping")
    answer["Content-Length"], answer["Retry-After"] = str(len(answer.content)), "5"
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.items()]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content, "more_body": False})
