"""What tests share: the cast, a browser, and the whole site on a port of its own."""

import os

# Playwright keeps an event loop in the main thread, which Django takes for an async caller.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import settings as hypothesis

from orchestration.accounts import give_role
from orchestration.roles import Role
from tests import database
from tests.browser import in_ci

pytest_plugins = ["tests.site"]

PASSWORD = "correct horse battery"

hypothesis.register_profile("default", deadline=None, max_examples=60)
hypothesis.register_profile("ci", deadline=None, max_examples=60, derandomize=True, database=None)
hypothesis.load_profile("ci" if in_ci() else "default")
database.use()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: from the first one on, the main thread has a running loop, and coroutine tests can't have one."""
    items.sort(key=lambda item: "chromium" in getattr(item, "fixturenames", ()))


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
