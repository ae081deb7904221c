"""What tests share: the cast, a browser, and the whole site on a port of its own."""

import os
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

# Playwright keeps an event loop in the main thread, which Django takes for an async caller.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from hypothesis import settings as hypothesis
from pytest_django.plugin import DjangoDbBlocker

from orchestration.accounts import give_role
from orchestration.roles import Role
from orchestration.tools import registry
from tests import database, services
from tests.browser import in_ci

pytest_plugins = ["tests.site"]

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"
PARTS = {
    "browser": "tests in a browser",
    "calm": "those of the others that keep to one thread, to which it is all the same how slowly they go",
    "rest": "all others",
    "database": "those of calm and rest whose result may depend on the database",
    "server": "the same of deployments, which are several processes on one",
}
CALM = {"core", "web"}
"""Folders whose tests are calm, unless another thread has to see what they write."""
FOLDERS: dict[str | None, Collection[str]] = {"browser": {"live", "server"}, "calm": CALM, "server": {"server"}}
"""Where the tests of a part are, so that nothing else is read for it. Of the others they may be anywhere."""

hypothesis.register_profile("default", deadline=None, max_examples=60)
hypothesis.register_profile("ci", deadline=None, max_examples=30, derandomize=True, database=None)
hypothesis.load_profile("ci" if in_ci() else "default")
database.use()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=PARTS, help="; ".join(f"{name}: {what}" for name, what in PARTS.items()))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    folders = FOLDERS.get(config.getoption("--part"), ())
    is_elsewhere = folders and collection_path.parent == HERE and collection_path.is_dir() and collection_path.name not in folders
    return True if is_elsewhere else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests come last: from the first one on, the main thread has a running loop, and coroutine tests can't have one."""
    items.sort(key=lambda item: "chromium" in _fixtures(item))
    part = config.getoption("--part")
    if lost := [
        item.nodeid for item in items if "chromium" in _fixtures(item) and item.path.parent.name not in FOLDERS["browser"]
    ]:
        raise pytest.UsageError(f"Tests in a browser belong where they are looked for, in live or server: {', '.join(lost)}")
    others = {item for item in items if _elsewhere(item) or not _of(part, item)}
    config.hook.pytest_deselected(items=list(others))
    items[:] = [item for item in items if item not in others]


def _elsewhere(item: pytest.Item) -> bool:
    """Whether it is about another database than this one."""
    marks = {mark.name for mark in item.iter_markers()} & {"sqlite", "postgresql"}
    return bool(marks) and connection.vendor not in marks


def _of(part: str | None, item: pytest.Item) -> bool:
    fixtures = _fixtures(item)
    if part in ("database", "server"):
        if (item.path.parent.name == "server") is not (part == "server"):
            return False
        anywhere = "chromium" in fixtures or item.get_closest_marker("any_database") is not None
        touches = bool(fixtures & {"db", "transactional_db"}) and not anywhere
        return touches or item.get_closest_marker("postgresql") is not None  # which runs nowhere else
    own = "browser" if "chromium" in fixtures else "calm" if _calm(item) else "rest"
    return part in (None, own)


def _calm(item: pytest.Item) -> bool:
    alone = "transactional_db" not in _fixtures(item) and item.get_closest_marker("asyncio") is None
    return item.path.parent.name in CALM and alone


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    yield
    with django_db_blocker.unblock():
        database.let_go()


def _url(service: AbstractContextManager[services.Service]) -> Iterator[str]:
    """Where it can't be had, the test is skipped with a line that says what to do, but under CI=true it fails."""
    try:
        with service as found:
            yield found.url
    except services.Missing as missing:
        if in_ci():
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A logical database of Redis that is the tests' own."""
    yield from _url(services.redis())


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """RabbitMQ where there is one, in a virtual host that is the tests' own; else Redis."""
    try:
        with services.rabbitmq() as found:
            yield found.url
    except services.Missing:
        yield from _url(services.redis())


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Python tools the modules of other tests have made."""
    monkeypatch.setattr(registry, "REGISTERED", {})


def _person(username: str, role: Role) -> User:
    user = User.objects.create_user(username, f"{username}@example.test", PASSWORD)
    give_role(user, role)
    return user


@pytest.fixture
def admin(db: None) -> User:
    return _person("ada", Role.ADMIN)


@pytest.fixture
def designer(db: None) -> User:
    return _person("dora", Role.DESIGNER)


@pytest.fixture
def operator(db: None) -> User:
    return _person("otto", Role.OPERATOR)


@pytest.fixture
def viewer(db: None) -> User:
    return _person("vera", Role.VIEWER)


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def as_admin(admin: User) -> Client:
    return _signed_in(admin)


@pytest.fixture
def as_designer(designer: User) -> Client:
    return _signed_in(designer)


@pytest.fixture
def as_operator(operator: User) -> Client:
    return _signed_in(operator)


@pytest.fixture
def as_viewer(viewer: User) -> Client:
    return _signed_in(viewer)


@pytest.fixture
def as_nobody() -> Client:
    return Client()
