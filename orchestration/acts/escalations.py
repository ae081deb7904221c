"""Taking an escalation for oneself, giving it back, and keeping an answer that is not finished. Answering is `acts.resolve`.

A claim is a lease: it keeps others from answering for a while, and ends by itself. None is needed to answer. It does not
raise the run's revision, so it has a chain of acts of its own: the run's are numbered under its conditional write.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from orchestration import nudges
from orchestration.acts import audit
from orchestration.core import values as json_values
from orchestration.core.errors import Conflict, NotFound
from orchestration.models import Escalation
from orchestration.record.clock import database_now
from orchestration.record.pack import keep, pack

LEASE = timedelta(minutes=15)
MOST_DRAFT = 1_000_000
_OPEN, _CLAIMED = Escalation.Status.OPEN, Escalation.Status.CLAIMED


def claim(*, escalation: str, by: str, take_over: bool = False, note: str = "") -> datetime:
    """Reserves it to `by` for a quarter hour, anew if it was theirs; returns until when. `take_over` from whoever has it.
    Raises `Conflict` (who has it, or had answered it) and `NotFound`."""
    now = database_now()
    until = now + LEASE
    free = Q() if take_over else Q(status=_OPEN) | Q(claimed_by=by) | Q(claimed_until__lte=now)
    with transaction.atomic():
        found = _find(escalation)
        moved = Escalation.objects.filter(free, id=escalation, status__in=Escalation.PENDING).update(
            status=_CLAIMED, claimed_by=by, claimed_until=until
        )
        if not moved:
            raise _taken(_find(escalation))
        detail = {"run": found.run_id, "until": until.isoformat()}
        if found.claimed_by and found.claimed_by != by:
            detail |= {"from": found.claimed_by, "note": json_values.clean_text(note).value[:500]}
        audit.write(subject=f"escalation:{escalation}", verb="claim", by=by, detail=detail)
    nudges.announce([], people=True)
    return until


def release(*, escalation: str, by: str) -> None:
    """Gives it back. Nothing happens where nobody has it. Raises `Conflict` where somebody else does, and `NotFound`."""
    with transaction.atomic():
        found = _find(escalation)
        if found.status == _OPEN:
            return
        moved = Escalation.objects.filter(id=escalation, status=_CLAIMED, claimed_by=by).update(
            status=_OPEN, claimed_by="", claimed_until=None
        )
        if not moved:
            raise _taken(_find(escalation))
        audit.write(subject=f"escalation:{escalation}", verb="release", by=by, detail={"run": found.run_id})
    nudges.announce([], people=True)


def save_answer_draft(*, escalation: str, values: Any, by: str) -> None:
    """Keeps an answer that is not finished, right or wrong. It leaves no act: it is kept at every pause of the typing.
    Raises `Conflict` and `NotFound`."""
    now = database_now()
    blobs: dict[str, str] = {}
    cleaned = json_values.clean(values, max_bytes=MOST_DRAFT).value
    draft = pack({"values": cleaned, "by": by, "at": now.isoformat()}, blobs)
    theirs = Q(status=_OPEN) | Q(claimed_by=by) | Q(claimed_until__lte=now)
    with transaction.atomic():
        keep(blobs)
        if not Escalation.objects.filter(theirs, id=escalation, status__in=Escalation.PENDING).update(draft=draft):
            raise _taken(_find(escalation))


def _find(escalation: str) -> Escalation:
    found = Escalation.objects.filter(id=escalation).first()
    if found is None:
        raise NotFound(f"There is no escalation {escalation[:60]}.")
    return found


def _taken(found: Escalation) -> Conflict:
    if found.status in Escalation.PENDING:
        until = found.claimed_until.isoformat() if found.claimed_until else None
        message = f"{found.claimed_by} has claimed this escalation. Ask them, or wait until the claim ends."
        return Conflict(message, "claimed_by_another", status="claimed", by=found.claimed_by, at=until)
    who = f" by {found.resolved_by}" if found.resolved_by else ""
    when = found.resolved.isoformat() if found.resolved else None
    message = f"This escalation was {found.status}{who} already."
    return Conflict(message, "already_resolved", status=found.status, by=found.resolved_by, at=when)
