"""Runs that can't even be read any more: a version that does not compile, a blob that is gone. They are tried again a few
times, then a person is asked; the others that were claimed with them go on."""

from datetime import datetime, timedelta

from orchestration.core import values
from orchestration.core.frozen import replace
from orchestration.core.wording import one_line
from orchestration.executor import sweep
from orchestration.executor.escalate import ABOUT, QUARANTINE_ACTIONS
from orchestration.models import Escalation, Run
from orchestration.models.fields import new_id
from orchestration.record.pack import pack
from orchestration.record.rows import ClosingRow, Commit, EscalationRow, RunRow, columns

_ROW = columns(RunRow)


def deaths(run: str) -> int:
    """How often it could not be moved so far."""
    return Run.objects.values_list("deaths", flat=True).get(id=run)


def quarantine(run: str, fence: int, now: datetime, error: Exception) -> Commit:
    """The commit that hands the run to a person, made from its row alone: nothing else of it need be there, the deadline that its
    workflow gives to escalations included."""
    found = Run.objects.values("revision", *_ROW).get(id=run)
    revision = found.pop("revision")
    row = replace(
        RunRow(**found), status="quarantined", holder=None, step_deadline=None, due=None, wait="person",
        deaths=sweep.DEATHS, error=surprise(error), fence=fence,
    )  # fmt: skip
    commit = Commit(run, fence, revision, new_id(), row)
    for pause in Escalation.objects.filter(run_id=run, status__in=Escalation.PENDING).values_list("id", flat=True):
        commit.closings.append(ClosingRow("cancelled", "null", "", now, run, pause))
    commit.escalations.append(_escalation(run, row.place, now, told(error), commit.blobs))
    return commit


def told(error: Exception) -> str:
    """For a person: that a run can't be read, why, and what to do."""
    why = f"{type(error).__name__}: {error}"[:300].rstrip(".")
    said = f"This run can't be read: {why}. Its record is as it was; mend what is missing, then try again."
    return values.clean_text(said).value


def surprise(error: Exception) -> str:
    """A surprise as a run keeps it in `error`, packed."""
    return values.dump({"code": "surprise", "message": values.clean_text(f"{type(error).__name__}: {error}"[:500]).value})


def pause_after(deaths: int) -> timedelta:
    """How long a run rests that met a surprise for the `deaths`+1st time."""
    return timedelta(seconds=2 * (deaths + 1))


def _escalation(run: str, place: str, now: datetime, because: str, blobs: dict[str, str]) -> EscalationRow:
    nothing = pack({"type": "object", "properties": {}}, blobs)
    return EscalationRow(
        id=new_id(), run_id=run, kind="quarantine", step=place.rpartition("/")[2][:48], path=place, visit=1,
        title="This run can't be read", about=one_line(because, ABOUT), queue="default", priority=0, status="open",
        reason=pack({"kind": "quarantine", "because": because}, blobs), form=nothing,
        values="{}", show="{}", actions=values.dump(list(QUARANTINE_ACTIONS)), created=now, due=None,
    )  # fmt: skip
