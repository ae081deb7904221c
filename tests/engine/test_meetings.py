"""Two who meet on one run, at moments that are too short for threads to find: each once, step by step."""

import pytest
from django.db import IntegrityError

from orchestration.acts import runs
from orchestration.core.errors import Conflict
from orchestration.executor import claims, sweep, visit
from orchestration.models import Escalation, Run
from tests.engine.crew import Crew
from tests.engine.sample import EFFECTS, FAN, PERSON
from tests.engine.stepped import SteppedEngine
from tests.engine.witness import stopping

claim = claims.Claims._claim
IRREVERSIBLE = EFFECTS.index("irreversible")


def test_what_is_held_is_claimed_by_nobody(crew: Crew) -> None:
    crew.start()
    crew.engine(0).claim()
    crew.engine(1).claim()
    assert (len(crew.engine(0).held), crew.engine(1).held) == (1, {})


@pytest.mark.parametrize(("room", "held"), [(1, 1), (4, 4), (5, 5), (10, 6)])
def test_what_is_due_is_claimed_a_few_at_a_time_until_there_is_no_more_or_no_room(
    crew: Crew, room: int, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(claims, "TOGETHER", 2)
    monkeypatch.setattr(claims.Claims, "_claim", lambda self, most, only: sizes.append(most) or claim(self, most, only))
    for number in range(6):
        crew.start(key=f"k{number}")
    engine = SteppedEngine(crew.stage, 0, room)
    engine.claim()
    assert (len(engine.held), engine.claims.more) == (held, held == room)
    assert max(sizes) <= 2
    assert Run.objects.filter(holder=engine.id).count() == held


def test_what_is_taken_from_a_worker_between_its_claim_and_its_look_is_anothers(crew: Crew) -> None:
    """What it reads then is the row of another worker, with that one's fence: it must not go on from there."""
    crew.read_all()
    crew.start()
    first = crew.engine(0)
    first.claim(slow="claims")
    crew.take_over(crew.engine(1))
    second = next(gate.engine for gate in crew.stage.gates if gate.kind == "commit")
    crew.pass_gate(crew.gate(of=first))
    assert crew.gate(of=first) is None
    assert (first.held, first.refused, len(second.held)) == ({}, 1, 1)


def test_a_worker_of_before_a_restore_is_told_by_its_fence_alone(crew: Crew) -> None:
    run = crew.start()
    crew.back_up()
    first = crew.engine(0)
    first.claim()
    crew.restore()
    crew.engine(0).claim()
    assert Run.objects.get(id=run).revision == crew.gate(of=first).subject.revision
    crew.pass_gate(crew.gate(of=first))
    assert crew.witness.seen["stale, told by the fence alone"] == 1
    crew.judge()


def test_what_a_person_asks_between_two_commits_is_not_written_over(crew: Crew) -> None:
    run = crew.start()
    crew.engine(0).claim()
    crew.cancel(run)
    crew.pass_gate(crew.gate())
    assert crew.witness.seen["asked before the commit"] == 1
    while gate := crew.gate():
        crew.pass_gate(gate)
    assert crew.witness.runs[run].row.status == "cancelled"


@pytest.mark.parametrize("meanwhile", ["nothing", "asked", "taken over", "taken over and moved"])
@pytest.mark.parametrize("written", [True, False])
def test_a_commit_whose_reply_was_lost_counts_once_whatever_comes_in_between(crew: Crew, written: bool, meanwhile: str) -> None:
    run = crew.start()
    first = crew.engine(0)
    first.claim()
    gate = crew.gate(of=first)
    crew.lose_the_reply(gate, written)
    if meanwhile == "asked":
        crew.cancel(run)
    elif meanwhile != "nothing":
        crew.take_over(crew.engine(1))
        while "moved" in meanwhile and crew.witness.runs[run].commit in ("", gate.subject.id):
            crew.pass_gate(next(gate for gate in crew.stage.gates if gate.engine is not first))
    crew.pass_gate(gate)
    assert crew.witness.seen["recognised"] == (written and "moved" not in meanwhile)
    crew.judge()


def test_a_run_that_was_cancelled_and_fails_its_worker_is_ended_and_nobody_is_asked(crew: Crew) -> None:
    """Nor is anybody about a child run that was stopped: its parent would wait for the answer."""
    run = crew.start()
    crew.engine(0).claim()
    crew.cancel(run)
    for _ in range(sweep.DEATHS):
        crew.fail(crew.gate())
        crew.tick(60)
        crew.engine(0).claim()
    crew.pass_gate(crew.gate())
    assert crew.witness.runs[run].row.status == "cancelled"


def test_a_run_that_is_cancelled_again_while_it_stops_its_child_runs_waits_for_them_all_the_same(crew: Crew) -> None:
    run = crew.start(FAN)
    crew.engine(0).claim()
    while crew.witness.runs[run].row.status != "waiting":
        crew.pass_gate(crew.gate())
    crew.cancel(next(child for child, told in crew.witness.runs.items() if told.part_of))
    crew.engine(0).claim({run})
    for by in ("otto", "vera"):
        crew.cancel(run, by)
        while not stopping(crew.gate().subject.row):
            crew.pass_gate(crew.gate())
    while crew.witness.runs[run].row.status == "held":
        crew.pass_gate(crew.gate())
    assert crew.witness.runs[run].row.status == "ready"
    assert '"by":"vera"' in crew.witness.runs[run].row.position


def test_a_run_that_waits_for_its_child_runs_is_no_suspect(crew: Crew) -> None:
    """Suspects are looked for among what is due. It is not: of those who count its child runs, nobody would take it up."""
    run = crew.start(FAN)
    crew.engine(0).claim()
    while crew.witness.runs[run].row.status != "waiting":
        crew.pass_gate(crew.gate())
    crew.cancel(run)
    crew.engine(0).claim({run})
    crew.gone(crew.engine(0))
    crew.take_over(crew.engine(1))
    assert crew.witness.runs[run].row.suspicion
    while crew.witness.runs[run].row.status != "waiting":
        crew.pass_gate(next(gate for gate in crew.stage.gates if run in gate.engine.held))
    assert crew.witness.runs[run].row.suspicion == 0


def test_a_worker_that_lost_its_run_gives_nothing_back_when_it_ends(crew: Crew) -> None:
    crew.start()
    first = crew.engine(0)
    first.claim()
    crew.take_over(crew.engine(1))
    first.end()
    assert crew.witness.seen["given back by a stale holder"] == 1


@pytest.mark.parametrize("who", [0, 1, 2])
def test_who_is_overtaken_between_look_and_write_is_told_and_writes_nothing(crew: Crew, who: int) -> None:
    crew.start(PERSON)
    crew.engine(0).claim()
    crew.pass_gate(crew.gate())
    [pause] = crew.witness.pauses
    if who == 0:
        crew.tick(3 * 86_400)
    crew.answer(pause, interrupted=who)
    assert crew.witness.seen["an act was overtaken"] == 1
    assert not crew.answered
    crew.judge()


def test_a_pause_is_answered_once(crew: Crew) -> None:
    run = crew.start(PERSON)
    crew.engine(0).claim()
    crew.pass_gate(crew.gate())
    [pause] = crew.witness.pauses
    crew.answer(pause)
    before = Run.objects.values().get(id=run)
    crew.answer(pause, action=1, by="vera")
    assert Run.objects.values().get(id=run) == before
    crew.judge()


def test_a_person_who_answers_while_a_worker_is_at_the_deadline_is_first(crew: Crew) -> None:
    crew.start(PERSON)
    engine = crew.engine(0)
    engine.claim()
    crew.pass_gate(crew.gate())
    [pause] = crew.witness.pauses
    crew.tick(3 * 86_400)
    engine.pulse.beat()
    engine.claim()
    crew.answer(pause)
    crew.pass_gate(crew.gate())
    assert engine.refused == 1
    assert crew.witness.pauses[pause] == ("resolved", "otto")


def test_a_run_that_is_over_is_not_cancelled(crew: Crew) -> None:
    run = crew.start(PERSON)
    crew.engine(0).claim()
    crew.pass_gate(crew.gate())
    crew.cancel(run)
    before = Run.objects.values().get(id=run)
    with pytest.raises(Conflict, match="ended already"):
        runs.cancel(run=run, by="vera")
    assert Run.objects.values().get(id=run) == before


def test_what_may_have_happened_is_asked_about_and_not_sent_again(crew: Crew) -> None:
    """The worker dies with the effect done and not recorded."""
    run = crew.start(IRREVERSIBLE)
    first = crew.engine(0)
    first.claim()
    while crew.gate().kind != "call":
        crew.pass_gate(crew.gate())
    crew.reach(crew.gate())
    crew.gone(first)
    crew.tick(visit.UNKNOWN_MARGIN.total_seconds() + 60)
    crew.take_over(crew.engine(1))
    while gate := crew.gate():
        crew.pass_gate(gate)
    assert Escalation.objects.get(run=run).kind == "unknown"
    assert [len(sent.bodies) for sent in crew.witness.sent.values()] == [1]


def test_no_two_records_of_a_run_have_one_number(crew: Crew) -> None:
    """The last line of defence, should everything else be wrong."""
    crew.start()
    crew.engine(0).claim()
    commit = crew.gate().subject
    commit.records.append(commit.records[0])
    with pytest.raises(IntegrityError):
        crew.witness.write([commit], crew.engine(0).id)
