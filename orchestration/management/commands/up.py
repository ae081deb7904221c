"""The whole of Interlock in one process: database, first account, samples, engine, web server."""

import asyncio
import contextlib
import importlib
import importlib.util
import math
import os
import socket
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

from orchestration import accounts, nudges, tasks
from orchestration.acts import drafts, firing
from orchestration.executor.engine import Engine
from orchestration.management.server import GRACE, PortTaken, Server, exit_after, listening_socket, serve_until_told
from orchestration.management.warm import warm
from orchestration.queries.broken import broken

PATIENCE = math.inf
"""Seconds that the engine waits for its database: nobody would start this process again, and its pages say what is wrong."""
DRAIN = 2.0
"""Seconds that the engine gets to bring what it holds to a commit and give it back. The pages, and the sample service that its
calls may need, answer meanwhile."""


class Command(BaseCommand):
    help = "Prepares the database, then serves pages, API and engine in one process until Ctrl-C."
    requires_system_checks: list[str] = []  # the suite makes them; a start need not wait for them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on (8000)")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        os.umask(0o077)  # the database holds what people wrote; it is for this user alone
        try:
            listener = listening_socket(settings.LISTENS_ON, port)
        except PortTaken as error:
            raise CommandError(str(error)) from None
        with listener:
            self._serve(listener)

    def _serve(self, listener: socket.socket) -> None:
        prepare_database()
        lines = [f"  {mode()}", *who_signs_in(), "  Stop with Ctrl-C; every run goes on at the next start."]
        _install_samples(listener.getsockname()[1])
        engine = Engine(name="embedded", patience=PATIENCE, schedules=firing.due)
        tasks.use_engine(engine)

        def on_ready(loop: asyncio.AbstractEventLoop) -> None:
            nudges.use_loop(loop)
            # Only now: a run that an earlier process left may call the sample service of this very server.
            loop.run_in_executor(None, go)

        def go() -> None:
            try:
                engine.start()
            except Exception as error:
                self._say(f"The engine does not start: {error}")
                exit_after(0.0, code=1)
            self._say(f"Interlock is ready: http://{_shown_host()}:{listener.getsockname()[1]}", *lines)
            warm()
            with contextlib.suppress(DatabaseError):
                self._say(*(f"  {found.sentence}" for found in broken()))
                drafts.look_ahead()
            connection.close()

        def on_stop() -> None:
            exit_after(GRACE)
            engine.drain(DRAIN)
            self._say("\nStopping: what is under way is given back …")

        try:
            application = import_string(settings.ASGI_APPLICATION)
            server = Server(application, on_ready, on_stop, lambda: engine.drained, application.end_waits)
            serve_until_told(server, listener)
        except Exception:
            exit_after(GRACE, code=1)
            raise
        finally:
            engine.stop(grace=DRAIN)
        self._say("Stopped.")

    def _say(self, *lines: str) -> None:
        if not lines:
            return
        with contextlib.suppress(BrokenPipeError):  # nobody reads any more, which is no reason to stop
            self.stdout.write("\n".join(lines))
            self.stdout.flush()


def prepare_database() -> None:
    """Brings the tables up to date where they are not."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        print("Preparing the database …", flush=True)
        call_command("migrate", verbosity=0, interactive=False)


def who_signs_in() -> list[str]:
    """Opens the first account where there is none. Lines that say how to sign in, where that may not be known."""
    password = accounts.open_first_account()
    if password is not None:
        return [
            f"  Sign in as {accounts.FIRST_NAME} with the one-time password {password}",
            "  It is shown only now; you choose your own when you sign in.",
        ]
    if (name := accounts.unused_first_account()) is not None:
        return [f"  Nobody has signed in yet. A new one-time password: .venv/bin/python manage.py account {name}"]
    return []


def mode() -> str:
    """One line: which mode, which database, and who answers as the model."""
    name = "Embedded" if settings.EMBEDDED else "Server mode in one process"
    return f"{name} · {connection.display_name} · {_model()}"


def _model() -> str:
    if settings.OPENAI_BASE_URL:
        parts = urlsplit(settings.OPENAI_BASE_URL)
        return f"models from {parts.hostname}{f':{parts.port}' if parts.port else ''}"
    keys = {"OpenAI": settings.OPENAI_API_KEY, "Anthropic": settings.ANTHROPIC_API_KEY}
    maker = next((maker for maker, key in keys.items() if key), None)
    return f"models from {maker}" if maker else "rehearsal: scripted answers, no model is called"


def _shown_host() -> str:
    return "127.0.0.1" if settings.LISTENS_ON == "127.0.0.1" else settings.ALLOWED_HOSTS[0]


def _install_samples(port: int) -> None:
    if importlib.util.find_spec("orchestration.samples.__init__") is not None:
        importlib.import_module("orchestration.samples").install(port=port)
