"""Builds that are broken on purpose, one textual change each, and the tests that must fail on them: a test that has never failed
proves nothing. `make mutants` makes and tries them; `tests/repo` sees to it that each `old` stands in its file exactly once.
"""

from dataclasses import dataclass

APPLY = "orchestration/record/apply.py"
SQLITE = "orchestration/record/on_sqlite.py"
POSTGRESQL = "orchestration/record/on_postgresql.py"
SWEEP = "orchestration/executor/sweep.py"
ENGINE = "orchestration/executor/engine.py"
CLAIMS = "orchestration/executor/claims.py"
BENCH = "orchestration/executor/bench.py"
VISIT = "orchestration/executor/visit.py"
LADDER = "orchestration/core/ladder.py"
EVENTS = "orchestration/record/events.py"
WAITING = "orchestration/executor/waiting.py"
RUNS = "orchestration/acts/runs.py"
RESOLVE = "orchestration/acts/resolve.py"
MIGRATION = "orchestration/migrations/0001_initial.py"
FIRING = "orchestration/acts/firing.py"
CRON = "orchestration/core/cron.py"

MACHINE = "tests/engine/test_machine.py"
MEETINGS = "tests/engine/test_meetings.py"
WAITS = "tests/engine/test_wait_meetings.py"
WRITES = "tests/record/test_apply.py"
CRASHES = "tests/engine/test_crash.py"
SCHEDULES = "tests/engine/test_schedules.py"
CHAOS = "tests/chaos/__main__.py"
"""Not a selection of pytest's, but a run of `make chaos`, which fails or is invalid. On PostgreSQL."""
SLEEPER = "tests/engine/test_deaths.py -k sleeps_through_its_lapse"


@dataclass(frozen=True)
class Mutant:
    """`old` in `file` becomes `new`; each of `tests` (pytest's selections) must fail then, and pass before. `more` of the same
    kind, where one line of defence stands behind another. `on`: the database that it is about, "" for both."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    more: tuple[tuple[str, str], ...] = ()
    on: str = ""

    @property
    def changes(self) -> tuple[tuple[str, str], ...]:
        return ((self.old, self.new), *self.more)


MUTANTS = (
    # who may write
    Mutant(
        "the fence is out of the WHERE",
        SQLITE,
        "orchestration_run.fence = v.seen_fence ",
        "v.seen_fence IS NOT NULL ",
        (MACHINE, MEETINGS, WRITES),
        on="sqlite",
    ),
    Mutant(
        "the revision is out of the WHERE",
        SQLITE,
        "orchestration_run.revision = v.seen_revision RETURNING",
        "v.seen_revision IS NOT NULL RETURNING",
        (MACHINE, MEETINGS, WRITES),
        on="sqlite",
    ),
    Mutant(
        "the fence is out of the WHERE of PostgreSQL",
        POSTGRESQL,
        "AND run.fence = v.seen_fence AND",
        "AND v.seen_fence IS NOT NULL AND",
        (MACHINE, MEETINGS, WRITES),
        on="postgresql",
    ),
    Mutant(
        "the revision is out of the WHERE of PostgreSQL",
        POSTGRESQL,
        "AND run.revision = v.seen_revision ",
        "AND v.seen_revision IS NOT NULL ",
        (MACHINE, MEETINGS, WRITES),
        on="postgresql",
    ),
    Mutant(
        "neither fence nor revision is in the WHERE of PostgreSQL",
        POSTGRESQL,
        "AND run.fence = v.seen_fence AND",
        "AND v.seen_fence IS NOT NULL AND",
        (CHAOS,),
        more=(("AND run.revision = v.seen_revision ", "AND v.seen_revision IS NOT NULL "),),
        on="postgresql",
    ),
    Mutant(
        "two records of a run may have one number",
        MIGRATION,
        """                "constraints": [models.UniqueConstraint(fields=("run", "seq"), name="record_seq_once")],
""",
        "",
        (MEETINGS, WRITES),
    ),
    Mutant(
        "a commit whose reply was lost is not recognised",
        APPLY,
        "return [found.get(commit.run_id) == commit.id for commit in commits]",
        "return [False for commit in commits]",
        (MACHINE, MEETINGS),
    ),
    Mutant(
        "a commit whose reply was lost is taken for written",
        APPLY,
        "return [found.get(commit.run_id) == commit.id for commit in commits]",
        "return [True for commit in commits]",
        (MACHINE, MEETINGS, "tests/engine/test_cant_write.py -k lost_around_commit"),
    ),
    # who holds a run
    Mutant(
        "a claim ignores a live holder",
        SWEEP,
        """f"WHERE id IN (SELECT id FROM orchestration_run WHERE {idle} AND {due} "
        f"AND format <= %s AND {suspicion} {named} ORDER BY due, id LIMIT %s {lock}) AND {idle} "
