"""What a run is doing, said so that trouble shows: a status of the table in `presentation`, and what is to be added to it."""

from datetime import datetime, timedelta

from dashboard.presentation import coarse
from orchestration.queries.run_list import Row
from orchestration.queries.runs import RunSummary

LATE = timedelta(seconds=10)
"""A run that is due for longer, and that nobody holds, is in trouble: a sweep comes every few seconds."""

OUTCOME_KINDS = {"succeeded": "success", "failed": "failure"}


def state_of(row: Row, now: datetime, sweeping: bool) -> tuple[str, str]:
    """(name of a status, more words): ("person", "3 h"), ("backoff", "2 tries, next in 4 s"), ("stuck", "no worker")."""
    run = row.run
    if run.status == "waiting" and run.wait == "person":
        who = f", claimed by {row.claimed_by}" if row.claimed_by else ""
        return "person", (coarse((now - row.asked).total_seconds()) if row.asked else "") + who
    if run.status == "quarantined":
        return "quarantined", f"after {run.deaths} deaths of its worker" if run.deaths else ""
    if run.status == "held" and row.silent:
        return "stuck", "its worker is silent"
    if run.status == "ready" and run.due is not None and run.due < now - LATE and not sweeping:
        return "stuck", "no worker"
    if run.status == "ready" and run.wait == "backoff":
        return "backoff", _backing_off(row, now)
    if run.status == "ready" and run.wait == "slot":
        return run.status, "its provider takes no more calls now"
    return run.status, round_of(run.place) if run.status == "held" else ""


def _backing_off(row: Row, now: datetime) -> str:
    tries = f"{row.tries} {'try' if row.tries == 1 else 'tries'} failed" if row.tries else ""
    left = (row.run.due - now).total_seconds() if row.run.due else 0.0
    return ", ".join(filter(None, (tries, f"next in {coarse(left)}" if left >= 1 else "due now")))


def round_of(place: str) -> str:
    """`refine[3]/critique` → `round 3`."""
    scope, _, step = place.partition("/")
    number = scope.partition("[")[2].rstrip("]")
    return f"round {number}" if step and number.isdecimal() else ""


def outcome_kind(run: RunSummary) -> str:
    return OUTCOME_KINDS.get(run.status, "")
