"""The record protocol, with several workers, people, faults and clocks on one database, in orders that Hypothesis chooses. The
engines are real, without their threads (`stepped`); what must be so is told by `witness`, and by `fsck`.

MACHINE_EXAMPLES and MACHINE_STEPS make it longer: `MACHINE_EXAMPLES=5000 make test ARGS=tests/engine/test_machine.py`.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from orchestration.models import Version
from tests.engine.crew import GROUPS, Crew
from tests.engine.sample import CALL, SIZES, WAIT, publish_sample

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "30" if connection.vendor == "sqlite" else "20"))
STEPS = int(os.environ.get("MACHINE_STEPS", "40"))
TURNS = 4
"""Where chance is not the same each time, it may miss one of `BITTEN` once."""
PHASES = (Phase.generate,) if os.environ.get("MACHINE_SHRINK") == "no" else tuple(Phase)
KEYS = ("k1", "k2", "k3")
EVENTS = ("e1", "e2", "e3", "e4", "e5", "e6")
SIZE = st.sampled_from([*range(SIZES), WAIT, CALL, CALL])
SLOW: Any = st.sampled_from(["", "claims", "reads"])
ANSWERS = st.sampled_from(["good", "good", "good", "unavailable", "not_sent", "refused"])
TIMES = st.sampled_from([1, 5, 9, 70, 1800, 4 * 3600, 3 * 86_400, -1, -60, -1800])
PEOPLE = st.sampled_from(["otto", "vera"])
WHO = st.none() | st.integers(0, 5)
ANY = st.integers(0, 11)
BITTEN = (
    "taken back from the dead", "stale", "a child run was begun", "a workflow was called", "an event was given to a run",
    "an event that was kept was taken", "a wait ended by its deadline",
)  # fmt: skip
"""What must have come about, or nothing was tried. Rarer meetings have tests of their own (`test_meetings`)."""


def at(*kinds: str) -> Callable[["Machine"], bool]:
    """Whether somebody waits at such a gate."""
    return lambda self: self.crew.gate(0, *kinds) is not None


def stirred(self: "Machine") -> bool:
    """Whether something was written since the last time: what changes nothing is not tried twice in a row."""
    return self.idle != self.crew.witness.writes


class Machine(RuleBasedStateMachine):
    version: Version
    seen: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.crew = Crew(self.version)
        self.restored = False
        self.idle = -1

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.crew.heal()
        finally:
            self.seen.update(self.crew.witness.seen)
            self.crew.close()

    def a_run(self, number: int) -> str:
        found = list(self.crew.witness.runs)
        return found[number % len(found)]

    @initialize(sizes=st.lists(SIZE, min_size=1, max_size=len(KEYS)), slow=SLOW, reads=st.booleans(), early=st.booleans())
    def begin(self, sizes: list[int], slow: Any, reads: bool, early: bool) -> None:
        if reads:
            self.crew.read_all()
        if early:
            self.crew.send(KEYS[0], EVENTS[0])
        for size, key in zip(sizes, KEYS, strict=False):
            self.crew.start(size, key)
        self.crew.back_up()
        self.crew.engine(0).claim(slow=slow)

    # people and clients

    @precondition(stirred)
    @rule(size=SIZE, key=st.sampled_from(KEYS))
    def start(self, size: int, key: str) -> None:
        self.crew.start(size, key)
        self.idle = self.crew.witness.writes

    @precondition(stirred)
    @rule(text=st.sampled_from(KEYS), key=st.sampled_from(EVENTS))
    def send_an_event(self, text: str, key: str) -> None:
        self.crew.send(text, key)
        self.idle = self.crew.witness.writes

    @precondition(lambda self: self.crew.awaited())
    @rule(number=ANY, key=st.sampled_from(EVENTS))
    def send_what_is_waited_for(self, number: int, key: str) -> None:
        awaited = self.crew.awaited()
        self.crew.send(awaited[number % len(awaited)], key)

    @precondition(lambda self: self.crew.witness.commits > 2)
    @rule(run=ANY, by=PEOPLE, interrupted=WHO)
    def cancel(self, run: int, by: str, interrupted: int | None) -> None:
        self.crew.cancel(self.a_run(run), by, interrupted)

    @precondition(lambda self: self.crew.witness.pauses)
    @rule(pause=ANY, action=st.integers(0, 2), by=PEOPLE, interrupted=WHO)
    def answer_a_pause(self, pause: int, action: int, by: str, interrupted: int | None) -> None:
        said = self.crew.witness.pauses
        pauses = sorted(said, key=lambda each: said[each][0] != "open")
        self.crew.answer(pauses[pause % len(pauses)], action, by, interrupted)

    @precondition(lambda self: self.crew.answered)
    @rule(number=ANY)
    def send_the_same_answer_again(self, number: int) -> None:
        self.crew.answer_again(number)

    # workers

    @precondition(
        lambda self: any(self.crew.witness.claimable(r, g, self.crew.clock.at) for r in self.crew.witness.runs for g in GROUPS)
    )
    @rule(engine=ANY, run=st.none() | ANY, slow=SLOW)
    def claim(self, engine: int, run: int | None, slow: Any) -> None:
        """Whatever is due, or the one run that it was told of."""
        self.crew.engine(engine).claim({self.a_run(run)} if run is not None else None, slow)

    @precondition(lambda self: any(told.row.asked for told in self.crew.witness.runs.values()))
    @rule()
    def hint_that_something_was_asked(self) -> None:
        for run, told in self.crew.witness.runs.items():
            for engine in self.crew.engines.values():
                if told.row.asked and run in engine.held:
                    engine.poke(run)

    @precondition(at())
    @rule(gate=ANY, times=st.integers(1, 3))
    def go_on(self, gate: int, times: int) -> None:
        for _ in range(times):
            if found := self.crew.gate(gate):
                self.crew.pass_gate(found)

    @rule(number=ANY, times=st.integers(0, 3))
    def work(self, number: int, times: int) -> None:
        """A worker beats, claims, and moves what it holds."""
        engine = self.crew.engine(number)
        engine.pulse.beat()
        engine.claim()
        for _ in range(times):
            if gate := self.crew.gate(of=engine):
                self.crew.pass_gate(gate)

    @precondition(at("commit"))
    @rule(gate=ANY, together=st.booleans())
    def commit(self, gate: int, together: bool) -> None:
        """One run's, or in one flush what a worker has of all its runs."""
        chosen = self.crew.gate(gate, "commit")
        others = [g for g in self.crew.stage.gates if (g.engine, g.kind, g.sent) == (chosen.engine, "commit", False)]
        first = {each.subject.run_id: each for each in reversed(others)}
        self.crew.flush(list(first.values()) if together else [chosen])

    @precondition(at("commit"))
    @rule(gate=ANY, written=st.booleans())
    def lose_the_reply_to_a_commit(self, gate: int, written: bool) -> None:
        self.crew.lose_the_reply(self.crew.gate(gate, "commit"), written)

    @precondition(at("commit", "work"))
    @rule(gate=ANY)
    def fail(self, gate: int) -> None:
        self.crew.fail(self.crew.gate(gate, "commit", "work"))

    @precondition(at("call"))
    @rule(gate=ANY)
    def reach_the_other_side(self, gate: int) -> None:
        self.crew.reach(self.crew.gate(gate, "call"))

    @precondition(at("call"))
    @rule(gate=ANY, how=ANSWERS)
    def answer_a_call(self, gate: int, how: str) -> None:
        self.crew.reply(self.crew.gate(gate, "call"), how)

    @rule(engine=ANY, judges=st.booleans(), slow=SLOW)
    def sweep(self, engine: int, judges: bool, slow: Any) -> None:
        self.crew.sweep(self.crew.engine(engine), judges)
        self.crew.everybody_claims(slow)

    @precondition(at())
    @rule(engine=ANY)
    def take_over(self, engine: int) -> None:
        self.crew.take_over(self.crew.engine(engine))

    @precondition(at())
    @rule(gate=ANY, told=st.booleans())
    def end(self, gate: int, told: bool) -> None:
        """By SIGTERM, or without notice. What is older than the backup lives on."""
        engine = self.crew.gate(gate).engine
        if not engine.old:
            if told:
                engine.end()
            self.crew.gone(engine)

    # the world

    @precondition(stirred)
    @rule(seconds=TIMES)
    def time_passes(self, seconds: int) -> None:
        """Or the clock steps back, by an hour at most in all: `fsck` regards no more."""
        self.crew.tick(max(seconds, (self.crew.latest - self.crew.clock.at).total_seconds() - 3600))
        self.idle = self.crew.witness.writes

    @precondition(lambda self: not self.restored and stirred(self))
    @rule()
    def back_up(self) -> None:
        self.crew.back_up()
        self.idle = self.crew.witness.writes

    @precondition(lambda self: not self.restored)
    @rule()
    def restore(self) -> None:
        self.crew.restore()
        self.restored = True

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        self.crew.judge()


@pytest.mark.django_db
def test_whoever_meets_whom_nothing_is_lost_and_nothing_is_done_twice() -> None:
    seen: Counter[str] = Counter()
    protocol = type("Protocol", (Machine,), {"version": publish_sample(), "seen": seen})
    chosen = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, phases=PHASES,
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
    )  # fmt: skip
    for _ in range(TURNS):
        run_state_machine_as_test(protocol, settings=chosen)
        missed = [fault for fault in BITTEN if not seen[fault]]
        if not missed:
            break
    assert missed == []
