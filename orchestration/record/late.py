"""Answers that came when their run had passed to somebody else: kept with their calls as evidence, once, and never folded."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from orchestration.models import Call
from orchestration.record.pack import keep, pack, unpack
from orchestration.record.rows import AnswerRow

_NOTHING = "null"


def keep_late(answers: Sequence[AnswerRow], blobs: Mapping[str, str]) -> int:
    """Keeps `{came, response, output, error}` of each, unless its call has one already; how many were kept. `blobs` are those
    that the rows stand on. The run's row is not touched."""
    with transaction.atomic():
        return sum(_keep_one(answer, blobs) for answer in answers)


def _keep_one(answer: AnswerRow, blobs: Mapping[str, str]) -> int:
    new: dict[str, str] = {}
    said: dict[str, Any] = {name: unpack(getattr(answer, name), blobs) for name in ("response", "output", "error")}
    packed = pack({"came": answer.finished.isoformat(), **said}, new)
    keep(new)
    calls = Call.objects.filter(run_id=answer.run_id, path=answer.path, visit=answer.visit, n=answer.n, late=_NOTHING)
    return calls.update(late=packed)
