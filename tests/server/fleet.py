"""The server mode as it is deployed: web and worker processes of their own, begun by the commands that the README names, with
the environment that it names, on one database. They are watched by what they say, and ended by who started them."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from orchestration.acts import tokens
from orchestration.models import Worker

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
PATIENCE = 60.0
"""Seconds after which what did not come about fails the test."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class Child:
    """A process, and all that it has said."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
        self.pid = self._process.pid
        self._listener = threading.Thread(target=self._listen, name=f"listens to {name}", daemon=True)
        self._listener.start()

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    @property
    def said(self) -> str:
        with self._heard:
            return "".join(self.lines)

    def until(self, words: str, since: int = 0) -> str:
        """The first line in which it says that, from its line `since` on."""
        until = time.monotonic() + PATIENCE
        with self._heard:
            while not (found := next((line for line in self.lines[since:] if words in line), None)):
                assert self._listener.is_alive(), f"{self.name} ended before it said {words!r}:\n{''.join(self.lines)}"
                assert time.monotonic() < until, f"{self.name} never said {words!r}:\n{''.join(self.lines)}"
                self._heard.wait(0.5)
            return found

    def told(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def killed(self) -> None:
        """kill -9; gone when this returns."""
        self.told(signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL, f"{self.name} was dead already"

    def ended(self) -> int:
        """Its exit code."""
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n{self.said}") from None
        self._listener.join(PATIENCE)
        return code

    def end(self) -> None:
        """With its children, whatever state they are in."""
        if self.lives:
            family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
            for each in family:
                try:
                    each.kill()
                except psutil.NoSuchProcess:
                    continue
        self.ended()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as said:
            for line in said:
                with self._heard:
                    self.lines.append(line)
                    self._heard.notify_all()


class WebProcess(Child):
    """`uvicorn config.asgi:application` on a free port, or on this one."""

    def __init__(self, environment: dict[str, str], port: int = 0) -> None:
        command = [str(BIN / "uvicorn"), "config.asgi:application", "--port", str(port), "--no-access-log"]
        super().__init__("web", command, environment)

    def ready(self) -> "WebProcess":
        found = re.search(r"http://(127\.0\.0\.1:(\d+))", self.until("Uvicorn running on"))
        assert found is not None
        self.place, self.port = found[1], int(found[2])
        self.url = f"http://{self.place}"
        return self

    @contextmanager
    def watching(self, cookie: str, *topics: str) -> Iterator[ClientConnection]:
        """A socket as a page has one, that watches these."""
        origin: Any = self.url
        with connect(f"ws://{self.place}/live/", origin=origin, additional_headers={"Cookie": cookie}, proxy=None) as opened:
            with suppress(ConnectionClosed):  # the next word that is waited for says so
                opened.send(json.dumps({"watch": topics}))
            yield opened


class WorkerProcess(Child):
    """`celery -A config worker -P threads -c 4`: a worker."""

    def __init__(self, environment: dict[str, str], *options: str, app: str = "config") -> None:
        options = options or ("-P", "threads", "-c", "4")
        command = [str(BIN / "celery"), "-A", app, "worker", "-l", "INFO", *options]
        super().__init__("worker", command, environment)

    def ready(self) -> "WorkerProcess":
        """Returns once its engine claims. Whether its consumer hears is another matter: see `listening`."""
        until(lambda: not self.lives or Worker.objects.filter(pid=self.pid, stopped=None).exists(), "a worker is up")
        assert self.lives, self.said
        return self

    def listening(self) -> "WorkerProcess":
        self.until(" ready.")
        return self

    @property
    def row(self) -> Worker:
        return Worker.objects.get(pid=self.pid, group=0)


class Fleet:
    """`environment`: what all have; with `more` a process has something else."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**{name: os.environ[name] for name in KEPT if name in os.environ}, **environment}
        self.children: list[Child] = []

    def web(self, port: int = 0, **more: str) -> WebProcess:
        """Starts one; `ready` waits for it."""
        return self._add(WebProcess({**self.environment, **more}, port))

    def worker(self, *options: str, app: str = "config", **more: str) -> WorkerProcess:
        return self._add(WorkerProcess({**self.environment, **more}, *options, app=app))

    def manage(self, *words: str) -> str:
        """What `manage.py` says to that."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _add(self, child: Any) -> Any:
        self.children.append(child)
        return child

    @property
    def webs(self) -> list[WebProcess]:
        return [child for child in self.children if isinstance(child, WebProcess) and child.lives]

    @property
    def workers(self) -> list[WorkerProcess]:
        return [child for child in self.children if isinstance(child, WorkerProcess) and child.lives]

    def up(self, webs: int, workers: int) -> None:
        """That many live and are ready, no more and no fewer."""
        surplus = [*self.webs[webs:], *self.workers[workers:]]
        for each in surplus:
            each.told(signal.SIGTERM)
        started: list[Any] = [self.web() for _ in range(webs - len(self.webs))]
        started += [self.worker() for _ in range(workers - len(self.workers))]
        for each in (*started, *surplus):
            each.ended() if each in surplus else each.ready()

    def end(self) -> None:
        for child in self.children:
            child.end()


class Client(httpx.Client):
    """Somebody's program at one of the web processes, with a token."""

    def __init__(self, url: str, user: User) -> None:
        made = tokens.create(user=user, by=user.username)
        headers = {"Authorization": f"Bearer {made}"}
        super().__init__(base_url=f"{url}/api/v1/", headers=headers, timeout=PATIENCE, trust_env=False)

    def start(self, workflow: str, n: float = 0, wait: int | None = None, **headers: str) -> dict[str, Any]:
        answer = self.post(
            f"workflows/{workflow}/runs{'' if wait is None else f'?wait={wait}'}",
            json={"input": {"text": "x", "n": n}},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())


def until(condition: Any, what: str) -> None:
    """Returns once it holds. Fails where it does not for a long time."""
    never, given_up = threading.Event(), time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < given_up, f"this never came about: {what}"
        never.wait(0.02)


def quarrels(children: Iterable[Child]) -> list[str]:
    """What any of them said that tells of a surprise."""
    return [f"{child.name}: {child.said}" for child in children if "Traceback" in child.said]