""",
        """"WHERE id IN (SELECT id FROM orchestration_run WHERE status IN ('ready', 'waiting', 'quarantined', 'held') "
        "AND COALESCE(due, created) <= %s "
        f"AND format <= %s AND {suspicion} {named} ORDER BY due, id LIMIT %s {lock}) "
""",
        (MACHINE, MEETINGS),
    ),
    Mutant(
        "what is claimed keeps its fence",
        SWEEP,
        '"fence = fence + 1, revision = revision + 1 "\n',
        '"revision = revision + 1 "\n',
        (MACHINE, MEETINGS),
    ),
    Mutant(
        "what is taken from a worker keeps its fence",
        SWEEP,
        '"fence = fence + 1, revision = revision + 1{more} WHERE',
        '"revision = revision + 1{more} WHERE',
        (MACHINE, MEETINGS),
    ),
    Mutant(
        "what was taken from a worker between its claim and its look is worked on",
        CLAIMS,
        "if (held.row.holder, held.fence) == (engine.id, claimed[held.run_id])]",
        "if held]",
        (MACHINE, MEETINGS),
    ),
    Mutant(
        "a stale holder gives back what is another's",
        SWEEP,
        'where="id = %s AND holder = %s AND fence = %s"), [adapt(due), *given, run, worker, fence]',
        'where="id = %s"), [adapt(due), *given, run]',
        (MACHINE, MEETINGS),
    ),
    Mutant(
        "the sweep takes nothing from the dead",
        SWEEP,
        "lapsed = _free_lapsed(now) if lapses else 0",
        "lapsed = 0",
        (MACHINE, MEETINGS, CRASHES, CHAOS),
    ),
    Mutant(
        "the sweep takes nothing from a hung step",
        SWEEP,
        "return Found(lapsed, _free_overrun(now))",
        "return Found(lapsed, 0)",
        (MACHINE, "tests/engine/test_time.py -k hung_step"),
    ),
    Mutant(
        "nobody sweeps",
        ENGINE,
        "if self._sweeps or time.monotonic() - swept >= sweep.EVERY:",
        "if self._sweeps:",
        ("tests/engine/test_time.py -k hint_was_lost",),
    ),
    # calls and their effects
    Mutant(
        "the intent is written after the effect",
        VISIT,
        """    failpoint("before_intent", held.run_id)
    await desk.commit(held, held.holding(now, prepared.request.timeout))
""",
        """    failpoint("before_intent", held.run_id)
""",
        (MACHINE, MEETINGS, CRASHES, CHAOS),
    ),
    Mutant(
        "the number of the attempt is in the call's key",
        VISIT,
        "key = call_key(held.run_id, *held.visit_key, ask.ask)",
        "key = call_key(held.run_id, *held.visit_key, ask.n)",
        (MACHINE, "tests/engine/test_runs.py -k same_bytes_under_the_same_key", CHAOS),
    ),
    Mutant(
        "an unknown effect is taken for none",
        VISIT,
        """    if intent.effect == "irreversible":
        await _wait_out""",
        """    if intent.effect == "never":
        await _wait_out""",
        (MACHINE, MEETINGS, CRASHES, CHAOS),
    ),
    Mutant(
        "a deadline of an irreversible call is taken for a failure",
        "orchestration/steps/tool.py",
        "return Result.failed(unsure(tool, answer.failure))",
        "return Result.failed(answer.failure)",
        ("tests/engine/test_effects.py",),
    ),
    Mutant(
        "answers of late calls are folded",
        BENCH,
        """        if fence != held.fence or holder != self.engine.id:
            raise Superseded
""",
        "        held.row = replace(held.row, fence=fence)\n",
        (MACHINE, MEETINGS, SLEEPER),
    ),
    Mutant(
        "what a restored run may have done is not asked about",
        "orchestration/executor/doubt.py",
        "lost = bool(held.row.restored) and ",
        "lost = False and ",
        ("tests/engine/test_restored.py -k irreversible", "tests/engine/test_restored.py -k reconcilable"),
    ),
    # people and clients
    Mutant(
        "what a person asked is written over",
        BENCH,
        "held.asked = values.load(asked) if asked else None",
        "held.asked = None",
        (MACHINE, MEETINGS, "tests/engine/test_races.py -k between_two_commits"),
    ),
    Mutant(
        "a run that is over is cancelled",
        RUNS,
        'if found["status"] in Run.ENDED:',
        'if found["status"] == "none":',
        (MACHINE, MEETINGS),
        more=(
            (
                "if held.row.status not in (Run.Status.READY, Run.Status.WAITING, Run.Status.QUARANTINED):",
                "if held.row.status == Run.Status.HELD:",
            ),
        ),
    ),
    Mutant(
        "a start ignores its idempotency key",
        RUNS,
        "key=idempotency,\n",
        "key=None,\n",
        (MACHINE, "tests/engine/test_races.py -k one_key", CHAOS),
    ),
    Mutant(
        "a pause is answered twice",
        RESOLVE,
        "if found.status not in Escalation.PENDING:",
        'if found.status == "none":',
        (MACHINE, MEETINGS),
        more=(("if held.escalation != found.id:", "if not held:"),),
    ),
    # what is due by itself
    Mutant(
        "a schedule is moved on whatever was seen of it",
        FIRING,
        'found.filter(next=seen["next"], revision=seen["revision"]).update(',
        "found.update(",
        (f"{SCHEDULES} -k two_workers", f"{SCHEDULES} -k at_one_moment", f"{SCHEDULES} -k person_did_first"),
    ),
    Mutant(
        "a schedule is moved on before its run is started",
        FIRING,
        """        with transaction.atomic():
            return _move(firing) and _start(firing)
