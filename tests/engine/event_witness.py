"""Who sees every event that is given, taken or kept, and says beforehand to whom it must go: to the run that has waited longest,
and else, in the order in which they came, to whoever comes to wait. Each goes to one run; and no wait is over while there is one
that it must have seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

from django.db import connection

from orchestration.core import event as addresses
from orchestration.record import events
from orchestration.record.pack import unpack_all
from orchestration.record.rows import Commit, RecordRow

if TYPE_CHECKING:
    from tests.engine.witness import Witness

SURELY_KEPT = events.KEPT - timedelta(hours=2)


@dataclass
class Told:
    """What must be so of one event. `kept`: after how many writes it was there."""

    address: str
    received: datetime
    kept: int
    run: str | None = None
    seq: int | None = None


class Events:
    def __init__(self, witness: "Witness") -> None:
        self.witness = witness
        self.told: dict[str, Told] = {}
        self._keep, self._give, self._take = events.keep, events.give, events.take

    @contextmanager
    def watching(self) -> Iterator[None]:
        with (
            patch.object(events, "keep", self.keep),
            patch.object(events, "give", self.give),
            patch.object(events, "take", self.take),
        ):
            yield

    def keep(self, address: str, payload: str, mended: str, by: str, now: datetime) -> str:
        event = self._keep(address, payload, mended, by, now)
        self.witness.check(event not in self.told, f"{event} came twice")
        self.told[event] = Told(address, now, self.witness.writes)
        return event

    def give(self, event: str, address: str, now: datetime) -> tuple[str, int] | None:
        runs = self.witness.runs
        waiting = [(told.row.since or now, run) for run, told in runs.items() if self._waits(run, address)]
        free = self.told[event].run is None
        given = self._give(event, address, now)
        self.witness.writes += 1
        longest = min(waiting)[1] if waiting and free else None
        self.witness.check(
            (given and given[0]) == longest, f"{event} for {address} went to {given}, and of {waiting} to {longest}"
        )
        if given:
            runs[given[0]].moved(due=now, awaits="")
            self._hand(event, given[0])
            self.witness.check(runs[given[0]].revision == given[1], f"{event} was given to {given}: {runs[given[0]]}")
            self.witness.seen["an event was given to a run"] += 1
        return given

    def _waits(self, run: str, address: str) -> bool:
        row = self.witness.runs[run].row
        return row.status == "waiting" and row.awaits == address

    def take(self, event: str, run: str, fence: int, revision: int) -> bool:
        told = self.witness.runs.get(run)
        right = told is not None and (told.row.fence, told.revision) == (fence, revision) and self.told[event].run is None
        taken = self._take(event, run, fence, revision)
        self.witness.writes += 1
        self.witness.check(taken == right, f"{event} was taken ({taken}) for {run}, seen at {fence}, {revision}: {told}")
        if taken and told is not None:
            told.moved()
            self._hand(event, run)
            older = [name for name, each in self.told.items() if each.run is None and self._before(each, self.told[event])]
            self.witness.check(not older, f"{run} took {event}, and these came before it: {older}")
            self.witness.seen["an event that was kept was taken"] += 1
        return taken

    def _before(self, one: Told, other: Told) -> bool:
        young = one.received > self.witness.clock.at - SURELY_KEPT
        return young and one.address == other.address and one.received < other.received and one.kept < other.kept

    def _hand(self, event: str, run: str) -> None:
        self.witness.check(self.told[event].run is None, f"{event} was {self.told[event]}, and is given to {run}")
        self.told[event].run = run

    def fold(self, commit: Commit, claimed: int) -> None:
        for taking in commit.takings:
            told = self.told[taking.id]
            self.witness.check(
                (told.run, told.seq) == (commit.run_id, None), f"{commit.run_id} wrote that it took {taking.id}: {told}"
            )
            told.seq = taking.seq
            self.witness.seen["a wait ended by an event"] += 1
        for record in commit.records:
            if record.type == "wait":
                self._over(commit, record, claimed)

    def _over(self, commit: Commit, record: RecordRow, claimed: int) -> None:
        result, given = unpack_all([record.result, record.input])
        if "event" in result:
            return
        self.witness.seen["a wait ended by its deadline"] += 1
        address = addresses.address(given["event"], given["correlation"])
        there = [
            event
            for event, told in self.told.items()
            if told.address == address and told.run in (None, commit.run_id) and told.seq is None and told.kept < claimed
        ]
        there = [event for event in there if self.told[event].received > record.finished - SURELY_KEPT]
        self.witness.check(not there, f"{commit.run_id} was over by its deadline, and there was {there}")

    def compare(self) -> None:
        """Whose each event is, and which record took it."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, run_id, seq FROM orchestration_event")
            found = {row[0]: row[1:] for row in cursor.fetchall()}
        told = {event: (each.run, each.seq) for event, each in self.told.items()}
        self.witness.check(found == told, f"the events are {found}, and must be {told}")

    def missed(self, now: datetime) -> None:
        """Once all is at rest, nobody waits for what is there; and what was given to a run was taken, or the run cancelled."""
        for event, told in self.told.items():
            if told.run is None:
                waiting = [run for run in self.witness.runs if self._waits(run, told.address)]
                self.witness.check(not waiting, f"{event} is kept, and {waiting} wait for it")
            elif told.seq is None:
                row = self.witness.runs[told.run].row
                self.witness.check(row.status == "cancelled", f"{event} was given to {told.run}, which has not taken it: {row}")
