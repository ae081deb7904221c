"""Taking up runs: claimed, and read where the row that the claim gives does not say all.

Of a run that nobody has moved yet that row is all there is. Of the others their open calls and pauses are read (`reading`). What
can't be read is given back, and to a person at last (`unreadable`).
"""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestration.executor import sweep, unreadable
from orchestration.executor.held import Held
from orchestration.executor.pulse import SURE
from orchestration.executor.reading import Row, fresh, read_each
from orchestration.queries.catalog import current
from orchestration.queries.plans import kept_plan, plan_of
from orchestration.record.failpoints import failpoint

if TYPE_CHECKING:
    from orchestration.executor.engine import Engine

log = logging.getLogger(__name__)

TOGETHER = 200
"""Runs that are claimed at once: the first of them set out before the last are claimed, and nobody's commit waits for all."""


class Claims:
    """What an engine takes up. `more`: there may be due runs that found no room."""

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self.more = False

    async def take(self, room: int, only: set[str] | None) -> AsyncIterator[Held]:
        """Up to `room` runs that are due, now held here, ready to be moved; `only` these, where it was told of them."""
        self.more = room <= 0
        while room > 0 and not self.engine.draining:
            most = min(room, TOGETHER)
            claimed: dict[str, Row] = await self.engine.write(lambda: self._claim(most, only))  # noqa: B023 (awaited at once)
            room = room - most if len(claimed) == most else 0
            self.more = len(claimed) == most
            rest: dict[str, int] = {}
            for run, row in claimed.items():
                if held := self._known(row):
                    yield held
                else:
                    rest[run] = row["fence"]
            if rest:
                for held in await self._look_up(rest):
                    yield held

    def _claim(self, room: int, only: set[str] | None) -> dict[str, Row]:
        engine = self.engine
        if time.monotonic() - engine.pulse.beat_at > SURE:
            engine.pulse.beat()  # what a worker claims that is taken for dead would be taken from it at once
        claimed = sweep.claim(engine.id, engine.group, room, engine.clock.now(), only)
        try:
            if claimed:
                failpoint("after_claim")
                engine.world = current()  # what was published a moment ago may need a provider of a moment ago
        except Exception:
            self._give_back({run: row["fence"] for run, row in claimed.items()})
            raise
        return claimed

    def _known(self, row: Row) -> Held | None:
        """The run of a row that was claimed, where this and what is in memory are all that it takes."""
        plan = kept_plan(row["version_id"], self.engine.world, row["hash"])
        with suppress(Exception):  # what can't be read is told apart where it is looked up
            return fresh(row, plan) if plan is not None else None
        return None

    async def _look_up(self, claimed: Mapping[str, int]) -> list[Held]:
        """These (id → fence), read. Those that can't be are given up."""
        engine = self.engine
        try:
            found, unread = await engine.read(lambda: self._read(list(claimed)))
        except Exception:
            await engine.write(lambda: self._give_back(claimed))
            raise
        for run, error in unread.items():
            log.error("Run %s can't be read: %s", run, error, exc_info=error)
            await self._give_up(run, claimed[run], error)
        ours = [held for held in found if (held.row.holder, held.fence) == (engine.id, claimed[held.run_id])]
        engine.refused += len(found) - len(ours)  # taken from us between the claim and this look: what was read is another's
        return ours

    def _read(self, runs: list[str]) -> tuple[list[Held], dict[str, Exception]]:
        world = self.engine.world
        return read_each(runs, lambda version, digest: plan_of(version, world, digest))

    def _give_back(self, claimed: Mapping[str, int]) -> None:
        for run, fence in claimed.items():
            sweep.let_go(run, self.engine.id, fence, self.engine.clock.now())

    async def _give_up(self, run: str, fence: int, error: Exception) -> None:
        engine, now = self.engine, self.engine.clock.now()
        deaths = await engine.read(lambda: unreadable.deaths(run))
        if deaths + 1 < sweep.DEATHS:
            due = now + unreadable.pause_after(deaths)
            done = await engine.write(lambda: sweep.let_go(run, engine.id, fence, due, unreadable.surprise(error)))
        else:
            commit = await engine.read(lambda: unreadable.quarantine(run, fence, now, error))
            done = await engine.commit(commit)
        engine.refused += not done
