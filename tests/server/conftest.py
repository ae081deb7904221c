"""A house of the server mode: its database, its processes, and the scripted world around them."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from aiohttp import web
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client as Browser
from pytest_django.plugin import DjangoDbBlocker

from orchestration import fsck
from orchestration.accounts import give_role
from orchestration.models import Escalation, Provider, Run
from orchestration.roles import Role
from tests.engine.outages import elsewhere
from tests.engine.publishing import end, publish, workflow
from tests.factories import asking
from tests.server.fleet import Client, Fleet, until
from tests.servers import ScriptedServer

PASSWORD = "correct horse battery"
SECRETS_KEY = "t" * 43 + "="
TOOL = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}


@dataclass
class House:
    """`cookie`: of a session of an operator's; olga, another, has `PASSWORD`. Workflows: `sends` posts to three idempotent tools,
    `asks` asks a model, `asking` a person."""

    fleet: Fleet
    server: ScriptedServer
    ledger: Path
    operator: User
    cookie: str

    def client(self, number: int = 0) -> Client:
        return Client(self.fleet.webs[number].url, self.operator)

    def run(self, id: str) -> Run:
        return Run.objects.select_related("version").get(id=id)

    def ended(self, *ids: str) -> list[Run]:
        """These runs, once all have ended."""
        rest = Run.objects.filter(id__in=ids).exclude(status__in=Run.ENDED)
        until(lambda: not rest.exists(), f"{len(ids)} runs end")
        return list(Run.objects.filter(id__in=ids))

    def asked(self, id: str) -> Escalation:
        """The question in which it waits for a person, once it does."""
        until(lambda: Run.objects.filter(id=id, status="waiting").exists(), "a person is asked")
        return Escalation.objects.get(run=id, status="open")

    def sent(self, *ids: str) -> list[str]:
        """The keys of all requests that tools got for these runs."""
        keys = set(Run.objects.filter(id__in=ids).values_list("calls__key", flat=True))
        return [effect.key for effect in self.server.ledger.requests if effect.key in keys]


class Latch:
    """What a tool answers, once this was opened."""

    def __init__(self) -> None:
        self._open = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        self._open = True
        for loop, event in self._waiting:
            loop.call_soon_threadsafe(event.set)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        event = asyncio.Event()
        self._waiting.append((asyncio.get_running_loop(), event))
        if not self._open:
            await event.wait()
        return web.json_response({"message_id": "m1"})


def sends(server: ScriptedServer, id: str = "sends", effect: str = "idempotent", steps: int = 3) -> dict[str, Any]:
    """A workflow of so many calls of tools, one after the other."""
    tools, drawn = {}, []
    for n in range(1, steps + 1):
        http = {"method": "POST", "url": f"{server.url}/tools/send{n}"}
        tools[f"send{n}"] = {"http": http, "effect": effect, "output": TOOL}
        step = {"id": f"s{n}", "type": "tool", "tool": f"send{n}", "input": {"n": "${run.input.n}"}, "timeout": "60s"}
        drawn.append({**step, "next": f"s{n + 1}" if n < steps else "done"})
    more = {"escalation": {"queue": "ops", "deadline": "4h", "on_deadline": "bad"}}
    return {**workflow(*drawn, end(), tools=tools, models={}, **more), "id": id}


def asks() -> dict[str, Any]:
    answer = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}
    step = {"id": "sort", "type": "llm", "model": "main", "prompt": "Sort: {{ text }}", "input": {"text": "${run.input.text}"}}
    return {**workflow({**step, "output": answer, "next": "done"}, end()), "id": "asks"}


@pytest.fixture(scope="session")
def _database(django_db_blocker: DjangoDbBlocker, django_db_setup: None) -> Iterator[str]:
    """A database of their own, with nothing in it. Its address."""
    with django_db_blocker.unblock():
        own = connection.settings_dict
        who = ":".join(filter(None, (own["USER"], own["PASSWORD"])))
        place = f"{who}@{own['HOST']}:{own['PORT'] or 5432}"
    name = f"interlock_server_{secrets.token_hex(6)}"
    with psycopg.connect(f"postgresql://{place}/postgres", autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        yield f"postgresql://{place}/{name}"
        session.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def _house(
    _database: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[House]:
    ledger = tmp_path_factory.mktemp("house") / "ledger.jsonl"
    with ScriptedServer(ledger=ledger) as server, django_db_blocker.unblock(), here(_database):
        environment = {
            "DATABASE_URL": _database,
            "REDIS_URL": redis_url,
            "SECRET_KEY": settings.SECRET_KEY,
            "SECRETS_KEY": SECRETS_KEY,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "INTERLOCK_REACH": server.place,
        }
        fleet = Fleet(environment)
        fleet.manage("migrate", "--verbosity", "0")
        operator = User.objects.create_user("otto")
        give_role(operator, Role.OPERATOR)
        # As the server mode hashes it, but quickly. Signing in makes it a slow one.
        give_role(
            User.objects.create(username="olga", password=PBKDF2PasswordHasher().encode(PASSWORD, "salt" * 6, 1000)),
            Role.OPERATOR,
        )
        Provider.objects.create(name="main", protocol="openai", base_url=server.base_url, default_model="m")
        publish(sends(server))
        publish(asks())
        publish(asking())
        browser = Browser()
        browser.force_login(operator)
        name = settings.SESSION_COOKIE_NAME
        yield House(fleet, server, ledger, operator, f"{name}={browser.cookies[name].value}")
        fleet.end()


def here(database: str) -> Any:
    """All of this process on that database."""
    parts = urlsplit(database)
    return elsewhere(HOST=parts.hostname, PORT=str(parts.port), NAME=parts.path[1:])


@pytest.fixture
def house(_house: House, _database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """At its end nothing is under way any more, and all is sound."""
    heard = {child: len(child.lines) for child in _house.fleet.children}
    with django_db_blocker.unblock(), here(_database):
        yield _house
        for child in _house.fleet.children:
            print(f"── {child.name} {child.pid}", "".join(child.lines[heard.get(child, 0) :][-40:]), sep="\n")
        until(lambda: not Run.objects.filter(status__in=("ready", "held")).exists(), "nothing is under way")
        _house.server.reset()
        assert [str(finding) for finding in fsck.check(_house.ledger if _house.ledger.exists() else None)] == []


@pytest.fixture
def latches(house: House) -> Iterator[tuple[Latch, Latch]]:
    """Of the first two tools."""
    both = Latch(), Latch()
    for number, latch in enumerate(both, 1):
        house.server.default(latch, path=f"/tools/send{number}")
    yield both
    for latch in both:
        latch.open()
