"""Requests that have no answer yet when the server ends."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.http import HttpResponse

from config.waits import Waits
from tests import described
from tests.servers.asgi import PATIENCE, serve

START = {"type": "http.response.start", "status": 200, "headers": []}
PART = {"type": "http.response.body", "body": b"begun", "more_body": True}
PATHS = ("/api/v1/runs", "/runs/", "/begun")


def test_who_is_cut_off_by_a_server_that_ends_is_told_so_by_http() -> None:
    """The API as it is described, a person in a sentence; what has begun is broken off, and no other answer put behind it."""
    waiting = threading.Semaphore(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/begun":
            await send(START)
            await send(PART)
        waiting.release()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(len(PATHS)) as clients:
        with serve(Waits(app)) as address:
            asked = [clients.submit(httpx.get, address + path, timeout=PATIENCE, trust_env=False) for path in PATHS]
            assert all(waiting.acquire(timeout=PATIENCE) for _ in PATHS)
        document, sentence = (answer.result() for answer in asked[:2])
        with pytest.raises(httpx.RemoteProtocolError):
            asked[2].result()
    headers = {name.title(): value for name, value in document.headers.items()}
    described.check("GET", PATHS[0], HttpResponse(document.content, status=document.status_code, headers=headers))
    told = document.json()
    assert (document.status_code, told["status"], told["code"], document.headers["retry-after"]) == (503, 503, "stopping", "5")
    assert (sentence.status_code, sentence.text) == (503, told["detail"])


@pytest.mark.parametrize(("begun", "told"), [(False, [503, None]), (True, [200])])
async def test_what_an_application_says_and_hears_after_that_is_nothing(begun: bool, told: list[Any]) -> None:
    """A view runs in a thread, and is not over because nobody waits for it."""
    sent: list[Any] = []
    doors: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if begun:
            await send(START)
        doors.extend((receive, send, scope["over"]))
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    request = asyncio.create_task(Waits(app)({"type": "http", "path": "/runs/"}, receive, send))
    while not doors:
        await asyncio.sleep(0)
    request.cancel()
    await request
    hear, say, over = doors
    await say(PART)
    assert [message.get("status") for message in sent] == told
    assert over.is_set()
    heard = asyncio.create_task(hear())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not heard.done()
    heard.cancel()


async def test_who_waits_when_it_is_about_to_end_and_who_comes_then_is_answered_as_things_are() -> None:
    begun = asyncio.Event()
    waits: Any = None

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await asyncio.to_thread(scope["over"].wait, PATIENCE)
        await send({**START, "status": 200 if scope["over"].is_set() else 500})

    async def asked() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message["status"])

        await waits({"type": "http", "path": "/api/v1/runs"}, send, send)
        return sent

    waits = Waits(app)
    before = asyncio.create_task(asked())
    await begun.wait()
    waits.end_waits()
    assert await before == await asked() == [200]
