"""The whole site on a port of its own, and a browser in front of it: fixtures, brought in by conftest."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from orchestration import nudges
from orchestration.management.server import Server, listening_socket
from tests import browser as chromium_on_this_machine

SLOW = 30
"""Seconds after which a start that did not come about fails the test."""


@pytest.fixture(scope="session")
def _serving() -> Iterator[str]:
    """The ASGI application on the server and the loop of the embedded mode, in a thread. It uses the tests' database."""
    from config.asgi import application

    ready = threading.Event()

    def on_ready(loop: asyncio.AbstractEventLoop) -> None:
        nudges.use_loop(loop)
        ready.set()

    listener = listening_socket("127.0.0.1", 0)
    server = Server(application, on_ready)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="site", daemon=True)
    thread.start()
    assert ready.wait(SLOW), "the site did not start"
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(SLOW)


@pytest.fixture
def site(transactional_db: None, _serving: str) -> str:
    """The address of the running site, as http://127.0.0.1:40001, over the rows that the test makes."""
    return _serving


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One real Chromium for all browser tests. Where there is none: skipped with a line that says what to install, but under
    CI=true a failure."""
    path = chromium_on_this_machine.find()
    if path is None:
        if chromium_on_this_machine.in_ci():
            pytest.fail(chromium_on_this_machine.MISSING)
        pytest.skip(chromium_on_this_machine.MISSING)
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=list(chromium_on_this_machine.FLAGS))
        yield started
        started.close()


@dataclass
class Watch:
    """What a page did that none may do."""

    site: str
    broken: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and ("Content Security Policy" in message.text or "Uncaught" in message.text):
            self.broken.append(message.text)

    def request(self, request: Request) -> None:
        """Looks at it, and lets nothing wait: a request that is held up here is kept in no cache of the browser either."""
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.broken.append(f"a request left the site: {request.url}")


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """A fresh page whose relative addresses are the site's. The test fails where a script failed, the content security policy
    was violated, or a request left the site."""
    watch = Watch(site)
    context = chromium.new_context(base_url=site, viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    context.on("request", watch.request)
    opened = context.new_page()
    opened.on("console", watch.console)
    opened.on("pageerror", lambda error: watch.broken.append(f"a script failed: {error}"))
    yield opened
    context.close()
    assert not watch.broken, "\n".join(watch.broken)


@pytest.fixture
def sign_in(page: Page, site: str) -> Callable[[User], Page]:
    """Gives the page a session of that person, without going through the form."""

    def signed_in(user: User) -> Page:
        client = Client()
        client.force_login(user)
        cookie: Any = {
            "name": settings.SESSION_COOKIE_NAME,
            "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
            "url": site,
        }
        page.context.add_cookies([cookie])
        return page

    return signed_in
