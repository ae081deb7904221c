"""The engine: what moves runs in a worker process. One event loop on a thread of its own; a recorder; a heartbeat.

    loop       drives the runs it holds as coroutines; a model call in flight is one of them, waiting
    recorder   the one thread that writes (`record/recorder`)
    heartbeat  its own thread and connection; beats only while the loop turns and the recorder lives
    readers    two threads for what is read when a run is taken up

`start()` returns once the engine claims; `hint(run)` says that a run may be due (from any thread, and it may be lost);
`stop(grace)` drains: nothing new is claimed, no call begun, what is under way is brought to its commit, the rest is given back.
"""

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings

from orchestration import nudges
from orchestration.door import Door
from orchestration.executor import escalate, sweep, unreadable
from orchestration.executor.advance import advance
from orchestration.executor.bench import Bench
from orchestration.executor.claims import Claims
from orchestration.executor.desk import Released, Superseded
from orchestration.executor.firing import Due, fire
from orchestration.executor.held import Held
from orchestration.executor.isolation import Isolation
from orchestration.executor.pulse import Pulse
from orchestration.executor.reading import letting_go
from orchestration.executor.slots import Slots
from orchestration.executor.turns import Turns
from orchestration.executor.waiting import Matching
from orchestration.models.fields import new_id
from orchestration.queries.catalog import World, current
from orchestration.record.clock import DatabaseClock
from orchestration.record.late import keep_late
from orchestration.record.recorder import Answer, Recorder, give, patiently
from orchestration.record.rows import Commit
from orchestration.tools.python import PythonPool

try:
    from uvloop import new_event_loop
except ImportError:  # there is none for Windows
    from asyncio import new_event_loop  # type: ignore[assignment]

log = logging.getLogger(__name__)

READERS = 2
SWITCH = 0.001
"""Seconds for which one thread of this process may compute while another waits to (DECISIONS 35). It holds for the whole
process."""
SPARE = 10
"""Places beyond its capacity that an ordinary engine has for runs with child runs to count, which are not due."""
YOUNG = 10_000
"""Objects made and not yet gone after which Python looks among the youngest for circles that nobody holds (DECISIONS 36)."""
LETTING_GO = 0.5
"""Seconds that runs which were cut off get to be given back one by one, and children to end. What is left is given back by one
write for all (`Pulse.unregister`)."""
SOON = 60.0
"""Seconds within which a run that was given back is remembered until it is due. The sweep finds the others."""


