"""How the house stands, in as few queries as every page can afford: what the bar shows."""

from typing import Any

from django.db.models import CharField, Count, QuerySet, Value
from django.db.models.functions import Now

from orchestration.core.frozen import dataclass
from orchestration.models import Escalation, Provider, Worker


@dataclass(frozen=True, slots=True)
class Standing:
    """`inbox` counts pending escalations; `rehearsal` says that some answers come from a script; `sweeping` False: nobody moves
    runs."""

    inbox: int
    rehearsal: bool
    sweeping: bool


def standing() -> Standing:
    """One query, by the database's clock."""
    alive = Worker.objects.filter(stopped=None, group=0, beat__gte=Now() - Worker.LAPSE)
    found = dict(
        _counted("inbox", Escalation.objects.filter(status__in=Escalation.PENDING))
        .union(
            _counted("rehearsal", Provider.objects.filter(protocol="rehearsal")),
            _counted("workers", alive),
            all=True,
        )
        .values_list("what", "number")
    )
    return Standing(found.get("inbox", 0), bool(found.get("rehearsal")), bool(found.get("workers")))


def _counted(what: str, rows: "QuerySet[Any]") -> "QuerySet[Any, Any]":
    """One row of its name and number, none where nothing counts."""
    named = rows.order_by().annotate(what=Value(what, output_field=CharField()))
    return named.values("what").annotate(number=Count("pk"))
