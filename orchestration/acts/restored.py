"""After the database was restored from a backup: nobody of the time that is lost writes to it any more, and what may have been
done in that time is asked about.

A worker of then may hold a fence and a revision that the restored rows will come to again. Both are raised by more than any run
can have come through in that time, so that its writes, and what people saw on pages of then, are refused. What was held is given
back. Which calls the runs made in the time that is lost nobody can know from here: `executor/doubt` is what follows from that.
Which runs schedules started in it nobody can know either: what is due by now is passed over, and they go on with what is to come.
"""

from dataclasses import asdict

from django.db import transaction
from django.db.models import F

from orchestration.acts import audit, firing
from orchestration.core.frozen import dataclass
from orchestration.models import Run, Slot, Worker
from orchestration.record.clock import database_now

LIFT = 1_000_000
SUBJECT = "database"


@dataclass(frozen=True, slots=True)
class Lifted:
    """`runs` that were not over, `held` of them; `alive`: workers that have beaten just now, and should not have run."""

    runs: int
    held: int
    alive: int


def lift(*, by: str) -> Lifted:
    """To be done once after a restore, before any worker is started; twice does no harm. Runs that are over stay as they are."""
    now = database_now()
    with transaction.atomic():
        alive = Worker.objects.filter(stopped=None, beat__gte=now - Worker.LAPSE).count()
        Worker.objects.filter(stopped=None).update(stopped=now)
        Slot.objects.update(holder=None)
        held = Run.objects.filter(status=Run.Status.HELD).update(
            status=Run.Status.READY, holder=None, step_deadline=None, due=now
        )
        runs = Run.objects.filter(status__in=Run.LIVE).update(
            fence=F("fence") + LIFT, revision=F("revision") + LIFT, restored=F("seq") + 1
        )
        for start in firing.pass_over(now):
            start()
        lifted = Lifted(runs, held, alive)
        audit.write(subject=SUBJECT, verb="restored", by=by, detail=asdict(lifted))
    return lifted
