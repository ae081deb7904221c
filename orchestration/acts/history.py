"""The one way in which a draft is written, whoever writes it: over the revision that was seen and no other, with an entry in the
history that undo and redo go along, an act, and word to the pages on which it is open.

Undo and redo write the draft too, at a new revision, so that a page that did not see them is stale like any other.
"""

from collections.abc import Sequence
from typing import Any, Literal

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from orchestration import nudges
from orchestration.acts import audit
from orchestration.core import values
from orchestration.core.errors import Conflict, NotFound, Problem, Refused
from orchestration.models import Act, DraftEdit, Workflow
from orchestration.queries import drafts
from orchestration.record.pack import keep, pack, unpack_all

KEPT = 200
"""Entries of a workflow; the oldest goes where there is one more. Its texts are blobs that `prune` takes away."""

Turn = Literal["undo", "redo"]


def locked(workflow: str) -> Workflow | None:
    """Its row, in a transaction in which nobody else writes it. Everybody takes the two locks in this order."""
    audit.lock(f"workflow:{workflow}")
    return Workflow.objects.select_for_update().filter(id=workflow).first()


def begin(found: Workflow, by: str) -> None:
    """The act of a draft that was just made. There is nothing to undo."""
    _tell(found, "create", by, "Made the workflow")


def change(
    found: Workflow,
    *,
    draft: str,
    title: str,
    by: str,
    revision: int,
    sentence: str,
    verb: str = "draft",
    steps: Sequence[str] = (),
    request: str = "",
) -> None:
    """Writes `draft` over `revision`, in the caller's transaction. What was undone before can't be done again after it. `request`
    is the digest by which the same request is known again. Raises `Conflict`."""
    before = found.draft
    _move(found, draft, title, by, revision)
    blobs: dict[str, str] = {}
    entry = DraftEdit(
        workflow=found,
        number=_next(found, pack(before, blobs)),
        revision=found.revision,
        at=timezone.now(),
        by=by,
        sentence=sentence,
        steps=pack(list(steps), blobs),
        before=pack(before, blobs),
        after=pack(draft, blobs),
    )
    keep(blobs)
    entry.save(force_insert=True)
    DraftEdit.objects.filter(workflow=found, number__lte=entry.number - KEPT).delete()
    _tell(found, verb, by, sentence, steps, request)


def _next(found: Workflow, before: str) -> int:
    """The number of the next entry, once what was undone is forgotten; and all, where it does not lead to `before`: a release
    that kept no history has written there."""
    entries = DraftEdit.objects.filter(workflow=found)
    last = entries.filter(undone=False).order_by("-number").values_list("number", "after").first()
    if last is None or last[1] != before:
        number = entries.aggregate(most=Max("number"))["most"] or 0
        entries.delete()
        return number + 1
    entries.filter(undone=True).delete()
    return last[0] + 1


def to_turn(found: Workflow, turn: Turn) -> tuple[DraftEdit, str]:
    """The entry that would be undone or done again, and the text that the draft would have. Raises `Refused` without one."""
    entries = DraftEdit.objects.filter(workflow=found, undone=turn == "redo")
    entry = entries.order_by("number" if turn == "redo" else "-number").first()
    if entry is None:
        raise _nothing(turn, f"There is nothing that could be {_DONE[turn]}.")
    before, after = unpack_all([entry.before, entry.after])
    if found.draft != (after if turn == "undo" else before):
        raise _nothing(turn, f"The draft was changed past its history since, so nothing can be {_DONE[turn]}. Change it by hand.")
    return entry, before if turn == "undo" else after


_DONE: dict[Turn, str] = {"undo": "undone", "redo": "done again"}


def _nothing(turn: Turn, message: str) -> Refused:
    return Refused(Problem(f"nothing_to_{turn}", message))


def turn(found: Workflow, entry: DraftEdit, to: Turn, *, draft: str, title: str, by: str, revision: int) -> str:
    """Goes one back or forth in the history, in the caller's transaction; returns the sentence. Raises `Conflict`."""
    _move(found, draft, title, by, revision)
    DraftEdit.objects.filter(id=entry.id).update(undone=to == "undo")
    sentence = turned(entry, to)
    _tell(found, to, by, sentence, unpack_all([entry.steps])[0])
    return sentence


def turned(entry: DraftEdit, to: Turn) -> str:
    """Going there, in words."""
    return f"{'Undid' if to == 'undo' else 'Did again'}: {entry.sentence}"


def repeated(found: Workflow, verb: str, by: str, revision: int, request: str = "") -> bool:
    """Whether this very request was here before, over `revision`, and nothing came after it: it was sent twice, or its answer
    was lost."""
    if (found.updated_by, found.revision) != (by, revision + 1):
        return False
    last = Act.objects.filter(subject=f"workflow:{found.id}", verb__in=drafts.WRITING).order_by("-number")
    return last.values_list("verb", "body_hash").first() == (verb, request)


def moved(found: Workflow, seen: int) -> Conflict:
    """Somebody was first: who, and what everybody did since."""
    changes = drafts.changes(found.id, seen)
    who = found.updated_by or "Somebody"
    message = f"{who} changed the draft since you looked: you saw revision {seen}, it is at {found.revision}. Nothing was stored."
    told = [{"by": c.by, "at": c.at.isoformat(), "sentence": c.sentence, "revision": c.revision} for c in changes]
    details: dict[str, Any] = {"by": found.updated_by, "at": found.updated.isoformat(), "changes": told}
    return Conflict(message, "stale_revision", seen=seen, revision=found.revision, **details)


def missing(workflow: str) -> NotFound:
    return NotFound(f"There is no workflow {workflow[:60]}.")


def _move(found: Workflow, draft: str, title: str, by: str, revision: int) -> None:
    """The draft, over `revision` and no other. Its title is the workflow's until one is published. Raises `Conflict`."""
    changes: dict[str, Any] = {"draft": draft, "updated_by": by, "updated": timezone.now()}
    if not found.versions.exists():
        changes["title"] = title
    if not Workflow.objects.filter(id=found.id, revision=revision).update(revision=F("revision") + 1, **changes):
        raise moved(found, revision)
    found.refresh_from_db()


def _tell(found: Workflow, verb: str, by: str, sentence: str, steps: Sequence[str] = (), request: str = "") -> None:
    detail = {"revision": found.revision, "text": values.digest_text(found.draft), "sentence": sentence, "steps": list(steps)}
    audit.write(subject=f"workflow:{found.id}", verb=verb, by=by, detail=detail, body=request)
    at = [(found.id, found.revision)]
    transaction.on_commit(lambda: nudges.announce([], drafts=at))
