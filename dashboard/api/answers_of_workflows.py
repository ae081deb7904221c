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


class Workflow(BaseModel):
    """`version` is the latest that was published; `live` counts runs that have not ended."""

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


class WorkflowWhole(Workflow):
    draft: str
    versions: list[Version]


class DiffLine(BaseModel):
    kind: Literal["same", "added", "taken", "gap"]
    text: str
    before: int | None
    after: int | None


class DiffSteps(BaseModel):
    added: list[str]
    taken: list[str]
    changed: list[str]


class Diff(BaseModel):
    """`steps` and `keys` are null where one of the texts can't be read."""

    workflow: str
    from_: str | None = Field(alias="from")
    to: str
    lines: list[DiffLine]
    steps: DiffSteps | None
    keys: list[str] | None
