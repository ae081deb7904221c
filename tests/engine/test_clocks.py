"""Clocks that are wrong: a worker's ten minutes off, the database's stepping back an hour. Timers come late; nothing is lost,
nothing is done twice, and nobody writes over another."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from orchestration.models import Call, Escalation, Run, StepRecord, Worker
from orchestration.record.clock import SetClock
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.crew import Crew
from tests.engine.publishing import end, workflow
from tests.engine.sample import EFFECTS, PERSON
from tests.engine.stepped import SteppedEngine
from tests.engine.test_runs import ask, tool
from tests.engine.test_time import human
from tests.servers import behaviours as b

TEN_MINUTES, HOUR, DAY = 600.0, 3600.0, 86_400.0


@dataclass
class Wrong:
    """A clock that is off by so many seconds."""

    clock: SetClock
    seconds: float

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.seconds)

    sync = now


@pytest.fixture
def crew(crew: Crew) -> Iterator[Crew]:
    """The same, and an irreversible call was sent once at most."""
    yield crew
    crew.judge()
    crew.heal()
    sent = {sent.effect: len(sent.bodies) for sent in crew.witness.sent.values()}
    assert sent.get("irreversible", 0) <= 1


def wrong(crew: Crew, place: int, seconds: float) -> SteppedEngine:
    """The worker of that place, whose clock is off from now on."""
    engine = crew.engine(place)
    engine.clock = engine.pulse.clock = Wrong(crew.clock, seconds)
    return engine


def under_way(crew: Crew, engine: SteppedEngine) -> None:
    """Returns once its call has reached the other side, and is not answered yet."""
    while (gate := crew.gate(of=engine)).kind != "call":
        crew.pass_gate(gate)
    crew.reach(gate)


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_worker_that_is_ahead_takes_runs_from_the_living_and_doubles_nothing(crew: Crew, effect: str) -> None:
    """To it, everybody else has not beaten for ten minutes."""
    run = crew.start(EFFECTS.index(effect))
    right, ahead = crew.engine(0), wrong(crew, 1, TEN_MINUTES)
    right.claim()
    under_way(crew, right)
    crew.sweep(ahead)
    assert crew.witness.seen["taken back from the dead"] == 1, "the fault did not bite"
    crew.reply(crew.gate(0, "call", of=right), "good")
    crew.pass_gate(crew.gate(0, "commit", of=right))
    assert (right.refused, Run.objects.get(id=run).seq) == (1, 1), "it knew of its run all that is written: where it began"


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_worker_that_is_behind_claims_late_is_taken_for_dead_and_doubles_nothing(crew: Crew, effect: str) -> None:
    run = crew.start(EFFECTS.index(effect))
    behind, right = wrong(crew, 0, -TEN_MINUTES), crew.engine(1)
    behind.claim()
    assert behind.held == {}, "to it nothing is due yet"
    crew.tick(TEN_MINUTES)
    behind.claim()
    assert list(behind.held) == [run]
    under_way(crew, behind)
    behind.pulse.beat()
    crew.sweep(right)
    assert crew.witness.seen["taken back from the dead"] == 1, "the fault did not bite"
    crew.reply(crew.gate(0, "call", of=behind), "good")
    crew.pass_gate(crew.gate(0, "commit", of=behind))
    assert behind.refused == 1


@pytest.mark.parametrize("size", range(PERSON + 1))
def test_when_the_databases_clock_steps_back_an_hour_nobody_is_taken_for_dead_and_timers_are_late(crew: Crew, size: int) -> None:
    run = crew.start(size)
    first, second = crew.engine(0), crew.engine(1)
    first.claim()
    if size < PERSON:
        under_way(crew, first)
    crew.tick(-HOUR)
    for engine in (first, second):
        crew.sweep(engine)
    assert crew.witness.seen["taken back from the dead"] == crew.witness.seen["taken back from a hung step"] == 0
    while gate := crew.gate():
        crew.pass_gate(gate)
    assert Escalation.objects.get(run=run).status == "open"
    records = list(StepRecord.objects.filter(run=run).order_by("seq"))
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    spent = unpack_all(Run.objects.filter(id=run).values_list("spent", flat=True))[0]
    assert spent.get("seconds", 0) >= 0, "no time was given back"
    crew.tick(HOUR + DAY)
    crew.sweep(second)
    second.claim()
    assert Escalation.objects.get(run=run).status == "open", "its deadline is two days after it was asked, by the clock of then"


class TestWithARealEngine:
    def test_a_backoff_is_late_by_what_the_clock_stepped_back_and_the_call_is_made_once_more(self, timed: Floor) -> None:
        timed.server.script(b.error(503), b.chat({"label": "a"}))
        run = timed.start(workflow(ask(retry={"attempts": 2, "backoff": "1h"}), end()))
        waiting = timed.given_back(run)
        timed.advance(-HOUR)
        timed.advance(HOUR)
        assert Run.objects.get(id=run).due == waiting.due
        assert len(timed.server.seen_at()) == 1
        timed.advance(HOUR + 1)
        ended = timed.ended(run)
        assert (ended.outcome, len(timed.server.seen_at())) == ("good", 2)

    def test_a_deadline_is_late_and_fires_once(self, timed: Floor) -> None:
        run = timed.run(workflow(human(), end(), end({"why": "late"}, id="late", outcome="bad")))
        timed.advance(2 * DAY - 1)
        timed.advance(-HOUR)
        timed.advance(HOUR)
        assert timed.escalation(run).status == "open"
        timed.advance(HOUR)
        assert timed.output(timed.ended(run.id)) == {"why": "late"}
        assert Escalation.objects.filter(run=run, status="expired").count() == 1

    def test_a_call_that_is_under_way_takes_no_more_than_it_was_allowed(
        self, timed: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The clock is set forward and back in the midst of one: a limit of time is not met by that, nor lifted."""
        step, tools = tool(timed, timeout="5s")
        for seconds in (2 * HOUR, -HOUR):

            async def answer(request: object, seconds: float = seconds) -> object:
                assert timed.clock is not None
                timed.clock.advance(seconds)
                return await b.as_json({"message_id": "m1"})(request)  # type: ignore[arg-type]

            timed.server.script(answer, path="/tools/send")  # type: ignore[arg-type]
            definition = workflow(step, end(), tools=tools, limits={"machine_time": "30m", "on_breach": "done"})
            run = timed.run({**definition, "id": f"at_{seconds:.0f}".replace("-", "m")})
            assert run.outcome == "good"
            seconds_spent = unpack_all([run.spent])[0].get("seconds", 0)
            assert 0 <= seconds_spent <= 5
            assert len(timed.records(run)) == 2
            call = Call.objects.get(run=run)
            assert call.finished is not None
        assert Worker.objects.filter(refused__gt=0).count() == 0
