"""The tests' database out of reach: through a cable that is cut, on a server of its own that dies, or full; and who notices."""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from aiohttp import web
from django.db import connection, connections

from tests import services
from tests.engine.conftest import PATIENCE
from tests.servers import Cable

COMMITS = b'"step'
"""What is said on the wire with each commit of a run, in its position, and with nothing else."""


@contextmanager
def elsewhere(**changes: Any) -> Iterator[None]:
    """New connections of all threads of this process are made with these settings; this thread's is a new one."""
    settings = connections.settings["default"]
    before = {name: settings[name] for name in changes}
    connection.close()
    settings.update(changes)
    try:
        yield
    finally:
        connection.close()
        settings.update(before)


@contextmanager
def cabled() -> Iterator[Cable]:
    """New connections go through a cable, but those of this thread."""
    settings = connections.settings["default"]
    with Cable(settings["HOST"], int(settings["PORT"] or 5432)) as cable:
        connection.close()
        plain, connections["default"] = connections["default"], connection.copy()
        options = {**settings["OPTIONS"], "sslmode": "disable", "gssencmode": "disable"}
        try:
            with elsewhere(HOST="127.0.0.1", PORT=str(cable.port), OPTIONS=options):
                yield cable
        finally:
            connection.close()
            connections["default"] = plain


@contextmanager
def on(server: services.Postgresql) -> Iterator[None]:
    """All of this process on a server of one's own."""
    parts = urlsplit(server.url)
    with elsewhere(HOST=parts.hostname, PORT=str(parts.port), NAME=parts.path[1:]):
        yield


@contextmanager
def direct() -> Iterator["psycopg.Connection[Any]"]:
    """A session of one's own beside Django's, each statement a transaction."""
    settings = connection.settings_dict
    options = {key: settings[name] for key, name in (("user", "USER"), ("password", "PASSWORD")) if settings[name]}
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        dbname=settings["NAME"],
        application_name="test",
        autocommit=True,
        **options,
    ) as session:
        yield session


_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'test' AND usename IS NOT NULL"


def sessions(session: "psycopg.Connection[Any]") -> int:
    """How many there are on this database that are not `direct`."""
    return len(session.execute(f"SELECT pid {_OTHERS}").fetchall())


def end_sessions(session: "psycopg.Connection[Any]") -> int:
    """Ends them; how many there were."""
    return len(session.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}").fetchall())


@contextmanager
def crowded(session: "psycopg.Connection[Any]") -> Iterator[None]:
    """All sessions that the server has are taken."""
    with ExitStack() as crowd:
        while True:
            try:
                crowd.enter_context(direct())
            except psycopg.OperationalError:
                if not end_sessions(session):
                    break
        yield


class Gate:
    """What a tool answers, much, once the gate was opened for it."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(0)

    def open(self, times: int = 1) -> None:
        self._free.release(times)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(self._free.acquire, timeout=PATIENCE)
        return web.json_response({"message_id": "m1", "more": "x" * 100_000})


class Ear(logging.Handler):
    """Hears when an engine of this process finds the database out of use, and why."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: queue.SimpleQueue[str] = queue.SimpleQueue()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("The database can't be used"):
            self._heard.put(record.getMessage())

    def wait(self, reason: str = "") -> None:
        """Returns once it was noticed, for that reason."""
        with contextlib.suppress(queue.Empty):
            while reason not in self._heard.get(timeout=PATIENCE):
                pass
            return
        raise AssertionError("the fault did not bite")


@pytest.fixture
def ear() -> Iterator[Ear]:
    log, found = logging.getLogger("orchestration.record.recorder"), Ear()
    log.addHandler(found)
    yield found
    log.removeHandler(found)


def until(condition: Callable[[], Any], what: str) -> None:
    """Returns once it holds. Fails where it does not for a long time."""
    never = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if condition():
            return
        never.wait(0.01)
    raise AssertionError(f"this never came about: {what}")
