"""Default deny on sockets: every route, over the real server."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboard.routing import websocket_urlpatterns
from orchestration import accounts
from orchestration.roles import Role
from tests.web.test_access import sample

pytestmark = pytest.mark.any_database

ROUTES = [f"/{sample(route.pattern, 'x')}" for route in websocket_urlpatterns]


def _opens(site: str, path: str, user: User | None = None, origin: str | None = None) -> bool:
    headers = {}
    if user is not None:
        client = Client()
        client.force_login(user)
        headers["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    address = site.replace("http://", "ws://") + path
    own: Any = site if origin is None else origin
    try:
        with connect(address, origin=own, additional_headers=headers, proxy=None):
            return True
    except InvalidStatus:
        return False


@pytest.mark.parametrize("path", [*ROUTES, "/no/such/socket/"])
def test_no_socket_opens_for_one_who_may_not(site: str, viewer: User, path: str) -> None:
    accounts.open_account("otis", Role.ADMIN)
    nobody = User.objects.create_user("nora")
    assert not _opens(site, path)
    assert not _opens(site, path, nobody)
    assert not _opens(site, path, User.objects.get(username="otis"))
    assert not _opens(site, path, viewer, origin="http://evil.example")
    assert _opens(site, path, viewer) is (path in ROUTES)
