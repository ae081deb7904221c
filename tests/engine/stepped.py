"""Engines that do nothing by themselves: real ones without their threads, whose every commit, and where wished every read and
call, waits at a gate until the test lets it go on. So a test, or Hypothesis, chooses the order in which workers meet."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

from orchestration.core.result import Answer, Request
from orchestration.executor import sweep
from orchestration.executor.bench import Bench
from orchestration.executor.engine import Engine
from orchestration.executor.held import Held
from orchestration.record.clock import SetClock
from orchestration.record.rows import Commit

TURNS = 30
"""Of the loop, after which everything waits at a gate: no chain of callbacks of the engine is longer."""


Slow = Literal["", "claims", "reads"]
"""Which reads wait too: those of what was just claimed, or all."""


class Injected(Exception):
    """A fault that the test made, and that the engine may be surprised by."""


@dataclass(eq=False)
class Gate:
    """Where a run of a worker stands. `subject` is a Commit, what is to be read or written, or a Request; `future` lets it go on.

    A commit that was `sent` was tried, and the reply was lost; a call that was `sent` has reached the other side.
    """

    engine: "SteppedEngine"
    kind: Literal["commit", "work", "call"]
    subject: Any
    future: Any
    sent: bool = False

    @property
    def open(self) -> bool:
        return not self.future.done() and not self.engine.dead

    def work(self) -> None:
        """Outside of the loop, where the connection is the test's."""
        try:
            self.future.set_result(self.subject())
        except Exception as error:
            self.future.set_exception(error)


class Stage:
    """The loop, the clock, and the gates of all engines in the order in which they were come to."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.loop = asyncio.new_event_loop()
        self.engines: list[SteppedEngine] = []
        """All that there ever were."""
        self._gates: list[Gate] = []
        self._at_once: list[Gate] = []

    @property
    def gates(self) -> list[Gate]:
        self._gates = [gate for gate in self._gates if gate.open]
        return self._gates

    def arrive(self, gate: Gate, waits: bool = True) -> None:
        (self._gates if waits else self._at_once).append(gate)

    def settle(self, work: Coroutine[Any, Any, Any] | None = None) -> None:
        """Begins `work`, and lets everything go on until it waits at a gate."""
        begun = self.loop.create_task(_survived(work)) if work is not None else None
        self._turn()
        while self._at_once:
            for gate in self._at_once:
                if gate.open:
                    gate.work()
            self._at_once = []
            self._turn()
        if begun is not None and begun.done():
            begun.result()

    def _turn(self) -> None:
        async def turn() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())

    def close(self) -> None:
        for engine in self.engines:
            engine.dead = True
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self._turn()
        self.loop.close()


async def _survived(work: Coroutine[Any, Any, Any]) -> None:
    """As an engine survives what goes wrong while it claims."""
    with suppress(Injected):
        await work


class SteppedEngine(Engine):
    """`slow` as in `Slow`. `dead`: as after kill -9, nothing of it moves any more. `old`: it has lived through the restore
    of a backup, and what it knows is of another world."""

    def __init__(self, stage: Stage, group: int, capacity: int) -> None:
        super().__init__(name="stepped", capacity=capacity, group=group, clock=stage.clock)
        self.stage = stage
        self.slow: Slow = ""
        self.dead = self.old = False
        self._claiming: asyncio.Task[Any] | None = None
        self.surprises: list[Exception] = []
        self.isolation = None
        self.recorder = SimpleNamespace(alive=True)  # type: ignore[assignment]
        self.bench = SteppedBench(self, None, None)  # type: ignore[arg-type]
        self._loop = stage.loop
        self._woken = asyncio.Event()
        self.pulse.register()
        stage.engines.append(self)

    def __repr__(self) -> str:
        return f"<{'dead ' * self.dead}engine of group {self.group}, {self.id}>"

    async def commit(self, commit: Commit) -> bool:
        future: Future[bool] = Future()  # one that is running can't be cancelled: what was sent goes on, as with a recorder
        self.stage.arrive(Gate(self, "commit", commit, future))
        return await asyncio.wrap_future(future)

    async def write(self, work: Callable[[], Any]) -> Any:
        return True if self.dead else await self.wait("work", work, waits=False)

    async def read(self, work: Callable[[], Any]) -> Any:
        claims = asyncio.current_task() is self._claiming
        return await self.wait("work", work, waits=self.slow == "reads" or (self.slow == "claims" and claims))

    async def wait(self, kind: Literal["work", "call"], subject: Any, waits: bool = True) -> Any:
        future: asyncio.Future[Any] = self.stage.loop.create_future()
        self.stage.arrive(Gate(self, kind, subject, future), waits)
        return await future

    def wake_at(self, run: str, due: Any) -> None:
        """Nothing wakes by itself here."""

    async def _surprised(self, held: Held, error: Exception) -> None:
        if not isinstance(error, Injected):
            self.surprises.append(error)
        await super()._surprised(held, error)

    async def _claim(self, only: set[str] | None) -> None:
        self._claiming = asyncio.current_task()
        await super()._claim(only)

    # what a test may have it do

    def claim(self, only: set[str] | None = None, slow: Slow = "") -> None:
        """Whatever is due, or what of these is."""
        self.slow = slow
        self.stage.settle(self._claim(only))
        if only is None and (to_join := sweep.to_join(self.capacity)):
            self.stage.settle(self._claim(set(to_join)))

    def poke(self, run: str) -> None:
        """A hint about a run that it holds."""
        self.stage.loop.call_soon(self.bench.poke, run)
        self.stage.settle()

    def end(self) -> None:
        """SIGTERM, and no grace: every run is given back in the middle of its step."""
        self.draining = True
        self.slow = ""
        for task in list(self._tasks):
            task.cancel()
        self.stage.settle()
        self.pulse.unregister()
        self.dead = True


class SteppedBench(Bench):
    """Calls wait for the answer that the test gives them."""

    engine: SteppedEngine

    async def _call(self, request: Request) -> Answer:
        return await self.engine.wait("call", request)  # type: ignore[no-any-return]
