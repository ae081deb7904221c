"""The engine: what moves runs in a worker process. One event loop on a thread of its own; a recorder; a heartbeat.

    loop       drives the runs it holds as coroutines; a model call in flight is one of them, waiting
    recorder   the one thread that writes (`record/recorder`)
    heartbeat  its own thread and connection; beats only while the loop turns and the recorder lives
    readers    two threads for what is read when a run is taken up

`start()` returns once the engine claims; `hint(run)` says that a run may be due (from any thread, and it may be lost);
`stop(grace)` drains: nothing new is claimed, runs go on to their next commit, the rest is given back.
"""

import asyncio
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from orchestration import nudges
from orchestration.core import values
from orchestration.door import Door
from orchestration.executor import escalate, sweep
from orchestration.executor.advance import advance
from orchestration.executor.bench import Bench
from orchestration.executor.desk import Released, Superseded
from orchestration.executor.held import Held
from orchestration.executor.isolation import Isolation
from orchestration.executor.reading import read_runs
from orchestration.models import Worker
from orchestration.models.fields import new_id
from orchestration.queries.catalog import World, current
from orchestration.queries.plans import plan_of
from orchestration.record.clock import DatabaseClock
from orchestration.record.failpoints import failpoint
from orchestration.record.recorder import Recorder
from orchestration.record.rows import Commit
from orchestration.tools.python import PythonPool

log = logging.getLogger(__name__)

FROZEN_LOOP = 3.0
"""Seconds without a turn of the loop after which the heart stops beating."""
READERS = 2