""",
        "        return _move(firing) and _start(firing)\n",
        (f"{SCHEDULES} -k before_fire",),
    ),
    Mutant(
        "a schedule starts a run and is moved on later",
        FIRING,
        """        with transaction.atomic():
            return _move(firing) and _start(firing)
""",
        "        return _start(firing) and _move(firing)\n",
        (f"{SCHEDULES} -k after_fire", f"{SCHEDULES} -k person_did_first"),
    ),
    Mutant(
        "what a schedule passes over is forgotten",
        FIRING,
        "if moved and firing.passed is not None:",
        "if not moved and firing.passed is not None:",
        (f"{SCHEDULES} -k hundred", f"{SCHEDULES} -k lost_silently"),
    ),
    Mutant(
        "a schedule that can't start stays where it is",
        FIRING,
        "            return _move(firing) and _refuse(firing, error)\n",
        "            return _refuse(firing, error)\n",
        (f"{SCHEDULES} -k no_longer_fits",),
    ),
    Mutant(
        "what a schedule missed while it was paused is made up for",
        "orchestration/acts/schedules.py",
        "return max(now, found.fired) if found.fired else now",
        "return found.fired or found.created",
        (f"{SCHEDULES} -k while_it_is_paused",),
    ),
    Mutant(
        "a schedule forgets what it has started where the clock steps back",
        "orchestration/acts/schedules.py",
        "return max(now, found.fired) if found.fired else now",
        "return now",
        (f"{SCHEDULES} -k steps_back",),
    ),
    Mutant(
        "a time of a schedule that the clock skips comes an hour late",
        CRON,
        "return _turn(zone, second, first) or first",
        "return first",
        ("tests/core/test_cron.py", f"{SCHEDULES} -k nights"),
    ),
    Mutant(
        "a time of a schedule that the clock shows twice comes again",
        CRON,
        "if (found := _first(zone, shown)) > moment:",
        "if (found := _first(zone, shown)):",
        ("tests/core/test_cron.py",),
    ),
    Mutant(
        "a schedule by the minute forgets the hour that comes twice",
        CRON,
        "        turn = _turn(zone, moment, found)\n        if turn is None:",
        "        turn = None\n        if turn is None:",
        ("tests/core/test_cron.py", f"{SCHEDULES} -k nights"),
    ),
    # events
    Mutant(
        "an event is given twice",
        EVENTS,
        "filter(id=event, run=None).update",
        "filter(id=event).update",
        (f"{WAITS} -k sweeps_at_one_moment", f"{WAITS} -k two_runs_that_come"),
    ),
    Mutant(
        "a run that was given an event awaits another",
        EVENTS,
        "SET due = %s, awaits = '', revision",
        "SET due = %s, revision",
        (f"{WAITS} -k second_event", f"{WAITS} -k two_events_for_one_run"),
    ),
    Mutant(
        "an event is taken for a run that another has moved",
        EVENTS,
        "filter(id=run, fence=fence, revision=revision)",
        "filter(id=run)",
        (f"{WAITS} -k taken_over_from", f"{WAITS} -k just_before_it_takes"),
    ),
    Mutant(
        "an event is taken before the run's place is committed",
        BENCH,
        "            if held.paused is None:\n",
        "            if held.paused is not None:\n",
        (f"{WAITS} -k place_is_committed",),
    ),
    Mutant(
        "a sweep looks back no further than the last one",
        WAITING,
        "self._last - 2 * GRACE if",
        "self._last if",
        (f"{WAITS} -k looks_back",),
    ),
    Mutant(
        "no sweep matches events with runs",
        ENGINE,
        "        await self.matching.look(now)\n",
        "",
        ("tests/engine/test_wait.py -k missed_each_other",),
    ),
    Mutant(
        "an event is for the longest waiting run alone, whoever moves that",
        EVENTS,
        '"FOR UPDATE SKIP LOCKED"',
        '""',
        (f"{WAITS} -k two_events_for_two_runs",),
        on="postgresql",
    ),
    Mutant(
        "a wait begins anew for whoever takes it up",
        WAITING,
        'if held.paused is not None and held.paused.kind in ("event", "time") else now',
        "if held.paused is held else now  # type: ignore[comparison-overlap, union-attr]",
        (f"{WAITS} -k dies_over_the_deadline", "tests/engine/test_wait.py -k one_row_with_a_due_time"),
    ),
)
