"""What the database says of runs and workers, asked past the cable, again and again where it is down."""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

PATIENCE = 60.0
T = TypeVar("T")


class Standing(NamedTuple):
    run: str
    status: str
    holder: str | None
    seq: int
    fence: int
    parent: str | None


def patiently(ask: Callable[[], T]) -> T:
    from django.db import InterfaceError, OperationalError, connection

    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def asked(runs: Iterable[str]) -> list[Standing]:
    from orchestration.models import Run

    wanted = list(runs)
    return patiently(lambda: [Standing(*row) for row in Run.objects.filter(id__in=wanted).values_list(*_FIELDS)])


def latest(most: int) -> list[str]:
    """The runs that were started last."""
    from orchestration.models import Run

    return patiently(lambda: list(Run.objects.order_by("-id").values_list("id", flat=True)[:most]))


class Numbers(NamedTuple):
    """Runs that were started, runs that a worker holds, and step records."""

    runs: int
    held: int
    written: int


def numbers() -> Numbers:
    from django.db.models import Count, Q, Sum

    from orchestration.models import Run

    wanted = {
        "runs": Count("id", filter=Q(parent=None)),
        "held": Count("id", filter=Q(status="held")),
        "written": Sum("seq", default=0),
    }
    return patiently(lambda: Numbers(**Run.objects.aggregate(**wanted)))


def children() -> tuple[int, int]:
    """How many child runs there are, and how many of them were stopped."""
    from orchestration.models import Run

    found = Run.objects.exclude(parent=None)
    return patiently(lambda: (found.count(), found.filter(status="cancelled").count()))


def called() -> int:
    """How many runs of workflows there are that others have called."""
    from orchestration.models import Run

    return patiently(lambda: Run.objects.exclude(parent=None).filter(workflow__id__startswith="part_").count())


def held_by(worker: str) -> list[str]:
    from orchestration.models import Run

    return patiently(lambda: list(Run.objects.filter(holder=worker).values_list("id", flat=True)))


def worker_of(pid: int) -> str:
    """The latest worker of this process; "" where it has not begun."""
    from orchestration.models import Worker

    return patiently(
        lambda: Worker.objects.filter(pid=pid, group=0).order_by("-started").values_list("id", flat=True).first() or ""
    )


def refusals(worker: str = "") -> int:
    """Writes that were refused to this worker, or to all, because somebody else had moved the run."""
    from orchestration.models import Worker

    rows: Any = Worker.objects.filter(id=worker) if worker else Worker.objects.all()
    return patiently(lambda: sum(rows.values_list("refused", flat=True)))


_FIELDS = ("id", "status", "holder", "seq", "fence", "parent")
