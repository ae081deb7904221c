"""Schedules on servers: whichever worker sweeps starts what is due, and no two start the same."""

from datetime import timedelta

import pytest

from orchestration.acts import schedules
from orchestration.models import Schedule
from orchestration.record.clock import database_now
from tests.engine.hall import fired, started
from tests.server.conftest import House
from tests.server.fleet import until

pytestmark = pytest.mark.postgresql
MISSED = 60


def test_two_workers_make_up_together_for_an_hour_and_one_goes_on_when_the_other_is_killed(house: House) -> None:
    house.fleet.up(webs=0, workers=2)
    body = {"name": "Each minute", "cron": "* * * * *", "catchup": "all", "input": {"text": "x", "n": 1}}
    made = schedules.create(workflow="asks", body=body, by="dora")
    first = database_now().replace(second=0, microsecond=0) - timedelta(minutes=MISSED)
    Schedule.objects.filter(id=made).update(next=first)
    until(lambda: len(started(made)) > 0, "one has begun")
    doomed = house.fleet.workers[0]
    doomed.killed()
    until(lambda: len(started(made)) > MISSED, "all of them are started")
    schedules.pause(schedule=made, by="otto")
    occurrences = fired(made)
    assert len(set(occurrences)) == len(occurrences)
    assert sorted(occurrences) == [first + n * timedelta(minutes=1) for n in range(len(occurrences))]
    house.ended(*started(made))
