"""What was done to a draft: the history that undo and redo go along, and what others did since somebody looked.

The history (`DraftEdit`) holds what can be undone or done again, 200 at most. Which revision came of what is in the acts, undoing
among them, and these are kept.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestration.core.frozen import dataclass
from orchestration.models import Act, DraftEdit
from orchestration.queries.paging import Page, bounded, number, page
from orchestration.record.pack import unpack_all

WRITING = ("create", "draft", "edit", "undo", "redo")
"""Acts that leave a draft at another revision."""
MOST = 50


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry. `revision`: of the draft after it, when it was made. `steps`: which it touched, the most important first."""

    number: int
    revision: int
    at: datetime
    by: str
    sentence: str
    steps: tuple[str, ...]
    undone: bool


@dataclass(frozen=True, slots=True)
class Change:
    """How the draft came to be at `revision`."""

    revision: int
    at: datetime
    by: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What undo would take back, and what redo would do again; None where there is nothing."""

    undo: Edit | None
    redo: Edit | None


_EDIT = ("number", "revision", "at", "by", "sentence", "steps", "undone")


def history(workflow: str, after: str | None = None, limit: int | None = None) -> Page[Edit]:
    """The newest first. Two queries at most."""
    size = bounded(limit)
    found = DraftEdit.objects.filter(workflow_id=workflow).order_by("-number")
    if after:
        found = found.filter(number__lt=number(after))
    return page(list(found.values(*_EDIT)[: size + 1]), size, _edits, lambda row: str(row["number"]))


def standing(workflow: str) -> Standing:
    """Three queries at most."""
    found = DraftEdit.objects.filter(workflow_id=workflow).values(*_EDIT)
    last = found.filter(undone=False).order_by("-number").first()
    first = found.filter(undone=True).order_by("number").first()
    edits = iter(_edits([row for row in (last, first) if row is not None]))
    return Standing(next(edits) if last else None, next(edits) if first else None)


def changes(workflow: str, since: int) -> tuple[Change, ...]:
    """What was done to the draft after revision `since`, the newest first, `MOST` at most. Two queries at most."""
    acts = Act.objects.filter(subject=f"workflow:{workflow}", verb__in=WRITING).order_by("-number")
    rows = list(acts.values("at", "by", "detail")[:MOST])
    details = unpack_all([row["detail"] for row in rows])
    return tuple(_change(row, detail) for row, detail in zip(rows, details, strict=True) if detail["revision"] > since)


def lately(workflow: str, since: datetime) -> tuple[Change, ...]:
    """The same since a moment. Two queries at most."""
    acts = Act.objects.filter(subject=f"workflow:{workflow}", verb__in=WRITING).order_by("-number")
    rows = [row for row in acts.values("at", "by", "detail")[:MOST] if row["at"] >= since]
    return tuple(_change(row, detail) for row, detail in zip(rows, unpack_all([row["detail"] for row in rows]), strict=True))


def _change(row: dict[str, Any], detail: dict[str, Any]) -> Change:
    return Change(detail["revision"], row["at"], row["by"], detail.get("sentence") or "Changed the text")


def since_published(workflow: str) -> tuple[Change, ...]:
    """What was done to the draft since a version was published last, the newest first, `MOST` at most. Three queries at most."""
    acts = Act.objects.filter(subject=f"workflow:{workflow}").order_by("-number")
    published = acts.filter(verb="publish").values_list("number", flat=True).first()
    rows = list(acts.filter(verb__in=WRITING, number__gt=published or 0).values("at", "by", "detail")[:MOST])
    return tuple(_change(row, detail) for row, detail in zip(rows, unpack_all([row["detail"] for row in rows]), strict=True))


def _edits(rows: Sequence[dict[str, Any]]) -> list[Edit]:
    steps = unpack_all([row["steps"] for row in rows])
    return [Edit(**{**row, "steps": tuple(touched)}) for row, touched in zip(rows, steps, strict=True)]
