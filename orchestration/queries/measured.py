"""What the latest runs of a workflow came to, to be shown beside what none can exceed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from orchestration.core.frozen import dataclass
from orchestration.models import Escalation, Run
from orchestration.record.pack import unpack_all

SAMPLE = 500
"""Runs that are looked at."""
FEWEST = 5
"""Of fewer nothing is said."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of `number` runs that succeeded or failed, child runs counted into theirs: the middle one and the one that 95 of a hundred
    don't exceed, by the names of `proof.bound.QUANTITIES`. Money in nano-dollars, times in seconds. `human` is the time that
    questions of the run itself were open."""

    number: int
    middle: Mapping[str, float]
    most: Mapping[str, float]


def measured(workflow: str, version: int | None = None) -> Measured | None:
    """Of one version, or of all. Three queries at most; None where there are too few runs to say anything."""
    found = Run.objects.filter(workflow_id=workflow, parent=None, status__in=(Run.Status.SUCCEEDED, Run.Status.FAILED))
    if version is not None:
        found = found.filter(version__number=version)
    rows = list(found.order_by("-created").values_list("id", "spent")[:SAMPLE])
    if len(rows) < FEWEST:
        return None
    spent = unpack_all(packed for _, packed in rows)
    waited = _waited([name for name, _ in rows])
    runs = [_quantities(amounts, waited.get(name, 0.0)) for (name, _), amounts in zip(rows, spent, strict=True)]
    columns = {name: sorted(run[name] for run in runs) for name in runs[0]}
    return Measured(
        len(rows),
        {name: rank(column, 0.5) for name, column in columns.items()},
        {name: rank(column, 0.95) for name, column in columns.items()},
    )


def rank(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values that at least `share` of them don't exceed (nearest rank)."""
    return ordered[math.ceil(share * len(ordered)) - 1]


def _quantities(spent: Mapping[str, Any], human: float) -> dict[str, float]:
    return {
        "executions": spent.get("steps", 0),
        "calls": spent.get("calls", 0),
        "tokens": spent.get("tokens_in", 0) + spent.get("tokens_out", 0),
        "cost": spent.get("cost", 0),
        "seconds": spent.get("seconds", 0.0),
        "human": human,
    }


def _waited(runs: Sequence[str]) -> dict[str, float]:
    """Seconds that questions of each run were open."""
    found: dict[str, float] = {}
    rows = Escalation.objects.filter(run_id__in=runs, resolved__isnull=False).order_by()
    for run, asked, answered in rows.values_list("run_id", "created", "resolved"):
        found[run] = found.get(run, 0.0) + (answered - asked).total_seconds()
    return found