class Engine:
    """`group` is 0 for an ordinary worker; else it runs suspects, so many at once, and ends when there are none. `fatal`: where
    the engine breaks, its process ends, for somebody starts another one. `patience`: for so many seconds it waits for a database
    that can't be used, then its process ends; as long as the recorder says where nothing is said. `schedules`: what of them is
    due at a moment, each a short write (`acts.firing.due`)."""

    def __init__(
        self,
        name: str = "",
        capacity: int | None = None,
        group: int = 0,
        clock: Any = None,
        on_commit: Callable[[list[Commit]], None] | None = None,
        fatal: bool = False,
        patience: float | None = None,
        schedules: Due | None = None,
    ) -> None:
        self.id = new_id()
        self.name = f"{name or 'worker'}@{socket.gethostname()}:{os.getpid()}"
        self.group = group
        self.capacity = capacity or min(group or settings.RUNS, settings.RUNS)
        self.clock = clock or DatabaseClock()
        self.on_commit = on_commit
        self._patience = patience
        self._schedules = schedules
        self.recorder = Recorder(self._die, self._flushed, self._answer, patience)
        self.held: dict[str, Held] = {}
        self.refused = 0
        self.draining = False
        self.idle = 0
        """Sweeps in a row that found nothing to do and nothing held."""
        self.pulse = Pulse(
            self.id, self.name, group, self.capacity, self.clock,
            lambda: (len(self.held), self.refused), lambda: self.recorder.alive,
        )  # fmt: skip
        self._tasks: set[asyncio.Task[None]] = set()
        self._hinted: set[str] = set()
        self._again: set[str] = set()
        """Hinted at while they were held here: they are looked for again when they have been let go of."""
        self._sweeps = False
        """A sweep was asked for at once."""
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._drained = threading.Event()
        self._grace = 0.0
        self._told_to_stop = False
        self.world: World
        self._failure: BaseException | None = None
        self._fatal = fatal
        self.isolation = Isolation() if group == 0 else None
        self.claims = Claims(self)
        self.turns = Turns()
        self.matching = Matching(lambda work: self.write(work))
        self.slots = Slots(self.id, lambda: self.world.caps, self.write)

    # from other threads

    def start(self) -> "Engine":
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH))
        gc.set_threshold(max(gc.get_threshold()[0], YOUNG), *gc.get_threshold()[1:])
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self, grace: float = 10.0) -> None:
        """Drains for at most `grace` seconds, then lets go of what is left. Everything is given back or leased."""
        self.drain(grace)
        if self._ready.wait(grace):  # else it never claimed anything
            self._thread.join(grace + 5.0)

    def drain(self, grace: float) -> None:
        """Begins to, and returns at once: what `stop` then waits for. The first to say it says how long. An engine that has not
        begun yet claims nothing any more."""
        if self._told_to_stop:
            return
        self._told_to_stop, self.draining, self._grace = True, True, grace
        if self._ready.is_set():
            with suppress(RuntimeError, AttributeError):  # the loop has just closed, or there never was one
                self._loop.call_soon_threadsafe(self._stop.set)

    def hint(self, run: str) -> None:
        """This run may be due, or may have been asked something while it is held here."""
        if self._ready.is_set() and not self._stopped.is_set():
            try:
                self._loop.call_soon_threadsafe(self._take_hint, run)
            except RuntimeError:  # the loop has just closed; the sweep of another finds the run
                log.debug("A hint came too late: %s", run)

    def look(self) -> None:
        """Sweeps now rather than when it is time: another worker has ended, or a test has moved the clock."""
        if self._ready.is_set() and not self._stopped.is_set():
            self._loop.call_soon_threadsafe(self._look)

    @property
    def drained(self) -> bool:
        """Whether it calls nobody any more: who answers its calls in this very process may close."""
        return self._drained.is_set() or self._stopped.is_set() or not self._thread.is_alive()

    @property
    def working(self) -> bool:
        return self._thread.is_alive() and not self._stopped.is_set()

    # the loop's thread

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._main())
        except BaseException as error:
            self._failure = error
            log.critical("The engine stopped: %s", error, exc_info=True)
            if self._fatal and self._ready.is_set():
                self._die(error)
        finally:
            self._stopped.set()
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._woken = asyncio.Event()
        self.recorder.start()
        await self.write(self.pulse.register)
        self.pulse.start()
        turning = asyncio.create_task(self._keep_turning())
        try:
            async with (
                Door(reach=settings.REACH) as door,
                PythonPool(settings.TOOL_MODULES, size=2 if settings.TOOL_MODULES else 0) as pool,
            ):
                self.bench = Bench(self, door, pool)
                await self._sweep()
                self._ready.set()
                if self._told_to_stop:  # by somebody who saw that it was not ready
                    self._stop.set()
                await self._work()
                await self._drain()
        finally:
            turning.cancel()
            self._stopped.set()
            await asyncio.to_thread(self.pulse.stop)
            await self.write(self.pulse.unregister)
            if self.isolation:
                self.isolation.stop()
            await asyncio.to_thread(self.recorder.stop)
            self._readers.shutdown(wait=False)

    async def _keep_turning(self) -> None:
        while True:
            self.pulse.turned = time.monotonic()
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
                if self._sweeps or time.monotonic() - swept >= sweep.EVERY:
                    self._sweeps = False
                    await self._sweep()
                    swept = time.monotonic()
                else:
                    hinted, self._hinted = self._hinted, set()
                    await self._claim(None if self.claims.more else hinted)
            except Exception as error:
                log.error("A sweep failed; the next one tries again: %s", error, exc_info=True)

    def _take_hint(self, run: str) -> None:
        if run in self.held:
            self.bench.poke(run)
            self._again.add(run)
        self._hinted.add(run)
        self._woken.set()

    def _look(self) -> None:
        self._sweeps = True
        self._woken.set()

    def wake_at(self, run: str, due: datetime) -> None:
        """A run that was given back here is due then."""
        wait = (due - self.clock.now()).total_seconds()
        if wait < SOON:
            self._loop.call_later(max(wait, 0.0) + 0.002, self._take_hint, run)

    async def _sweep(self) -> None:
        now = await self.write(self.pulse.beat)
        found = await self.write(lambda: sweep.recover(now, self.pulse.judges))
        if found.lapsed or found.overrun:
            log.warning("Took back %d runs of dead workers and %d of hung steps.", found.lapsed, found.overrun)
        self.world = await self.read(current)
        for run in await self.read(lambda: sweep.asked(self.id)):
            self.bench.poke(run)
        known = set(self.held)
        if strays := await self.read(lambda: sweep.strays(self.id, known)):
            await self.write(lambda: [sweep.let_go(run, self.id, fence, now) for run, fence in strays.items()])
        await self.slots.settle()
        await fire(self, self._schedules, now)
        await self.matching.look(now)
        if to_join := await self.read(lambda: sweep.to_join(self.capacity)):
            await self._claim(set(to_join), 0 if self.group else SPARE)
        await self._claim(None)
        if self.isolation is not None:
            await self.write(lambda: self._isolate(now))
        self.idle = 0 if self.held else self.idle + 1

    def _isolate(self, now: datetime) -> None:
        if self.isolation is not None:
            self.isolation.see(sweep.suspects(now), sweep.suspects_soon(self.id, now) if self.pulse.judges else frozenset())

    async def _claim(self, only: set[str] | None, spare: int = 0) -> None:
        """What is due, or what of these is. A full engine does not claim, nor one that ends."""
        if not self.draining and only != set():
            async for held in self.claims.take(self.capacity + spare - len(self.held), only):
                self._set_out(held)

    def _set_out(self, held: Held) -> None:
        self.held[held.run_id] = held
        task = asyncio.create_task(self._drive(held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, held: Held) -> None:
        """One run, and the one place where a surprise is caught."""
        try:
            if held.row.deaths >= sweep.DEATHS and not escalate.is_to_end(held):
                await escalate.quarantine(self.bench, held, escalate.why_quarantined(held))
            await self.turns.take()
            await advance(self.bench, held)
        except Released:
            pass
        except Superseded:
            self.refused += 1
            await self._keep_late(held)
        except asyncio.CancelledError:
            await self._let_go(held, self.clock.now())
        except Exception as error:
            log.error("Run %s at %s met a surprise: %s", held.run_id, held.position.path, error, exc_info=True)
            await self._surprised(held, error)
        finally:
            if self.held.get(held.run_id) is held:  # not where it overran, and was claimed anew
                self.held.pop(held.run_id)
            if held.run_id in self._again:
                self._again.discard(held.run_id)
                self._hinted.add(held.run_id)
            self._woken.set()

    async def _keep_late(self, held: Held) -> None:
        """What the run's calls answered here is no part of its state any more."""
        answers, blobs = list(held.answers), dict(held.blobs)
        try:
            if answers:
                await self.write(lambda: keep_late(answers, blobs))
        except Exception as error:
            log.error("What came too late for run %s could not be kept: %s", held.run_id, error)

    async def _surprised(self, held: Held, error: Exception) -> None:
        """A fault of ours while this run was moved: it is given back, and after three of them a person is asked."""
        due = self.clock.now() + unreadable.pause_after(held.row.deaths)
        await self._let_go(held, due, unreadable.surprise(error))
        self.wake_at(held.run_id, due)

    async def _let_go(self, held: Held, due: datetime, surprise: str | None = None) -> None:
        """As the database has it, without what was gathered: whoever takes the run up again does that over."""
        fence = held.fence
        try:
            if not await self.write(lambda: sweep.let_go(held.run_id, self.id, fence, due, surprise)):
                self.refused += 1
        except Exception as error:
            log.error("Run %s could not be given back; it is when this worker ends: %s", held.run_id, error)

    async def _drain(self) -> None:
        log.info("Ending: no call is begun any more, and %d runs are brought to a commit.", len(self.held))
        until = time.monotonic() + self._grace
        if self.isolation is not None:
            self.isolation.end()
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(list(self._tasks), timeout=left)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=LETTING_GO)
        if self.isolation is not None:
            await asyncio.to_thread(self.isolation.wait, max(until - time.monotonic(), 0.0) + LETTING_GO)
        self._drained.set()

    # the database

    async def commit(self, commit: Commit) -> bool:
        """Whether it was applied; False: somebody was first."""
        future: asyncio.Future[bool] = self._loop.create_future()
        self.recorder.commit(commit, future)
        return await future

    def _answer(self, answers: list[Answer]) -> None:
        """What became of the commits of a flush, handed to the loop in one piece: it is woken once, and not once a run."""
        self._loop.call_soon_threadsafe(give, answers)

    async def write(self, work: Callable[[], Any]) -> Any:
        """A short write, on the recorder's thread."""
        return await asyncio.wrap_future(self.recorder.job(work))

    async def read(self, work: Callable[[], Any]) -> Any:
        """A read, on a reader's thread, tried again while the database can't be used. Its connection is not held after it."""
        patient = partial(patiently, work, enough=lambda: self.draining, patience=self._patience)
        return await self._loop.run_in_executor(self._readers, letting_go, patient)

    def _flushed(self, commits: list[Commit]) -> None:
        people = any(commit.escalations or commit.closings for commit in commits)
        nudges.announce([(commit.run_id, commit.revision + 1) for commit in commits], people)
        if self.on_commit is not None:
            self.on_commit(commits)

    def _die(self, error: BaseException) -> None:
        """A worker that can't write must not go on: what it holds is leased, and others take it up."""
        logging.shutdown()
        os._exit(70)