class Engine:
    """`group` is 0 for an ordinary worker; else it runs suspects, so many at once, and ends when there are none."""

    def __init__(
        self,
        name: str = "",
        capacity: int | None = None,
        group: int = 0,
        clock: Any = None,
        on_commit: Callable[[list[Commit]], None] | None = None,
    ) -> None:
        self.id = new_id()
        self.name = f"{name or 'worker'}@{socket.gethostname()}:{os.getpid()}"
        self.group = group
        self.capacity = capacity or group or settings.RUNS
        self.clock = clock or DatabaseClock()
        self.on_commit = on_commit
        self.recorder = Recorder(self._die, self._flushed)
        self.held: dict[str, Held] = {}
        self.refused = 0
        self.draining = False
        self.idle = 0
        """Sweeps in a row that found nothing to do and nothing held."""
        self.beat_at = time.monotonic()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hinted: set[str] = set()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._turned = time.monotonic()
        self._grace = 0.0
        self._failure: BaseException | None = None
        self.isolation = Isolation() if group == 0 else None

    # from other threads

    def start(self) -> "Engine":
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self, grace: float = 10.0) -> None:
        """Drains for at most `grace` seconds, then lets go of what is left. Everything is given back or leased."""
        self._grace = grace
        if not self._ready.wait(grace) or not self._thread.is_alive():
            return  # it never claimed anything
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(grace + 5.0)

    def hint(self, run: str) -> None:
        """This run may be due, or may have been asked something while it is held here."""
        if self._ready.is_set() and not self._stopped.is_set():
            try:
                self._loop.call_soon_threadsafe(self._take_hint, run)
            except RuntimeError:  # the loop has just closed; the sweep of another finds the run
                log.debug("A hint came too late: %s", run)

    @property
    def working(self) -> bool:
        return self._thread.is_alive() and not self._stopped.is_set()

    # the loop's thread

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._failure = error
            log.critical("The engine stopped: %s", error, exc_info=True)
        finally:
            self._stopped.set()
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._woken = asyncio.Event()
        self.recorder.start()
        await self.write(self._register)
        self._heart.start()
        turning = asyncio.create_task(self._keep_turning())
        try:
            async with Door(reach=settings.REACH) as door, PythonPool(settings.TOOL_MODULES, size=2 if settings.TOOL_MODULES else 0) as pool:
                self.bench = Bench(self, door, pool)
                await self._sweep()
                self._ready.set()
                await self._work()
                await self._drain()
        finally:
            turning.cancel()
            self._stopped.set()
            await self.write(self._unregister)
            if self.isolation:
                self.isolation.stop()
            await asyncio.to_thread(self.recorder.stop)
            self._readers.shutdown(wait=False)

    async def _keep_turning(self) -> None:
        while True:
            self._turned = time.monotonic()
            await asyncio.sleep(0.25)

    async def _work(self) -> None:
        """Sweeps every `sweep.EVERY` seconds, and claims whenever it is hinted at, until it is told to stop."""
        swept = time.monotonic()
        stopping = asyncio.create_task(self._stop.wait())
        while not self._stop.is_set():
            woken = asyncio.create_task(self._woken.wait())
            left = max(sweep.EVERY - (time.monotonic() - swept), 0.0)
            await asyncio.wait({stopping, woken}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
            self._woken.clear()
            try:
                if time.monotonic() - swept >= sweep.EVERY:
                    await self._sweep()
                    swept = time.monotonic()
                else:
                    hinted, self._hinted = self._hinted, set()
                    await self._claim(hinted)
            except Exception as error:
                log.error("A sweep failed; the next one tries again: %s", error, exc_info=True)

    def _take_hint(self, run: str) -> None:
        if run in self.held:
            self.bench.poke(run)
        self._hinted.add(run)
        self._woken.set()

    async def _sweep(self) -> None:
        now = self.clock.now()
        found = await self.write(lambda: sweep.recover(now))
        if found.lapsed or found.overrun:
            log.warning("Took back %d runs of dead workers and %d of hung steps.", found.lapsed, found.overrun)
        self.world: World = await self.read(current)
        for run in await self.read(lambda: sweep.asked(self.id)):
            self.bench.poke(run)
        await self._claim(None)
        if self.isolation is not None:
            await self.write(lambda: self.isolation.see(sweep.suspects(now)) if self.isolation else None)
        self.idle = 0 if self.held else self.idle + 1

    async def _claim(self, only: set[str] | None) -> None:
        """Claims due runs and sets out with each. A full engine does not claim."""
        room = self.capacity - len(self.held)
        if room <= 0 or self.draining or (only is not None and not only):
            return
        now = self.clock.now()
        ids = await self.write(lambda: sweep.claim(self.id, self.group, room, now, only))
        if not ids:
            return
        failpoint("after_claim")
        for held in await self.read(lambda: read_runs(ids, lambda version: plan_of(version, self.world))):
            self.held[held.run_id] = held
            self._tasks[held.run_id] = asyncio.create_task(self._drive(held))

    async def _drive(self, held: Held) -> None:
        """One run, and the one place where a surprise is caught."""
        try:
            if held.row.deaths >= sweep.DEATHS:
                step = held.plan.steps[held.position.active]
                await escalate.quarantine(self.bench, held, step, _why_quarantined(held))
            await advance(self.bench, held)
        except Released:
            pass
        except Superseded:
            self.refused += 1
        except asyncio.CancelledError:
            await self._give_back(held, self.clock.now())
        except Exception as error:
            log.error("Run %s at %s met a surprise: %s", held.run_id, held.position.path, error, exc_info=True)
            await self._surprised(held, error)
        finally:
            self.held.pop(held.run_id, None)
            self._tasks.pop(held.run_id, None)
            self._woken.set()

    async def _surprised(self, held: Held, error: Exception) -> None:
        """A fault of ours while this run was moved: it is given back, and after three of them a person is asked."""
        now = self.clock.now()
        deaths = held.row.deaths + 1
        words = values.clean_text(f"{type(error).__name__}: {error}"[:500]).value
        row = replace(
            held.row, status="ready", holder=None, step_deadline=None, wait="backoff", due=now + timedelta(seconds=2 * deaths),
            deaths=deaths, error=values.dump({"code": "surprise", "message": words}),
        )  # fmt: skip
        await self._let_go(held, row)

    async def _give_back(self, held: Held, now: Any) -> None:
        await self._let_go(held, replace(held.row, status="ready", holder=None, step_deadline=None, due=now))

    async def _let_go(self, held: Held, row: Any) -> None:
        """Without what was gathered: whoever takes the run up again does that over."""
        commit = Commit(held.run_id, held.fence, held.revision, new_id(), row)
        try:
            if not await asyncio.wrap_future(self.recorder.commit(commit)):
                self.refused += 1
        except Exception as error:
            log.error("Run %s could not be given back; its lease will lapse: %s", held.run_id, error)

    async def _drain(self) -> None:
        self.draining = True
        until = time.monotonic() + self._grace
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(list(self._tasks.values()), timeout=left, return_when=asyncio.ALL_COMPLETED)
        for task in list(self._tasks.values()):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=2.0)

    # the database

    async def write(self, work: Callable[[], Any]) -> Any:
        """A short write, on the recorder's thread."""
        return await asyncio.wrap_future(self.recorder.job(work))

    async def read(self, work: Callable[[], Any]) -> Any:
        """A read, on a reader's thread. Its connection is not held after it."""
        return await self._loop.run_in_executor(self._readers, _closing, work)

    def _register(self) -> None:
        now = self.clock.sync()
        Worker.objects.create(
            id=self.id, name=self.name, pid=os.getpid(), group=self.group, capacity=self.capacity, started=now, beat=now
        )
        if settings.EMBEDDED and self.group == 0:
            _bury(now)

    def _unregister(self) -> None:
        Worker.objects.filter(id=self.id).update(stopped=self.clock.now(), held=0)

    def _beat(self) -> None:
        """The heartbeat, by the database's clock; it stops with the loop, so that a hung worker loses its runs."""
        while not self._stopped.wait(sweep.BEAT):
            if time.monotonic() - self._turned > FROZEN_LOOP or not self.recorder.alive:
                continue
            try:
                now = self.clock.sync()
                Worker.objects.filter(id=self.id).update(beat=now, held=len(self.held), refused=self.refused)
                self.beat_at = time.monotonic()
            except Exception as error:
                log.warning("A heartbeat failed: %s", error)
                connection.close()
        connection.close()

    def _flushed(self, commits: list[Commit]) -> None:
        people = any(commit.escalations or commit.closings for commit in commits)
        nudges.announce([(commit.run_id, commit.revision + 1) for commit in commits], people)
        if self.on_commit is not None:
            self.on_commit(commits)

    def _die(self, error: BaseException) -> None:
        """A worker that can't write must not go on: what it holds is leased, and others take it up."""
        logging.shutdown()
        os._exit(70)


def _closing(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _why_quarantined(held: Held) -> str:
    error = values.load(held.row.error) if held.row.error else None
    told = f" The last error was {error['message']}." if isinstance(error, dict) and error.get("message") else ""
    return f"Three times this run could not be moved from {held.position.path}: its worker died or met a surprise.{told}"


def _bury(now: Any) -> None:
    """In the embedded mode there is one process: workers of this machine whose process is gone need no time to lapse."""
    host = f"@{socket.gethostname()}:"
    for worker in Worker.objects.filter(stopped__isnull=True, name__contains=host).exclude(pid=os.getpid()):
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            Worker.objects.filter(id=worker.id).update(beat=now - 2 * sweep.LAPSE)
        except PermissionError:
            continue
