"""What must be true of events once all is at rest: each that was answered is there, once; each that was given to a run was taken
by it, or the run was cancelled; and no wait ended by its deadline that could have had one."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from tests.chaos.database import patiently
from tests.chaos.post import Letter

SURELY = timedelta(seconds=5)
"""By how much an event comes before a wait, when whoever begins to wait must see it."""


def findings(sent: Iterable[tuple[Letter, Mapping[str, Any]]]) -> Iterator[str]:
    """A sentence for each thing that is wrong. That each is taken once `fsck` sees."""
    from orchestration.models import Event

    rows = {row["id"]: row for row in Event.objects.values("id", "address", "run", "run__status", "seq", "received")}
    known: dict[str, Letter] = {}
    for letter, said in sent:
        event = said.get("id", "")
        if event in known:
            yield f"the events {letter.key} and {known[event].key} were both answered with {event}"
        known[event] = letter
        if event not in rows:
            yield f"the event {letter.key} was answered with {said}, and there is no such event"
        elif rows[event]["address"] != letter.address or said["run"] not in (None, rows[event]["run"]):
            yield f"the event {letter.key} for {letter.address} was answered with {said}, and it is {rows[event]}"
    for event in rows.keys() - known.keys():
        yield f"the event {rows[event]} is there, and nobody was told that it was accepted"
    for row in rows.values():
        if row["run"] and row["seq"] is None and row["run__status"] != "cancelled":
            yield f"the event {row} was given to a run that has not taken it"
    yield from _passed_over([row for row in rows.values() if row["run"] is None])


def _passed_over(kept: list[dict[str, Any]]) -> Iterator[str]:
    since: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in kept:
        since[row["address"]].append(row)
    for run, path, address, started in _late():
        for row in since[address]:
            if row["received"] + SURELY < started:
                yield f"{path} of {run} waited from {started} on, and was over by its deadline, though there was {row}"


def late() -> int:
    return len(patiently(_late))


def _late() -> list[tuple[str, str, str, Any]]:
    """The waits for an event that were over by their deadline: run, path, address, and since when they waited."""
    from orchestration.core import event as events
    from orchestration.models import StepRecord
    from orchestration.record.pack import unpack_all

    rows = list(StepRecord.objects.filter(type="wait").values_list("run", "path", "started", "input", "result"))
    given, results = unpack_all(row[3] for row in rows), unpack_all(row[4] for row in rows)
    return [
        (row[0], row[1], events.address(wait["event"], wait["correlation"]), row[2])
        for row, wait, result in zip(rows, given, results, strict=True)
        if wait and "event" in wait and "event" not in result and result.get("error", {}).get("code") == "timeout"
    ]
