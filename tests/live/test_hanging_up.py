"""A client that goes away in the middle of something leaves nothing behind, and no line on the console."""

import asyncio
import gc
import socket as sockets
import struct
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User

from dashboard import ear
from dashboard.api import runs
from orchestration import nudges
from orchestration.acts import tokens
from orchestration.queries import changes
from tests import factories
from tests.live.test_live_socket import PATIENCE, socket, watch

pytestmark = pytest.mark.any_database


def cut(connection: sockets.socket) -> None:
    """Ends it with a reset, as a process that dies does, and gives the server's loop the time to see that."""
    connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(sockets.SHUT_RDWR)
    turns()


def turns(count: int = 20) -> None:
    async def turn() -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    asyncio.run_coroutine_threadsafe(turn(), nudges._loop).result(PATIENCE)  # type: ignore[arg-type]


def until(condition: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        turns()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    gc.collect()  # what a task failed with and nobody asked for is told when it is thrown away
    turns()
    return [record.getMessage() for record in caplog.records]


def ticking() -> Iterable[Any]:
    return [task for task in asyncio.all_tasks(nudges._loop) if "_tick" in repr(task.get_coro())]


def test_a_socket_that_is_gone_when_it_is_told_something(
    site: str, viewer: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looking, gone = threading.Event(), threading.Event()

    def revisions(topics: Any) -> dict[str, int]:
        looking.set()
        assert gone.wait(PATIENCE)
        return dict.fromkeys(topics, 7)

    monkeypatch.setattr(changes, "revisions", revisions)
    with socket(site, viewer) as opened:
        watch(opened, "inbox", "runs")
        assert looking.wait(PATIENCE)
        cut(opened.socket)
        gone.set()
    until(lambda: not ticking() and not ear.watched())
    assert lines(caplog) == []


def waiting(site: str, by: User) -> sockets.socket:
    """A connection over which a run was started whose end is waited for."""
    factories.publish(factories.asking())
    host, _, port = site.removeprefix("http://").partition(":")
    body = b'{"input": {"text": "Hello"}}'
    head = [
        "POST /api/v1/workflows/asking/runs?wait=60 HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {tokens.create(user=by, by='ada')}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    connection = sockets.create_connection((host, int(port)))
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
    return connection


def test_a_client_that_does_not_wait_to_the_end(
    site: str, operator: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked, gone, over = threading.Event(), threading.Event(), threading.Event()

    def rests(run: str, *waits: str) -> bool:
        looked.set()
        assert gone.wait(PATIENCE)
        over.set()
        return True

    monkeypatch.setattr(runs.queries, "rests", rests)
    with waiting(site, operator) as connection:
        assert looked.wait(PATIENCE)
        cut(connection)
        gone.set()
        assert over.wait(PATIENCE)
    until(lambda: not [task for task in asyncio.all_tasks(nudges._loop) if "run_asgi" in repr(task.get_coro())])
    assert lines(caplog) == []


def test_who_has_gone_holds_no_thread_and_no_place_among_those_who_wait(
    site: str, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, places = threading.Event(), threading.BoundedSemaphore(1)

    def rests(run: str, *waits: str) -> bool:
        looked.set()
        return False

    monkeypatch.setattr(runs.queries, "rests", rests)
    monkeypatch.setattr(runs, "MOST_WAITING", places)
    with waiting(site, operator) as connection:
        assert looked.wait(PATIENCE)
        assert not places.acquire(blocking=False)
        cut(connection)
        assert places.acquire(timeout=PATIENCE)
        places.release()
