"""What a run is doing, said so that trouble shows: a status of the table in `presentation`, and what is to be added to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.queries.run_list import Row, Standing
from orchestration.queries.runs import RunSummary

LATE = timedelta(seconds=10)
"""A run that is due for longer, and that nobody holds, is in trouble: a sweep comes every few seconds."""

OUTCOME_KINDS = {"succeeded": "success", "failed": "failure"}


@dataclass(frozen=True, slots=True)
class Doing:
    """What a run does: `status` of the table, `more` words, since when it waits, and until when it backs off."""

    status: str
    more: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What the child runs of a step are, an item, an arm or a workflow, and how many of them are enough; 0: it needs all."""

    noun: str = "item"
    needs: int = 0


ITEMS = Kind()


def state_of(row: Row, now: datetime, sweeping: bool, kind: Kind = ITEMS) -> Doing:
    """As `person` since 9:00, `backoff` with "2 tries failed" until 9:04, `stuck` with "no worker". `kind`: of its child runs."""
    run = row.run
    if run.status == "waiting" and row.children is not None:
        return _children(row.children, kind)
    if run.status == "waiting" and run.wait == "person":
        return Doing("person", f"claimed by {row.claimed_by}" if row.claimed_by else "", since=row.asked)
    if run.status == "waiting" and run.wait in ("event", "time"):
        if run.due is not None and run.due < now - LATE and not sweeping:
            return Doing("stuck", "no worker")
        return Doing(run.wait, run.awaits.partition(" ")[0], since=run.since)
    if run.status == "waiting" and run.wait == "limit":
        return Doing("limit", since=run.since)
    if run.status == "quarantined":
        return Doing("quarantined", f"after {run.deaths} deaths of its worker" if run.deaths else "")
    if run.status == "held" and row.silent:
        return Doing("stuck", "its worker is silent")
    if run.status == "ready" and run.due is not None and run.due < now - LATE and not sweeping:
        return Doing("stuck", "no worker")
    if run.status == "ready" and run.wait == "backoff":
        tries = f"{row.tries} {'try' if row.tries == 1 else 'tries'} failed" if row.tries else ""
        return Doing("backoff", tries, until=run.due or now)
    if run.status == "ready" and run.wait == "slot":
        return Doing(run.status, "its provider takes no more calls now")
    return Doing(run.status, round_of(run.place) if run.status == "held" else "")


def _children(found: Standing, kind: Kind) -> Doing:
    """What waits for a person in a child is what it waits for."""
    if found.asking:
        return Doing("person", f"in {_some(found.asking, found.total, kind.noun)}")
    return Doing("children", f"for {waits_for(found, kind)}")


def waits_for(found: Standing, kind: Kind) -> str:
    """`7 of 12 items`, `any 1 of 2 arms`"""
    enough = kind.needs - found.done
    if enough > 0:
        return f"any {_some(enough, found.total, kind.noun)}"
    return _some(found.total - found.ended, found.total, kind.noun)


def _some(number: int, total: int, noun: str) -> str:
    if noun == "workflow":
        return "the workflow that it calls"
    return f"{number:,} of {total:,} {noun}{'' if total == 1 else 's'}"


def round_of(place: str) -> str:
    """`refine[3]/critique` → `round 3`."""
    scope, _, step = place.partition("/")
    number = scope.partition("[")[2].rstrip("]")
    return f"round {number}" if step and number.isdecimal() else ""


def outcome_kind(run: RunSummary) -> str:
    return OUTCOME_KINDS.get(run.status, "")
