"""What a person should see who is asked: what was tried in order and how it failed, the last good value, and what the model
was last asked and said."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from orchestration.core import values
from orchestration.core.errors import Unreadable
from orchestration.core.frozen import dataclass
from orchestration.models import Call, StepRecord
from orchestration.queries.records import CallView, views_of
from orchestration.record.pack import fetch, missing, unpack, unpack_all

LOOKED_AT = 60
"""How many step records before the pause are looked at."""
_PART = re.compile(r"/(?:fallback\.[^/]+|round\.\d+|tool\.\d+\.\d+)\Z")
_GIVING = ("llm", "tool", "set", "human", "loop")


@dataclass(frozen=True, slots=True)
class Good:
    """The last value that met its contract, and who gave it."""

    step: str
    path: str
    seq: int
    value: Any


@dataclass(frozen=True, slots=True)
class Dossier:
    """`tried` are the calls of the last visit that made any, its repairs, retries and fallbacks included, in order. `messages`
    and `answer` are the last model call's, as sent and as it came; None where no model was asked."""

    tried: tuple[CallView, ...] = ()
    last_good: Good | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    answer: str | None = None


def dossier(run: str, path: str, visit: int, at: datetime) -> Dossier:
    """Of a pause that was opened at `at`, at this path and visit. Six queries at most, however long the run."""
    earlier = StepRecord.objects.filter(run_id=run, finished__lte=at).order_by("-seq")
    rows = list(earlier.values("seq", "step", "path", "visit", "type", "result", "scope")[:LOOKED_AT])
    tried = _tried(run, [(path, visit), *((row["path"], row["visit"]) for row in rows)], at)
    asked = next((call for call in reversed(tried) if call.is_model), None)
    return Dossier(tried, _last_good(run, rows), messages_of(asked) if asked else None, _said(asked) if asked else None)


def root_of(path: str) -> str:
    """`answer/tool.2.0` → `answer`: the visit that a part belongs to."""
    return _PART.sub("", path)


def _tried(run: str, visits: Sequence[tuple[str, int]], at: datetime) -> tuple[CallView, ...]:
    """The calls of the latest of `visits` that made any. Which that is, is found before any body is read."""
    called = set(
        Call.objects.filter(run_id=run, path__in={path for path, _ in visits}, intended__lte=at).values_list("path", "visit")
    )
    last = next((found for found in visits if found in called), None)
    if last is None:
        return ()
    root = root_of(last[0])
    whole = Q(path=root) | Q(path__startswith=f"{root}/")
    calls = views_of(Call.objects.filter(whole, run_id=run, visit=last[1], intended__lte=at))
    return tuple(call for call in calls if root_of(call.path) == root)


def _last_good(run: str, rows: Sequence[dict[str, Any]]) -> Good | None:
    blobs = fetch(missing(row["result"] for row in rows))
    for row in rows:
        if row["type"] in _GIVING and row["scope"] is not None and unpack(row["result"], blobs)["kind"] == "done":
            packed = StepRecord.objects.filter(run_id=run, seq=row["seq"]).values_list("output", flat=True)
            return Good(row["step"], row["path"], row["seq"], unpack_all(packed)[0])
    return None


def messages_of(call: CallView) -> tuple[dict[str, Any], ...] | None:
    """The messages of a model call as they were sent, None where its body holds none."""
    try:
        body = values.parse_json(call.request.get("body") or "").value
    except Unreadable:
        return None
    found = body.get("messages") if isinstance(body, dict) else None
    return tuple(found) if isinstance(found, list) else None


def _said(call: CallView) -> str | None:
    response = call.response or {}
    text = response.get("text")
    return text if text is not None else response.get("raw")
