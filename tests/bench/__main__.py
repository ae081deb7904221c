"""`make bench`: what the engine does a second, beside what the same database commits a second, in the same run on this machine.

    proof         CPU of reading, compiling and proving 500 steps for the first time, beside that of taking their YAML apart
    commits       one row inserted and one updated, one commit each, on 1 and on 16 connections
    tool steps    durable steps that call a tool which answers at once, in one run, and in 16 runs at once
    pure steps    `set` steps, in one run
    model calls   200 runs of three calls that take one second each; the ideal is three seconds

Nothing here asserts. The database is SQLite as the embedded mode has it, or PostgreSQL where DATABASE_URL says so.
"""

import asyncio
import os
import platform
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_FOLDER = Path(tempfile.mkdtemp(prefix="interlock-bench-"))
os.environ["INTERLOCK_DATA"] = str(_FOLDER)

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from orchestration import llm, tasks, tools  # noqa: E402
from orchestration.acts import runs  # noqa: E402
from orchestration.core.result import Answer, Request, Usage  # noqa: E402
from orchestration.executor.engine import Engine  # noqa: E402
from orchestration.models import Blob, Provider, Run, StepRecord  # noqa: E402
from tests.bench import large  # noqa: E402
from tests.engine.publishing import end, publish  # noqa: E402

STEPS = 20
"""Tool steps of a run: as many as in the comparisons that the figures are held against."""


class Instant:
    """A tool that answers at once, in this process: what is measured is the engine and the database."""

    @staticmethod
    def build(tool: Any, given: Any, key: str, timeout: float) -> Request:
        return Request("http", tool.name, body="{}", timeout=timeout, key=key)

    @staticmethod
    async def perform(request: Request, secrets: Any, means: Any) -> Answer:
        return Answer(output={"ok": True}, raw='{"ok": true}')


class Slow:
    """A model that takes a second."""

    @staticmethod
    def build(ask: Any, provider: Any) -> Request:
        return Request("rehearsal", provider.name, body=ask.messages[-1].content, timeout=ask.timeout, key=ask.key)

    @staticmethod
    async def perform(request: Request, secrets: Any, door: Any) -> Answer:
        await asyncio.sleep(1.0)
        return Answer(text='{"n": 1}', raw='{"n": 1}', usage=Usage(10, 5))


def definition(name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    tool = {"http": {"url": "http://127.0.0.1:9/x"}, "effect": "idempotent", "output": {"type": "object"}}
    return {
        "interlock": 1,
        "id": name,
        "input": {"type": "object"},
        "outcomes": {"good": {"kind": "success"}, "bad": {"kind": "failure"}},
        "on_failure": "bad",
        "models": {"main": {"provider": "bench", "model": "m"}},
        "tools": {"nothing": tool},
        "start": steps[0]["id"],
        "steps": [*steps, end()],
    }


def chain(kind: Callable[[int], dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [{**kind(i), "id": f"s{i}", "next": f"s{i + 1}" if i + 1 < count else "done"} for i in range(count)]


class Floor:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ended = 0
        self.engine = Engine(name="bench", on_commit=self._on_commit).start()
        tasks.use_engine(self.engine)

    def _on_commit(self, commits: Any) -> None:
        over = sum(commit.row.status in Run.ENDED for commit in commits)
        if over:
            with self._changed:
                self._ended += over
                self._changed.notify_all()

    def time(self, workflow: str, count: int) -> float:
        """Seconds for `count` runs, all started before the clock is."""
        self._ended = 0
        engine, began = self.engine, 0.0
        tasks.use_engine(None)
        ids = [runs.start(workflow=workflow, input={}, by="bench") for _ in range(count)]
        tasks.use_engine(engine)
        began = time.perf_counter()
        for run in ids:
            engine.hint(run)
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended >= count, 120), f"{self._ended} of {count} runs ended"
        return time.perf_counter() - began


def commits(connections: int, each: int = 200) -> float:
    """Commits a second: one row inserted and one updated in each, on so many connections."""

    def work(number: int) -> None:
        key = f"bench-{number}"
        Blob.objects.get_or_create(hash=key, defaults={"body": "0"})
        ready.wait()
        for turn in range(each):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO orchestration_blob (hash, body) VALUES (%s, %s)", [f"{key}-{time.time_ns()}", "x" * 500]
                )
                cursor.execute("UPDATE orchestration_blob SET body = %s WHERE hash = %s", [str(turn), key])
        connection.close()

    ready = threading.Barrier(connections + 1)
    with ThreadPoolExecutor(connections) as pool:
        futures = [pool.submit(work, number) for number in range(connections)]
        ready.wait()
        began = time.perf_counter()
        for future in futures:
            future.result()
        return connections * each / (time.perf_counter() - began)


def row(name: str, figure: str, note: str = "") -> None:
    print(f"  {name:<44}{figure:>16}   {note}", flush=True)


def main() -> None:
    call_command("migrate", verbosity=0, interactive=False)
    tools.KINDS["http"] = Instant  # type: ignore[assignment]
    llm.PROTOCOLS["rehearsal"] = Slow  # type: ignore[assignment]
    Provider.objects.update_or_create(name="bench", defaults={"protocol": "rehearsal", "default_model": "m"})
    tool = {"type": "tool", "tool": "nothing", "input": {}}
    ask = {
        "type": "llm", "model": "main", "prompt": "Count.", "max_input_tokens": 100, "max_output_tokens": 50,
        "output": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
    }  # fmt: skip
    publish(definition("tools", *chain(lambda _: tool, STEPS)))
    publish(definition("pure", *chain(lambda i: {"type": "set", "values": {"n": i}}, 200)))
    publish(definition("models", *chain(lambda _: ask, 3)))
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {connection.display_name}\n")
    alone, whole = large.cost()
    row("proof: 500 steps, no two texts alike", f"{whole:.2f} s of CPU", f"{whole / alone:.0f} times their YAML's events alone")
    one, many = commits(1), commits(16, 50)
    row("plain commits, 1 connection", f"{one:,.0f} /s")
    row("plain commits, 16 connections", f"{many:,.0f} /s")
    floor = Floor()
    floor.time("tools", 2)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(5):
        floor.time("tools", 1)
    single = 5 * STEPS / (time.perf_counter() - began)
    row(
        "durable tool steps, one run at a time",
        f"{single:,.0f} /s",
        f"{single / one:.2f} of plain commits; start of the run included",
    )
    cpu = time.process_time()
    sixteen = 64 * STEPS / sum(floor.time("tools", 16) for _ in range(4))
    used = (time.process_time() - cpu) / (64 * STEPS)
    row(
        "durable tool steps, 16 runs at once",
        f"{sixteen:,.0f} /s",
        f"{sixteen / many:.2f} of plain commits; {1000 * used:.2f} ms of CPU a step",
    )
    row("pure steps, one run", f"{200 / floor.time('pure', 1):,.0f} /s")
    took = floor.time("models", 200)
    row("200 runs of three one-second calls", f"{took:.2f} s", f"{took / 3:.2f} of the ideal")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    row("most memory", f"{peak:.0f} MB", f"{StepRecord.objects.count():,} step records in {Run.objects.count():,} runs")
    tasks.use_engine(None)
    floor.engine.stop(grace=2.0)


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
