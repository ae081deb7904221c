"""The list of runs as people watch it: what each does or waits for, the rows of a page that is open, and what is new since."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Max, Q, QuerySet

from orchestration.core.frozen import dataclass, replace
from orchestration.models import Call, Escalation, Run, Worker
from orchestration.queries import family
from orchestration.queries import runs as listed
from orchestration.queries.course import Pause
from orchestration.queries.paging import bounded, cursor, moment, parts_of
from orchestration.queries.runs import RunDetail, RunFilter, RunSummary
from orchestration.record.clock import database_now
from orchestration.record.pack import fetch, missing, unpack

MOST_NEW = 100
"""New runs are counted up to here."""
_LENGTH = 26
_ID = re.compile(rf"[0-9a-z]{{1,{_LENGTH}}}\Z")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the child runs stand that a run waits for: of `total` some have `ended`, `done` or not, and of the others some wait for
    a person."""

    total: int
    ended: int
    asking: int
    done: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A run, and what its status alone does not say. `asked`: since when a person is asked. `tries`: calls made so far in the
    visit that backs off. `silent`: the worker that holds it has no heartbeat any more. `children`: those that it waits for."""

    run: RunSummary
    asked: datetime | None = None
    claimed_by: str = ""
    tries: int = 0
    silent: bool = False
    children: Standing | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """`next` is what to send as `after`; `new` how many runs match that began after the first of these, up to `MOST_NEW`.
    `sweeping` False: no worker moves runs. `now` by the database's clock."""

    rows: tuple[Row, ...]
    next: str | None
    new: int
    sweeping: bool
    now: datetime


def listing(wanted: RunFilter, text: str = "", after: str | None = None, limit: int | None = None) -> Listing:
    """The newest first. Eight queries at most. Raises `Refused` for a filter or cursor that means nothing."""
    size = bounded(limit)
    found = _matching(wanted, text)
    if after:
        at, last = parts_of(after, 2)
        created = moment(at)
        found = found.filter(Q(created__lt=created) | Q(created=created, id__lt=last))
    rows = list(found.values(*listed.SUMMARY)[: size + 1])
    mark = cursor(rows[size - 1]["created"], rows[size - 1]["id"]) if len(rows) > size else None
    return listing_of(listed.summaries(rows[:size]), mark)


def same_rows(ids: Sequence[str], wanted: RunFilter, text: str = "", newest: bool = False) -> Listing:
    """These runs as they are now, in this order, whether or not they still match. With `newest`, how many came since the
    first. Nine queries at most."""
    rows = {row["id"]: row for row in listed.with_escalation(Run.objects.filter(id__in=ids)).values(*listed.SUMMARY)}
    summaries = listed.summaries([rows[run] for run in ids if run in rows])
    new = _matching(wanted, text)
    if summaries:
        first = summaries[0]
        new = new.filter(Q(created__gt=first.created) | Q(created=first.created, id__gt=first.id))
    count = len(new.values_list("id", flat=True)[:MOST_NEW]) if newest else 0
    return listing_of(summaries, None, count)


def standing(run: RunDetail, pauses: Sequence[Pause]) -> tuple[Row, bool, datetime]:
    """(the run as a row, whether workers move runs, the database's time). Five queries at most."""
    now = database_now()
    alive = dict(Worker.objects.filter(stopped=None, beat__gte=now - Worker.LAPSE).values_list("id", "group"))
    open_ = next((pause for pause in pauses if pause.ended is None), None) if run.escalation else None
    tries = _tries([run]).get(run.id, 0) if run.wait == "backoff" else 0
    asked, by = (open_.created, open_.claimed_by) if open_ else (None, "")
    row = Row(run, asked, by, tries, _silent(run, alive), children_of([run]).get(run.id))
    return row, 0 in alive.values(), now


def is_id(text: str) -> bool:
    return _ID.match(text) is not None


def is_whole_id(text: str) -> bool:
    return len(text) == _LENGTH and is_id(text)


def _matching(wanted: RunFilter, text: str) -> "QuerySet[Run]":
    """A child run is not in the list, and is found by the whole of its id all the same."""
    by_id = replace(wanted, id=text.lower()) if is_whole_id(text.lower()) else wanted
    found = listed.matching(by_id).order_by("-created", "-id")
    if text:
        found = found.filter(Q(id__contains=text.lower()) | Q(key__icontains=text) | Q(labels__icontains=text))
    return found


def listing_of(summaries: Sequence[RunSummary], mark: str | None, new: int = 0) -> Listing:
    """These runs as they stand. Six queries at most."""
    now = database_now()
    asked = _asked([run.id for run in summaries if run.escalation])
    tries = _tries([run for run in summaries if run.wait == "backoff"])
    alive = dict(Worker.objects.filter(stopped=None, beat__gte=now - Worker.LAPSE).values_list("id", "group"))
    children = children_of(summaries)
    rows = tuple(_row(run, asked, tries, alive, children) for run in summaries)
    return Listing(rows, mark, new, 0 in alive.values(), now)


def _silent(run: RunSummary, alive: Collection[str]) -> bool:
    return run.holder is not None and run.holder not in alive


def _row(
    run: RunSummary,
    asked: Mapping[str, tuple[datetime, str]],
    tries: Mapping[str, int],
    alive: Collection[str],
    children: Mapping[str, Standing],
) -> Row:
    since, by = asked.get(run.id, (None, ""))
    return Row(run, since, by, tries.get(run.id, 0), _silent(run, alive), children.get(run.id))


def _asked(runs: Iterable[str]) -> dict[str, tuple[datetime, str]]:
    if not (ids := list(runs)):
        return {}
    found = Escalation.objects.filter(run_id__in=ids, status__in=Escalation.PENDING)
    return {run: (created, by) for run, created, by in found.values_list("run_id", "created", "claimed_by")}


def _tries(runs: Sequence[RunSummary]) -> dict[str, int]:
    if not runs:
        return {}
    here = Q()
    for run in runs:
        here |= Q(run_id=run.id, path=run.place)
    counted: Any = Call.objects.filter(here).order_by().values_list("run_id").annotate(most=Max("n"))
    return dict(counted)


def children_of(runs: Iterable[RunSummary]) -> dict[str, Standing]:
    """How the child runs of those stand that wait for theirs. Three queries at most, and one for each further level of child
    runs; none where nobody does."""
    if not (ids := [run.id for run in runs if run.wait == "children"]):
        return {}
    positions = dict(Run.objects.filter(id__in=ids).values_list("id", "position"))
    blobs = fetch(missing(positions.values()))
    counted = family.asking(ids)
    return {run: _standing(unpack(at, blobs), counted.get(run, 0)) for run, at in positions.items()}


def _standing(position: Any, asking: int) -> Standing:
    fan = (position or {}).get("fan", {})
    ended = sum(fan.get(name, 0) for name in ("done", "failed", "cancelled"))
    return Standing(fan.get("total", 0), ended, asking, fan.get("done", 0))
