"""Schedules beside each other, and beside people: what is due is shared out, and nobody waits for long."""

from datetime import timedelta

import pytest

from orchestration.acts import firing
from orchestration.models import Schedule
from tests.engine.hall import NOON, Hall, fired, started, told
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
