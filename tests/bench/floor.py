"""An engine in this process, definitions of one kind of step, and clocks: wall, CPU of this process and of the database."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from orchestration import llm, tasks, tools
from orchestration.acts import runs
from orchestration.core.result import Answer, Request
from orchestration.executor.engine import Engine
from orchestration.models import Run
from tests.engine.publishing import end

STEPS = 20
"""Tool steps of a run: as many as in the comparisons that the figures are held against."""
LIMIT = 120


class Instant:
    """A tool that answers at once, in this process: what is measured is the engine and the database."""

    @staticmethod
    def build(tool: Any, given: Any, key: str, timeout: float) -> Request:
        return Request("http", tool.name, body="{}", timeout=timeout, key=key)

    @staticmethod
    async def perform(request: Request, secrets: Any, means: Any) -> Answer:
        return Answer(output={"ok": True}, raw='{"ok": true}')


def definition(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    tool = {"http": {"url": "http://127.0.0.1:9/x"}, "effect": "idempotent", "output": {"type": "object"}}
    return {
        "interlock": 1,
        "id": name,
        "input": {"type": "object"},
        "outcomes": {"good": {"kind": "success"}, "bad": {"kind": "failure"}},
        "on_failure": "bad",
        "tools": {"nothing": tool},
        "start": steps[0]["id"],
        "steps": [*steps, end()],
        **more,
    }


def chain(kind: Callable[[int], dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [{**kind(i), "id": f"s{i}", "next": f"s{i + 1}" if i + 1 < count else "done"} for i in range(count)]


class Deaf:
    """What starts are hinted to while they gather: not a broker, which would be busy with them when the clock goes."""

    def hint(self, run: str) -> None:
        pass


class Floor:
    """`at`: when each record of a run was committed, run → seq → seconds, while it is a dictionary. `ours`, `theirs`: seconds of
    CPU of this process and of the database while the clock of `time` went."""

    def __init__(self, capacity: int | None = None) -> None:
        self._changed = threading.Condition()
        self._ended = 0
        self.at: dict[str, dict[int, float]] | None = None
        self.ours = self.theirs = 0.0
        self.engine = Engine(name="bench", capacity=capacity, on_commit=self._on_commit).start()
        tasks.use_engine(self.engine)

    def _on_commit(self, commits: Sequence[Any]) -> None:
        now = time.perf_counter()
        if self.at is not None:
            for commit in commits:
                self.at.setdefault(commit.run_id, {}).update((record.seq, now) for record in commit.records)
        if over := sum(commit.row.status in Run.ENDED for commit in commits):
            with self._changed:
                self._ended += over
                self._changed.notify_all()

    def time(self, workflow: str, count: int, input: Any = None, ends: int | None = None) -> float:
        """Seconds for `count` runs, all started before the clock is, until so many have ended, child runs among them."""
        self._ended = 0
        tasks.use_engine(Deaf())  # type: ignore[arg-type]
        self.engine.draining = True  # its sweep would claim those that are there already
        ids = [runs.start(workflow=workflow, input=input or {}, by="bench") for _ in range(count)]
        before = cpu()
        connection.close()
        self.engine.draining = False
        tasks.use_engine(self.engine)
        began = time.perf_counter()
        for run in ids:
            self.engine.hint(run)
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended >= (ends or count), LIMIT), f"{self._ended} of {count} runs ended"
        took = time.perf_counter() - began
        after = cpu()
        self.ours, self.theirs = self.ours + after[0] - before[0], self.theirs + after[1] - before[1]
        return took

    def start_and_wait(self, workflow: str, count: int) -> None:
        """One run after the other, each from its start."""
        for _ in range(count):
            self._ended = 0
            runs.start(workflow=workflow, input={}, by="bench")
            with self._changed:
                assert self._changed.wait_for(lambda: self._ended >= 1, LIMIT)

    def until(self, condition: Callable[[], bool]) -> None:
        """Until it holds, looked at after commits, and now and then, for others commit too."""
        until = time.perf_counter() + LIMIT
        with self._changed:
            while not condition():
                assert time.perf_counter() < until
                self._changed.wait(0.2)

    def close(self) -> None:
        tasks.use_engine(None)
        self.engine.stop(grace=2.0)


@contextmanager
def floor(capacity: int | None = None) -> Iterator[Floor]:
    kept = tools.KINDS["http"], llm.PROTOCOLS["rehearsal"]
    tools.KINDS["http"] = Instant  # type: ignore[assignment]
    made = Floor(capacity)
    try:
        yield made
    finally:
        made.close()
        tools.KINDS["http"], llm.PROTOCOLS["rehearsal"] = kept


def cpu() -> tuple[float, float]:
    """Seconds of CPU so far: of this process, and of the whole database server."""
    if settings.EMBEDDED:
        return time.process_time(), 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = psutil.Process(cursor.fetchone()[0]).parent()
    assert server is not None
    total = 0.0
    for process in (server, *server.children()):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return time.process_time(), total


def memory() -> float:
    """Megabytes of this process now."""
    return float(psutil.Process(os.getpid()).memory_info().rss) / 1e6
