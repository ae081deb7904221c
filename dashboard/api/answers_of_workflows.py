"""What comes back of workflows and their versions, as `answers` has the rest."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from dashboard.api.answers import Trouble


class Proof(BaseModel):
    """`worst` is what no run exceeds, with its derivation; `errors` is step → error → where it goes."""

    ok: bool
    worst: dict[str, Any]
    errors: dict[str, dict[str, str]]


class Checked(BaseModel):
    """`id`, `proof` and `hash` are null where the text can't be read that far."""

    id: str | None
    revision: int | None
    problems: list[Trouble]
    proof: Proof | None
    hash: str | None


class Version(BaseModel):
    version: int
    hash: str
    published: datetime
    published_by: str
    note: str


class VersionWhole(Version):
    """`text` as it was written, `definition` as it was read; `proof` and `problems` are those of the publishing."""

    workflow: str
    definition: dict[str, Any]
    text: str
    proof: Proof
    problems: list[Trouble]


class Retired(BaseModel):
    at: datetime
    by: str
    reason: str


class Workflow(BaseModel):
    """`version` is the latest that was published; `live` counts runs that have not ended, those too that another workflow
    called. `retired`: no run of it begins any more."""

    id: str
    title: str
    revision: int
    version: int | None
    published: datetime | None
    sample: bool
    live: int
    created: datetime
    updated: datetime
    updated_by: str
    retired: Retired | None


class WorkflowWhole(Workflow):
    draft: str
    versions: list[Version]


class Entry(BaseModel):
    """One change of a draft. `revision` is the draft's after it, when it was made; `steps` are those that it touched."""

    number: int
    revision: int
    at: datetime
    by: str
    sentence: str
    steps: list[str]
    undone: bool


class Note(BaseModel):
    """What to look at after an edit: what names `name`, at `path` of the definition, in `step`."""

    kind: str
    name: str
    message: str
    path: str
    step: str | None


class Edited(BaseModel):
    """What was done, and the draft after it. `left` could not be rewritten, `rebind` has to be bound anew. `graph` is the draft
    as it is drawn, null where it is no definition; `undo` and `redo` are what these would do, null where there is nothing."""

    revision: int
    sentence: str
    steps: list[str]
    left: list[Note]
    rebind: list[Note]
    graph: dict[str, Any] | None
    problems: list[Trouble]
    bounds: list[dict[str, str]]
    undo: Entry | None
    redo: Entry | None


class DiffLine(BaseModel):
    kind: Literal["same", "added", "taken", "gap"]
    text: str
    before: int | None
    after: int | None


class DiffSteps(BaseModel):
    """`renamed`: the id then → the id now."""

    renamed: dict[str, str]
    added: list[str]
    taken: list[str]
    changed: list[str]


class DiffChange(BaseModel):
    """One thing that is not as it was. `step` is "" for the workflow itself, `key` the place within it."""

    kind: Literal["added", "removed", "renamed", "moved", "changed"]
    subject: Literal["step", "route", "condition", "prompt", "contract", "model", "tool", "limit", "outcome", "setting"]
    sentence: str
    step: str
    key: str
    before: Any
    after: Any


class Diff(BaseModel):
    """`steps` and `keys` are null where one of the texts can't be read, `changes` where one is no definition."""

    workflow: str
    from_: str | None = Field(alias="from")
    to: str
    lines: list[DiffLine]
    steps: DiffSteps | None
    keys: list[str] | None
    changes: list[DiffChange] | None
