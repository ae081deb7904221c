"""What must be true once the faults have stopped: every accepted run accounted for and ended, on the path, in the outcome and
with the output that the interpreter says; every effect once by its key; nothing that `fsck` finds."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.answers import Answers, place_of
from tests.chaos.database import patiently
from tests.chaos.generator import definition, given
from tests.chaos.interpreter import interpret
from tests.chaos.traffic import Reading
from tests.chaos.world import World

BOUND = 12.0
"""Seconds within which a run is taken up once nothing is broken: the lapse of a heart, a sweep, and two for the rest."""


def rest(seconds: float) -> tuple[float, dict[str, float]]:
    """Waits for all to end, for so long at most: how long it took, and by how much each run was late that nobody took up within
    the bound though it was due."""
    begun, late = time.monotonic(), dict[str, float]()
    while (taken := time.monotonic() - begun) < seconds:
        left = patiently(_left)
        if not left:
            return taken, late
        for run, by in left.items():
            if by > BOUND and taken > BOUND:
                late[run] = max(by, late.get(run, 0.0))
        time.sleep(0.2)
    return taken, late


def _left() -> dict[str, float]:
    """The runs that have not ended, and for how long each has been due without a holder."""
    from orchestration.models import Run
    from orchestration.record.clock import database_now

    now = database_now()
    rows = Run.objects.exclude(status__in=Run.ENDED).values_list("id", "status", "due")
    return {run: (now - due).total_seconds() if status == "ready" else 0.0 for run, status, due in rows}


def findings(world: World, known: Mapping[int, str], workflows: int) -> Iterator[str]:
    """A sentence for each thing that is wrong."""
    from orchestration import fsck
    from orchestration.models import Run

    rows = {
        row["id"]: row for row in Run.objects.values("id", "status", "outcome", "output", "place", "wait", "deaths", "holder")
    }
    for run in rows.keys() - set(known.values()):
        yield f"run {run} is there, and its start was never answered"
    for number, run in known.items():
        if run not in rows:
            yield f"the start {number} was answered with {run}, and there is no such run"
        elif rows[run]["status"] in Run.ENDED:
            yield from _course(world, number, rows[run], workflows)
        else:
            yield f"run {run} ({number}) has not ended: {rows[run]}"
    yield from _effects(world)
    yield from (f"fsck: {found}" for found in fsck.check(world.ledger if world.ledger.exists() else None))


def _course(world: World, number: int, row: Mapping[str, Any], workflows: int) -> Iterator[str]:
    from orchestration.record.pack import unpack_all

    definition_ = definition(world.seed, number % workflows, world.scripted_url)
    meant = interpret(definition_, given(world.seed, number), Answers(world.seed))
    name = f"run {row['id']} (start {number} of {definition_['id']})"
    path = list(_path(str(row["id"])))
    if path != meant.path:
        at = next((i for i, (a, b) in enumerate(zip(path, meant.path, strict=False)) if a != b), min(len(path), len(meant.path)))
        yield f"{name} went {path[at : at + 3]} at its record {at + 1}, and was to go {meant.path[at : at + 3]}"
    if row["outcome"] != meant.outcome:
        yield f"{name} ended in {row['outcome']}, and was to end in {meant.outcome}"
    if (output := unpack_all([row["output"]])[0]) != meant.output:
        yield f"{name} ended with {output}, and was to end with {meant.output}"


def _path(run: str) -> Iterator[tuple[str, str]]:
    """(path, to) of its records, without those in which a person had something begun again."""
    from orchestration.models import StepRecord
    from orchestration.record.pack import unpack_all

    rows = StepRecord.objects.filter(run=run).order_by("seq").values_list("path", "decision")
    for (path, _), decision in zip(rows, unpack_all(row[1] for row in rows), strict=True):
        if decision["rule"] != "act.resolve":
            yield path, decision["to"]


def _effects(world: World) -> Iterator[str]:
    """By what they are about, whatever keys they came under: nobody asks twice for what can't be undone."""
    done: Counter[str] = Counter()
    for effect in Reading(world.ledger).more():
        kind = effect.url.rpartition("/")[2]
        if kind == "irreversible" or (kind != "none" and not effect.repeat):
            done[json.dumps([kind, place_of(json.loads(effect.body))])] += 1
    yield from (f"the effect {what} happened {count} times" for what, count in done.items() if count > 1)
