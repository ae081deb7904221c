"""Places among the calls that a provider takes at once, over all workers (`Provider.cap`).

A worker leases slots, rows that it alone holds, and hands them to its runs; so a call costs no query while the worker has one
free. What is free is given back at the next sweep, and what a dead worker held is freed by the others'. A run that finds none
waits a little in memory, and is then given back. Whoever was taken for dead and wakes may be above the cap with the calls that
it has under way, and with no more.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from orchestration.models import Slot

PATIENCE = 15.0
"""Seconds that a run waits in memory for a slot."""
AGAIN = 0.25
"""Seconds after which a worker without a free slot asks for one again."""

Write = Callable[[Callable[[], Any]], Awaitable[Any]]


@dataclass(slots=True)
class _Line:
    """One provider's: how many slots are leased here, how many of them are in use, and who waits, first come first."""

    leased: int = 0
    used: int = 0
    waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)
    asking: "asyncio.Task[None] | None" = None

    def hand_out(self) -> None:
        while self.waiting and self.used < self.leased:
            future = self.waiting.popleft()
            if not future.done():
                self.used += 1
                future.set_result(None)


class Slots:
    """On the engine's loop. `caps` tells those of this moment; `write` runs a short write."""

    def __init__(self, worker: str, caps: Callable[[], Mapping[str, int]], write: Write) -> None:
        self.worker, self.caps, self.write = worker, caps, write
        self._lines: dict[str, _Line] = defaultdict(_Line)

    def enter(self, provider: str) -> bool:
        """Takes a slot where one is free at once. Whoever has entered leaves again, also where there is no cap."""
        line = self._lines[provider]
        if provider in self.caps() and (line.waiting or line.used >= line.leased):
            return False
        line.used += 1
        return True

    async def wait(self, provider: str) -> bool:
        """Takes a slot as soon as there is one; False where that takes longer than `PATIENCE`."""
        line = self._lines[provider]
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(future)
        if line.asking is None or line.asking.done():
            line.asking = asyncio.create_task(self._ask(provider, line))
        try:
            await asyncio.wait_for(asyncio.shield(future), PATIENCE)
        except TimeoutError:
            return future.done()
        except asyncio.CancelledError:
            if future.done():
                self.leave(provider)
            raise
        finally:
            with suppress(ValueError):
                line.waiting.remove(future)
        return True

    def leave(self, provider: str) -> None:
        line = self._lines[provider]
        line.used -= 1
        line.hand_out()

    async def _ask(self, provider: str, line: _Line) -> None:
        """Leases slots while somebody waits for one."""
        while line.waiting:
            cap = self.caps().get(provider)
            if cap is None:
                line.leased = max(line.leased, line.used + len(line.waiting))
            else:
                wanted = len(line.waiting)
                line.leased += await self.write(lambda: lease(self.worker, provider, cap, wanted))  # noqa: B023 (awaited at once)
            line.hand_out()
            if line.waiting:
                await asyncio.sleep(AGAIN)

    async def settle(self) -> None:
        """At each sweep: gives back what is free here, and learns what was taken from this worker."""
        quiet = {name: line for name, line in self._lines.items() if line.leased and (not line.asking or line.asking.done())}
        used = {name: line.used for name, line in quiet.items()}
        for line in quiet.values():
            line.leased = line.used  # nobody enters by a slot that is about to be given back
        if quiet:
            kept = await self.write(lambda: keep(self.worker, used, self.caps()))
            for name, line in quiet.items():
                line.leased += kept.get(name, 0) - used[name]  # others may have been leased meanwhile
                line.hand_out()


def lease(worker: str, provider: str, cap: int, wanted: int) -> int:
    """Up to `wanted` free slots of the provider are this worker's now: how many."""
    there = Slot.objects.filter(provider=provider).count()
    if there < cap:
        Slot.objects.bulk_create([Slot(provider=provider, number=n) for n in range(cap)], ignore_conflicts=True)
    lock = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orchestration_slot SET holder = %s WHERE holder IS NULL AND id IN (SELECT id FROM orchestration_slot "
            f"WHERE provider = %s AND number < %s AND holder IS NULL ORDER BY number LIMIT %s {lock})",
            [worker, provider, cap, wanted],
        )
        return int(cursor.rowcount)


def keep(worker: str, used: Mapping[str, int], caps: Mapping[str, int]) -> dict[str, int]:
    """Gives back what this worker holds beyond what it uses: provider → how many it holds now."""
    held: dict[str, list[int]] = defaultdict(list)
    for slot in Slot.objects.filter(holder=worker).order_by("number"):
        if slot.number < caps.get(slot.provider, 0):
            held[slot.provider].append(slot.pk)
    kept = {provider: slots[: used.get(provider, 0)] for provider, slots in held.items()}
    stays = [slot for slots in kept.values() for slot in slots]
    Slot.objects.filter(holder=worker, provider__in=used).exclude(pk__in=stays).update(holder=None)
    return {provider: len(slots) for provider, slots in kept.items()}


def free(living: Iterable[str]) -> int:
    """Frees the slots of all but these workers."""
    return Slot.objects.filter(holder__isnull=False).exclude(holder__in=list(living)).update(holder=None)
