"""Builds that are broken on purpose, which the tests let pass once: events, what runs at once, and what is proved of it."""

from tests.mutants.mutant import Mutant

EVENTS = "orchestration/record/events.py"
FSCK = "orchestration/fsck.py"
WAIT = "tests/engine/test_wait.py"
WAITS = "tests/engine/test_wait_meetings.py"
CHILDREN = "tests/engine/test_children.py"
FANS = "tests/core/test_proof_fans.py"


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "an event that was given already wakes another run",
        EVENTS,
        """            transaction.set_rollback(True)
            return None
""",
        "            return None\n",
        (f"{WAITS} -k given_already",),
    ),
    Mutant(
        "a run that is over still says what it waits for",
        "orchestration/executor/held.py",
        '**{"awaits": "", "since": None, **cleared, **changes}',
        '**{"since": None, **cleared, **changes}',
        (f"{WAIT} -k can_be_cancelled",),
    ),
    Mutant(
        "two records may take one event unnoticed",
        FSCK,
        "        if event in took:\n",
        "        if event in ():\n",
        (f"{WAIT} -k is_broken",),
    ),
    Mutant(
        "a run may wait unnoticed for what it was given",
        FSCK,
        "if event.run and event.seq is None and event.run.awaits == event.address:",
        "if event.run and event.seq is None and event.run.awaits is None:",
        (f"{WAIT} -k is_broken",),
    ),
    Mutant(
        "one arm is enough though all are asked for",
        "orchestration/core/plan/enough.py",
        '{"all": total, "any": 1}',
        '{"all": 1, "any": 1}',
        (f"{CHILDREN} -k enough_arms",),
    ),
    Mutant(
        "a called workflow is begun with what it does not take",
        "orchestration/core/plan/steps.py",
        '"expects": contract(called.input) if called else None',
        '"expects": None',
        (f"{CHILDREN} -k does_not_take",),
    ),
    Mutant(
        "an arm sees what those beside it give",
        "orchestration/core/plan/sight.py",
        'return self.steps[around][2] if self.steps[level][1].type == "arm" else around',
        "return around",
        (f"{FANS} -k does_not_see_another",),
    ),
    Mutant(
        "a worker's end does not wait for its last heartbeat",
        "orchestration/executor/pulse.py",
        "        self._thread.join(LAST_BEAT)\n",
        "",
        ("tests/engine/test_deaths.py -k stays_ended",),
    ),
)
