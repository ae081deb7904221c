"""What a person should see who is asked: what was tried in order and how it failed, the last good value, and what the model
was last asked and said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.core import values
from orchestration.core.errors import Unreadable
from orchestration.models import StepRecord
from orchestration.queries.records import CallView, calls_at
from orchestration.record.pack import fetch, missing, unpack

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


def dossier(run: str, kind: str, path: str, visit: int, at: datetime) -> Dossier:
    """Of a pause that was opened at `at`, at this path and visit. Four queries at most, however long the run."""
    earlier = (
        StepRecord.objects.filter(run_id=run, finished__lte=at)
        .order_by("-seq").values("seq", "step", "path", "visit", "type", "result", "output")[:LOOKED_AT]
    )  # fmt: skip
    rows = list(earlier)
    calls = [call for call in calls_at(run, [path, *(row["path"] for row in rows)]) if call.intended <= at]
    tried = _tried(calls, path, visit, rows)
    asked = next((call for call in reversed(tried) if call.is_model), None)
    return Dossier(tried, _last_good(rows), messages_of(asked) if asked else None, _said(asked) if asked else None)


def root_of(path: str) -> str:
    """`answer/tool.2.0` → `answer`: the visit that a part belongs to."""
    return _PART.sub("", path)


def _tried(calls: Sequence[CallView], path: str, visit: int, rows: Sequence[dict[str, Any]]) -> tuple[CallView, ...]:
    called = {(call.path, call.visit) for call in calls}
    visits = [(path, visit), *((row["path"], row["visit"]) for row in rows)]
    last = next((found for found in visits if found in called), None)
    if last is None:
        return ()
    return tuple(call for call in calls if (root_of(call.path), call.visit) == (root_of(last[0]), last[1]))


def _last_good(rows: Sequence[dict[str, Any]]) -> Good | None:
    blobs = fetch(missing([row[name] for row in rows for name in ("result", "output")]))
    for row in rows:
        if row["type"] in _GIVING and row["output"] != "null" and unpack(row["result"], blobs)["kind"] == "done":
            return Good(row["step"], row["path"], row["seq"], unpack(row["output"], blobs))
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
