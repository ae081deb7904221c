"""The threads on which requests are answered."""

import asyncio
import threading
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from config import pages
from config.pages import Pages, Threads

PATIENCE = 30


class Here(Pages):
    """Answers with the thread that did; /slow once it may. `begun` and `may` belong to that one."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may = threading.Event(), threading.Event()

    def get_response(self, request: HttpRequest) -> Any:
        if request.path == "/slow":
            self.begun.set()
            assert self.may.wait(PATIENCE)
        return HttpResponse(str(threading.get_ident()))


async def ask(handler: Here, path: str, gone: asyncio.Event | None = None) -> int | None:
    """Which thread answered; None where the client had `gone` before."""
    came = [{"type": "http.request", "body": b"", "more_body": False}]
    parts: list[bytes] = []

    async def receive() -> Any:
        if came:
            return came.pop()
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        parts.append(message.get("body", b""))

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
    await handler(scope, receive, send)
    return int(b"".join(parts)) if parts else None


async def idle(handler: Here, count: int) -> None:
    """Returns once so many threads have nothing to do."""
    async with asyncio.timeout(PATIENCE):
        while len(handler.threads._idle) < count:
            await asyncio.sleep(0)


async def test_one_request_after_the_other_is_answered_on_one_thread() -> None:
    handler = Here()
    answered = set()
    for _ in range(5):
        answered.add(await ask(handler, "/"))
        await idle(handler, 1)
    assert len(answered) == 1


async def test_a_view_whose_client_has_gone_holds_up_nobody() -> None:
    handler, gone = Here(), asyncio.Event()
    slow = asyncio.create_task(ask(handler, "/slow", gone))
    assert await asyncio.to_thread(handler.begun.wait, PATIENCE)
    gone.set()
    async with asyncio.timeout(PATIENCE):
        first = await ask(handler, "/")
        await idle(handler, 1)
        assert await ask(handler, "/") == first
        await idle(handler, 1)
    handler.may.set()
    assert await slow is None
    await idle(handler, 2)
    assert await ask(handler, "/") != first, "its thread is used again"


def test_a_thread_is_free_when_it_is_through_and_not_before() -> None:
    """A server that ends leaves a request before its view is done."""
    threads, may, rested = Threads(), threading.Event(), threading.Event()
    thread = threads.take()
    thread.submit(may.wait, PATIENCE)
    threads.give_back(thread)
    thread.submit(rested.set)
    other = threads.take()
    assert other is not thread
    may.set()
    assert rested.wait(PATIENCE)
    assert threads.take() is thread
    thread.shutdown()


async def test_of_many_at_once_so_many_threads_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "KEPT", 2)
    handler = Here()
    before = set(threading.enumerate())
    asked = [asyncio.create_task(ask(handler, "/slow")) for _ in range(5)]
    async with asyncio.timeout(PATIENCE):
        while len(made := set(threading.enumerate()) - before) < 5:
            await asyncio.sleep(0)
        handler.may.set()
        assert len(set(await asyncio.gather(*asked))) == 5
        while sum(thread.is_alive() for thread in made) > 2:
            await asyncio.sleep(0)
    assert len(handler.threads._idle) == 2
