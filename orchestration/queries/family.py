"""What stands below a run: its child runs, theirs, and so on; and in which of them a person is asked, or something waited for."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import Case, Count, F, Q, Value, When
from django.db.models.expressions import RawSQL

from orchestration.models import Run


def waiting_below(wait: str) -> RawSQL:
    """The ids of all runs with a child run, or one of that, and so on, that waits for that."""
    return RawSQL(
        "WITH RECURSIVE above(id) AS (SELECT parent_id FROM orchestration_run "
        "WHERE status IN ('waiting', 'quarantined') AND wait = %s AND parent_id IS NOT NULL "
        "UNION SELECT run.parent_id FROM orchestration_run AS run JOIN above ON run.id = above.id "
        "WHERE run.parent_id IS NOT NULL) "
        "SELECT id FROM above",
        (wait,),
    )


ASKED_BELOW = waiting_below("person")
"""Those of all runs below which a person is asked."""


def whole(run: str) -> RawSQL:
    """The ids of a run and of all that stands below it."""
    return RawSQL(
        "WITH RECURSIVE family(id) AS (SELECT id FROM orchestration_run WHERE id = %s "
        "UNION ALL SELECT run.id FROM orchestration_run AS run JOIN family ON run.parent_id = family.id) SELECT id FROM family",
        (run,),
    )


def living_below(run: str) -> RawSQL:
    """The ids of the child runs of a run that have not ended, of theirs, and so on."""
    return RawSQL(
        "WITH RECURSIVE family(id) AS (SELECT id FROM orchestration_run WHERE parent_id = %s AND ended IS NULL "
        "UNION ALL SELECT run.id FROM orchestration_run AS run JOIN family ON run.parent_id = family.id WHERE run.ended IS NULL) "
        "SELECT id FROM family",
        (run,),
    )


def asking(parents: Iterable[str]) -> dict[str, int]:
    """In how many of the child runs of each of these a person is asked: there, or in a child run further down. One query, and one
    more for each level at which child runs wait for theirs."""
    ids, found = list(parents), Counter[str]()
    deep: dict[str, str] = {}
    for parent, child, number in _level(ids):
        if child:
            deep[child] = parent
        else:
            found[parent] += number
    found.update(deep[child] for child in asked_below(deep))
    return found


def asked_below(runs: Collection[str], waits: Sequence[str] = ("person",)) -> set[str]:
    """Those of these runs below which a person is asked, or whatever else is waited for. One query for each level at which child
    runs wait for theirs."""
    found: set[str] = set()
    top = {run: run for run in runs}
    while top:
        below: dict[str, str] = {}
        for parent, child, _ in _level(list(top), waits):
            if not child:
                found.add(top[parent])
            else:
                below[child] = top[parent]
        top = {child: run for child, run in below.items() if run not in found}
    return found


def _level(parents: Collection[str], waits: Sequence[str] = ("person",)) -> Iterable[tuple[str, str, int]]:
    """Of the child runs of these: (parent, "", how many wait for one of that); and (parent, id, 1) of each that waits for its
    own."""
    asks = Q(wait__in=waits, status__in=(Run.Status.WAITING, Run.Status.QUARANTINED))
    stands = asks | Q(wait="children", status=Run.Status.WAITING)
    children = Run.objects.filter(stands, parent__in=parents, ended=None).order_by()  # an index has those that live
    named = children.annotate(child=Case(When(wait="children", then=F("id")), default=Value("")))
    counted: Any = named.values_list("parent", "child").annotate(number=Count("id"))
    return counted  # type: ignore[no-any-return]
