"""Django's handler for pages and API, with the whole of a request on one thread, which stays for the next.

Every view and every middleware of ours is synchronous. Django would take such a request from the loop to a thread, back to the
loop for the view, and to the thread again, each with its way there and back; and it would make that thread for this request, and
another one to wait for its end.
"""

from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest

KEPT = 16
"""Threads that stay while nobody asks. As many more as there are requests at once are made, and end with them."""


class Threads:
    """One for each request that is under way."""

    def __init__(self) -> None:
        self._idle: deque[ThreadPoolExecutor] = deque()

    def take(self) -> ThreadPoolExecutor:
        """The one that was used last, else a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            return ThreadPoolExecutor(max_workers=1, thread_name_prefix="page")

    def give_back(self, thread: ThreadPoolExecutor) -> None:
        """It is free once it is through: a view goes on when its client has gone."""
        thread.submit(self._rest, thread)

    def _rest(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < KEPT:
            self._idle.append(thread)
        else:
            thread.shutdown(wait=False)


class Pages(ASGIHandler):
    def __init__(self) -> None:
        super().__init__()
        self.threads = Threads()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        thread = self.threads.take()
        try:
            async with ThreadSensitiveContext(executor=thread):
                await super().__call__(scope, receive, send)
        finally:
            self.threads.give_back(thread)

    async def get_response_async(self, request: HttpRequest) -> Any:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


def application() -> Pages:
    """What `get_asgi_application` gives, with this handler."""
    django.setup(set_prefix=False)
    return Pages()
