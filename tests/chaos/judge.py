"""What must be true once the faults have stopped: every accepted run accounted for and ended, on the path, in the outcome and
with the output that the interpreter says, and so each of its child runs; every effect once by its key; nothing that `fsck`
finds."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.answers import Answers, place_of
from tests.chaos.database import patiently
from tests.chaos.generator import definition, given, parts
from tests.chaos.interpreter import Course, interpret
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
    """The runs that have not ended, and for how long each has been due without a holder, or has had a child run to count."""
    from django.db.models import Min, Q

    from orchestration.models import Run
    from orchestration.record.clock import database_now

    now = database_now()
    ended = Min("children__ended", filter=Q(children__joined=False))
    rows = Run.objects.exclude(status__in=Run.ENDED).annotate(to_join=ended).values_list("id", "status", "wait", "due", "to_join")
    since = {run: due if status == "ready" else ended if wait == "children" else None for run, status, wait, due, ended in rows}
    return {run: (now - then).total_seconds() if then else 0.0 for run, then in since.items()}


def findings(world: World, known: Mapping[int, str], workflows: int) -> Iterator[str]:
    """A sentence for each thing that is wrong."""
    from orchestration import fsck
    from orchestration.models import Run

    rows: dict[str, Row] = {row["id"]: row for row in Run.objects.values(*_FIELDS)}
    families: Families = defaultdict(list)
    for row in rows.values():
        families[row["parent"]].append(row)
    for run in {row["id"] for row in families[None]} - set(known.values()):
        yield f"run {run} is there, is nobody's child, and its start was never answered"
    for number, run in known.items():
        if run not in rows:
            yield f"the start {number} was answered with {run}, and there is no such run"
            continue
        drawn = definition(world.seed, number % workflows, world.scripted_url)
        meant = interpret(drawn, given(world.seed, number), Answers(world.seed), parts(world.seed, world.scripted_url))
        yield from _course(f"run {run} (start {number} of {drawn['id']})", rows[run], meant, families)
    yield from _effects(world)
    yield from (f"fsck: {found}" for found in fsck.check(world.ledger if world.ledger.exists() else None))


Row = Mapping[str, Any]
Families = defaultdict[str | None, list[Row]]
_FIELDS = (
    "id", "status", "outcome", "output", "place", "wait", "deaths", "holder", "parent", "parent_path", "parent_visit", "index",
    "joined",
)  # fmt: skip


def _course(name: str, row: Row, meant: Course, families: Families, cut: bool = False) -> Iterator[str]:
    """`cut`: it may have been stopped anywhere on its way, since its parent did not need it any more."""
    from orchestration.models import Run
    from orchestration.record.pack import unpack_all

    if row["status"] not in Run.ENDED:
        yield f"{name} has not ended: {row}"
        return
    path, wanted = list(_path(row["id"])), meant.path
    stopped = cut and row["status"] == "cancelled"
    if stopped:
        if not path or path.pop()[1] != "cancelled":
            yield f"{name} was stopped, and its record does not end so"
        wanted = wanted[: len(path)]
    if path != wanted:
        at = next((i for i, (a, b) in enumerate(zip(path, wanted, strict=False)) if a != b), min(len(path), len(wanted)))
        yield f"{name} went {path[at : at + 3]} at its record {at + 1}, and was to go {wanted[at : at + 3]}"
    if not stopped and row["outcome"] != meant.outcome:
        yield f"{name} ended in {row['outcome']}, and was to end in {meant.outcome}"
    status = "succeeded" if meant.failed is None else "failed"
    if not stopped and row["status"] != status:
        yield f"{name} has {row['status']}, and was to have {status}"
    if not stopped and not _agree(output := unpack_all([row["output"]])[0], meant.output):
        yield f"{name} ended with {output}, and was to end with {meant.output}"
    yield from _children(name, row, meant, families, stopped)


def _children(name: str, row: Row, meant: Course, families: Families, stopped: bool) -> Iterator[str]:
    """Each item, arm and called workflow has one child run, which was counted; of those that nobody needed any more, as far as
    they came."""
    found: dict[str, dict[int, Row]] = defaultdict(dict)
    for child in families[row["id"]]:
        path, index, fan = child["parent_path"], child["index"], meant.fans.get(child["parent_path"])
        if not child["joined"]:
            yield f"{name} has not counted its child run {child['id']} of {path}"
        if index in found[path] or child["parent_visit"] != 1:
            yield f"{name} has begun {index} of {path} again"
        if fan is None or index >= len(fan.children):
            yield f"{name} has a child run for {index} of {path}, and there was to be none"
        found[path][index] = child
    for path, fan in meant.fans.items():
        settled = fan.settled
        good, least = settled or (True, 0)
        ended = sum(child["status"] == ("succeeded" if good else "failed") for child in found[path].values())
        if not stopped and (ended < least or (settled is None and len(found[path]) < len(fan.children))):
            ends = {index: child["status"] for index, child in sorted(found[path].items())}
            yield f"{name} went on from {path}, and of {len(fan.children)} child runs there are {ends}"
        for index, child in found[path].items():
            if index < len(fan.children):
                yield from _course(
                    f"{name}, {index} of {path} ({child['id']})",
                    child,
                    fan.children[index],
                    families,
                    stopped or settled is not None,
                )


def _agree(found: Any, meant: Any) -> bool:
    """Whatever an error says; and its code, where that may be one of several."""
    if isinstance(found, list) and isinstance(meant, list):
        return len(found) == len(meant) and all(map(_agree, found, meant))
    if isinstance(found, dict) and isinstance(meant, dict):
        if meant.keys() == {"code"}:
            return found.keys() == {"code", "message"} and meant["code"] in ("", found["code"])
        return found.keys() == meant.keys() and all(_agree(found[name], meant[name]) for name in meant)
    return bool(found == meant)


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
