"""Calls that a provider takes at once, over all workers: never more, nobody left behind, nothing that waits costs a thread."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from orchestration import tasks
from orchestration.acts import runs
from orchestration.executor import slots
from orchestration.executor.engine import READERS, Engine
from orchestration.models import Call, Provider, Run, Slot
from tests.engine.conftest import Floor
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import ask
from tests.servers import behaviours as b


class Gate:
    """A model that answers only once it is opened, and knows how many asked it at the same time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._open = False

    def open(self) -> None:
        self._open = True

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.now += 1
        self.most = max(self.most, self.now)
        while not self._open:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)  # others get in, where they may
        self.now -= 1
        return await b.chat({"label": "a"})(request)


@pytest.fixture
def gate(floor: Floor) -> Iterator[Gate]:
    gate = Gate()
    floor.server.default(gate)
    yield gate
    gate.open()


def capped(cap: int) -> None:
    provider = Provider.objects.get(name="main")
    provider.cap = cap
    provider.save()


def start(count: int, **more: Any) -> list[str]:
    version = publish(workflow(ask(**more), end()))
    return [runs.start(workflow=version.workflow_id, input={"text": str(n), "n": 0}, by="ada") for n in range(count)]


def in_line(engine: Engine) -> int:
    return len(engine.slots._lines["main"].waiting)


def all_end_well(floor: Floor, wanted: list[str]) -> bool:
    return {floor.ended(run).outcome for run in wanted} == {"good"}


def test_the_cap_holds_over_two_workers_and_a_cap_that_is_raised_counts_at_once(floor: Floor, gate: Gate) -> None:
    capped(3)
    other = Engine(name="other", capacity=5, on_commit=floor._on_commit).start()
    wanted = start(12)
    other.look()
    floor.until(wanted[0], lambda _: gate.now == 3 and in_line(floor.engine) + in_line(other) == 9)
    assert Call.objects.count() == 3, "no intent before its slot: what has not left can't be lost"
    assert Slot.objects.filter(holder__isnull=False).count() == 3
    capped(5)
    floor.engine.look()
    other.look()
    floor.until(wanted[0], lambda _: gate.now == 5)
    gate.open()
    assert all_end_well(floor, wanted)
    assert gate.most == 5
    other.stop(1.0)
    assert Call.objects.count() == 12


def test_slots_of_the_dead_are_freed_and_free_ones_are_given_back(floor: Floor, gate: Gate) -> None:
    capped(2)
    Slot.objects.bulk_create([Slot(provider="main", number=n, holder="a-worker-that-is-gone") for n in range(2)])
    gate.open()
    wanted = start(3)
    floor.engine.look()
    assert all_end_well(floor, wanted)
    assert gate.most <= 2
    floor.engine.look()
    floor.until(wanted[0], lambda _: not Slot.objects.filter(holder__isnull=False).exists())


def test_a_run_that_waits_long_is_given_back_and_comes_again(floor: Floor, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "PATIENCE", 0.01)
    capped(1)
    wanted = start(3)
    floor.until(wanted[0], lambda _: Run.objects.filter(status="ready", wait="slot").count() == 2)
    floor.until(wanted[0], lambda _: Call.objects.count() == 1)
    assert Run.objects.filter(status="held").count() == 1
    gate.open()
    assert all_end_well(floor, wanted)
    assert gate.most == 1


def test_who_is_cancelled_while_it_waits_leaves_the_line(floor: Floor, gate: Gate) -> None:
    capped(1)
    first, second, third = start(3)
    floor.until(first, lambda _: gate.now == 1 and in_line(floor.engine) == 2)
    asked = Call.objects.get().run_id
    waiting = next(run for run in (first, second, third) if run != asked)
    runs.cancel(run=waiting, by="otto")
    gate.open()
    assert floor.ended(waiting).status == "cancelled"
    assert all_end_well(floor, [run for run in (first, second, third) if run != waiting])
    assert Call.objects.filter(run=waiting, response__isnull=False).exclude(response="null").count() <= 1


@pytest.mark.parametrize("asked", [{}, {"retry_after": "7"}], ids=["by our backoff", "by Retry-After"])
def test_a_storm_of_429_costs_no_thread_and_no_call_beyond_the_cap(timed: Floor, asked: dict[str, str]) -> None:
    """A hundred runs, of whose first two hundred calls each is told to slow down."""
    capped(4)
    seen = {"now": 0, "most": 0, "all": 0}

    async def watched(request: web.Request) -> web.StreamResponse:
        seen["all"] += 1
        slow = seen["all"] <= 200
        seen["now"] += 1
        seen["most"] = max(seen["most"], seen["now"])
        await asyncio.sleep(0.002)
        seen["now"] -= 1
        return await (b.rate_limited(**asked) if slow else b.chat({"label": "a"}))(request)

    timed.server.default(watched)
    threads = threading.active_count()
    tasks.use_engine(None)  # they are found by the sweep, all at once
    wanted = start(100, retry={"attempts": 9, "errors": ["rate_limited"], "backoff": "1s", "max_backoff": "1s"})
    timed.engine.look()
    most = 0
    while Run.objects.exclude(status="succeeded").exists():
        most = max(most, threading.active_count())
        timed.until(wanted[0], lambda _: not Run.objects.filter(status="held").exists())
        timed.advance(30)
        timed.until(wanted[0], lambda _: not timed.engine.held or seen["now"] > 0)
    assert seen["most"] == 4
    assert Call.objects.count() == len(timed.server.seen_at()) == 300
    assert most <= threads + READERS, "the readers start when they are first needed"
