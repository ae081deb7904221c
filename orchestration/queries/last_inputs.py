"""What a step was given the last time that it ran: an input to try it with."""

from datetime import datetime
from typing import Any

from orchestration.core.frozen import dataclass
from orchestration.models import StepRecord
from orchestration.record.pack import unpack_all


@dataclass(frozen=True, slots=True)
class LastInput:
    run: str
    at: datetime
    value: Any


def last_input(workflow: str, step: str) -> LastInput | None:
    """The input of the latest visit of `step` in a run of `workflow`; None where there was none. Two queries at most."""
    found = StepRecord.objects.filter(run__workflow_id=workflow, step=step).order_by("-id")
    row = found.values_list("run_id", "finished", "input").first()
    return LastInput(row[0], row[1], unpack_all([row[2]])[0]) if row else None
