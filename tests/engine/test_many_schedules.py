"""Schedules beside each other, and beside people: what is due is shared out, and nobody waits for long."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from orchestration.acts import audit, firing, schedules
from orchestration.models import Schedule
from tests.engine.conftest import PATIENCE
from tests.engine.hall import NOON, Hall, fired, narrower, of, sound, started, told, trail
from tests.engine.outages import until
from tests.engine.test_races import at_once
from tests.engine.test_schedules import MINUTE, every


def test_what_is_made_up_for_is_made_up_for_in_order_and_some_at_each_sweep(hall: Hall) -> None:
    slow, other = hall.make(catchup="all", most=1000), hall.make(name="Other")
    hall.tick(minutes=400)
    first = hall.look()
    assert len(first) <= firing.MOST
    for start in first:
        start()
    assert len(started(slow)) == firing.MOST - 1, "one that has much to make up for takes what the others leave"
    assert len(started(other)) == 1
    hall.sweep()
    assert fired(slow) == every(400)


def test_however_many_have_much_to_make_up_for_what_is_on_time_is_started_on_time(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "MOST", 5)
    heavy = [hall.make(name=f"Heavy {n}", catchup="all", most=1000) for n in range(firing.MOST)]
    hall.tick(minutes=45)
    late = [hall.make(name=f"Late, {catchup}", catchup=catchup) for catchup in ("skip", "last")]
    hall.tick(minutes=5, seconds=30)
    timely = [*late, *(hall.make(name=f"Timely, {catchup}", catchup=catchup) for catchup in ("skip", "all"))]
    sweeps = 0
    while found := hall.look():
        assert len(found) <= firing.MOST
        for start in found:
            start()
        assert not Schedule.objects.filter(id__in=timely, next__lt=hall.clock.now() - timedelta(seconds=10)).exists()
        hall.tick(seconds=2)
        sweeps += 1
    assert sweeps >= 50, "they took a while"
    now = int((hall.clock.now() - NOON) / MINUTE)
    assert all(fired(each) == every(now) for each in heavy)
    assert [fired(each) for each in timely] == [every(now)[49:]] * 2 + [every(now)[50:]] * 2
    assert [told(each, "passed") and told(each, "passed")["count"] for each in timely] == [4, 4, None, None]


def unreadable(made: str) -> None:
    Schedule.objects.filter(id=made).update(zone="Mars/Olympus_Mons")


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("told_of", "wanted"),
    [
        ("missed", ["pass_over", "pause_schedule"]),
        ("refused", ["refuse", "pause_schedule"]),
        ("unreadable", ["refuse"]),
    ],
)
def test_a_person_who_acts_while_a_worker_writes_into_the_trail_comes_behind_it(
    told_of: str, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither waits for the other in a circle: what the worker has begun to write, it writes to its end."""
    with Hall().watching() as hall:
        made = hall.make(catchup="skip" if told_of == "missed" else "last")
        {"missed": lambda: None, "refused": narrower, "unreadable": lambda: unreadable(made)}[told_of]()
        hall.tick(minutes=10 if told_of == "missed" else 1)
        [start] = hall.look()[:1]
        writes, written = audit.write, threading.Event()

        def waited_for() -> bool:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
                return cursor.fetchone() is not None

        def write(**parts: Any) -> Any:
            if parts["by"] == f"schedule:{made}" and not written.is_set():
                written.set()
                until(waited_for, "the person waits for it")
            return writes(**parts)

        def pause() -> None:
            assert written.wait(PATIENCE)
            schedules.pause(schedule=made, by="otto")

        monkeypatch.setattr(audit, "write", write)
        assert at_once(start, pause) == [True, None]
        assert of(made).paused
        assert [verb for verb, _ in trail(made)] == ["create_schedule", *wanted]
        Schedule.objects.filter(id=made).update(zone="UTC")
        sound()
