"""Retiring a workflow that should not be used any more, and taking it back.

A retired workflow starts nothing: no person, client, schedule or calling step begins a run of it. Runs that are under way go on
to their end, and versions, drafts and schedules stay as they are.
"""

from django.db import transaction

from orchestration.acts import audit
from orchestration.core import values
from orchestration.core.cron import timetable
from orchestration.core.errors import Conflict, NotFound, Problem, Refused
from orchestration.models import Schedule, Workflow
from orchestration.record.clock import database_now

MOST_REASON = 2000


def retire(*, workflow: str, reason: str, by: str) -> None:
    """No run of it begins any more. The same again by the same person is no act. Raises `Refused` without a reason, `Conflict`
    where somebody has retired it already, and `NotFound`."""
    reason = values.clean_text(reason).value.strip()[:MOST_REASON]
    if not reason:
        message = "Say why it should not be used any more, and what to use instead: whoever comes to it will read that."
        raise Refused(Problem("missing_reason", message, "reason"))
    with transaction.atomic():
        found = _locked(workflow)
        if found.retired is not None:
            if (found.retired_by, found.retired_reason) == (by, reason):
                return
            message = f"{found.retired_by} has retired {workflow} already: {found.retired_reason}"
            raise Conflict(message, "already_retired", by=found.retired_by, at=found.retired.isoformat())
        now = database_now()
        Workflow.objects.filter(id=workflow).update(retired=now, retired_by=by, retired_reason=reason)
        audit.write(subject=f"workflow:{workflow}", verb="retire", by=by, detail={"reason": reason})


def reinstate(*, workflow: str, by: str) -> None:
    """Runs of it may begin again, from its latest version on. Its schedules go on with their first occurrence that is yet to
    come: what came meanwhile is not made up for. Of one that is not retired it is no act. Raises `NotFound`."""
    with transaction.atomic():
        found = _locked(workflow)
        if found.retired is None:
            return
        before = {"by": found.retired_by, "at": found.retired.isoformat(), "reason": found.retired_reason}
        Workflow.objects.filter(id=workflow).update(retired=None, retired_by="", retired_reason="")
        _move_on(workflow)
        audit.write(subject=f"workflow:{workflow}", verb="reinstate", by=by, detail={"before": before})


def _move_on(workflow: str) -> None:
    """Past what came while it was retired. One whose line or zone this machine can't read stays due: who fires it says so."""
    now = database_now()
    due = Schedule.objects.filter(workflow=workflow, paused=False, next__lte=now).values("id", "cron", "zone", "next")
    for row in due:
        try:
            following = timetable(row["cron"], row["zone"]).after(now)
        except Refused:
            continue
        seen = Schedule.objects.filter(id=row["id"], paused=False, next=row["next"])
        seen.update(next=following, paused=following is None)


def _locked(workflow: str) -> Workflow:
    """As it is until this transaction ends."""
    audit.lock(f"workflow:{workflow}")
    found = Workflow.objects.select_for_update().filter(id=workflow).first()
    if found is None:
        raise NotFound(f"There is no workflow {workflow[:60]}.")
    return found
