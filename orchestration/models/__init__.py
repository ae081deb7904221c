"""The tables. Rows are written by `record` and `acts` only, and read by `queries`."""

from orchestration.models.event import Event
from orchestration.models.people import Act, ApiToken, Escalation
from orchestration.models.reach import Provider, Secret, Tool
from orchestration.models.record import Blob, Call, StepRecord
from orchestration.models.run import Run, Slot, Worker
from orchestration.models.schedule import Schedule
from orchestration.models.workflow import DraftEdit, Version, Workflow

__all__ = [
    "Act",
    "ApiToken",
    "Blob",
    "Call",
    "DraftEdit",
    "Escalation",
    "Event",
    "Provider",
    "Run",
    "Schedule",
    "Secret",
    "Slot",
    "StepRecord",
    "Tool",
    "Version",
    "Worker",
    "Workflow",
]
