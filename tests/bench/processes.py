"""A web process and a worker over the database of this process, and a tool server whose calls wait at a gate."""

import asyncio
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from aiohttp import web
from django.conf import settings
from django.contrib.auth.models import User

from orchestration.accounts import give_role
from orchestration.acts import tokens
from orchestration.roles import Role
from tests import services

PATIENCE = 60.0


class Tools:
    """Answers each call once the gate was opened for it. `came` holds the times of their arrival, in seconds since 1970."""

    def __init__(self) -> None:
        self.came: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._gate = threading.Semaphore(0)
        self._loop = asyncio.new_event_loop()
        ready: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._serve, args=(ready,), daemon=True).start()
        self.place = f"127.0.0.1:{ready.get(timeout=PATIENCE)}"

    def open(self, times: int = 1) -> None:
        self._gate.release(times)

    def _serve(self, ready: "queue.SimpleQueue[int]") -> None:
        async def answer(request: web.Request) -> web.Response:
            self.came.put(time.time())
            await request.read()
            await asyncio.to_thread(self._gate.acquire)
            return web.json_response({"ok": True})

        async def serve() -> None:
            application = web.Application()
            application.router.add_post("/x", answer)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            ready.put(runner.addresses[0][1])
            await asyncio.Event().wait()

        self._loop.run_until_complete(serve())

    def definition(self, **more: Any) -> dict[str, Any]:
        """The one tool, as a workflow has it."""
        return {"http": {"url": f"http://{self.place}/x"}, "effect": "idempotent", "output": {"type": "object"}, **more}


@dataclass
class Site:
    url: str
    tools: Tools
    token: str
    web: int
    """The process that serves it."""

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far."""
        used = psutil.Process(self.web).cpu_times()
        return float(used.user + used.system)

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=PATIENCE, trust_env=False)


def person() -> User:
    user, _ = User.objects.get_or_create(username="ada")
    give_role(user, Role.ADMIN)
    return user


@contextmanager
def site() -> Iterator[Site]:
    """Processes that are ready. In the embedded mode there is one, which is both."""
    tools, port = Tools(), services.free_port()
    environ = {**os.environ, "INTERLOCK_REACH": tools.place}
    serve = ["manage.py", "up", "--port", str(port)]
    work: list[str] = []
    if not settings.EMBEDDED:
        serve = ["-m", "uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning", "--no-access-log"]
        work = ["-m", "celery", "-A", "config", "worker", "-P", "threads", "-c", "4", "--loglevel", "WARNING"]
    with tempfile.TemporaryFile() as log:
        commands = [[sys.executable, *command] for command in (serve, work) if command]
        started = [subprocess.Popen(command, env=environ, stdout=log, stderr=log) for command in commands]
        try:
            _until_ready(f"http://127.0.0.1:{port}/healthz")
            token = tokens.create(user=person(), by="ada", name="bench")
            yield Site(f"http://127.0.0.1:{port}", tools, token, started[0].pid)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(PATIENCE)


def _until_ready(address: str) -> None:
    """Until it answers, and somebody sweeps."""
    never = threading.Event()
    for _ in range(int(PATIENCE / 0.1)):
        try:
            if httpx.get(address, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        never.wait(0.1)
    raise AssertionError("the processes did not come up")
