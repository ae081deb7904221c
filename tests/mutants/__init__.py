"""Builds that are broken on purpose, one textual change each, and the tests that must fail on them: a test that has never failed
proves nothing. `make mutants` makes and tries them; `tests/repo` sees to it that each `old` stands in its file exactly once.
"""

from tests.mutants import by_themselves, found
from tests.mutants.mutant import CHAOS as CHAOS
from tests.mutants.mutant import MACHINE, MEETINGS
from tests.mutants.mutant import Mutant as Mutant

APPLY = "orchestration/record/apply.py"
SQLITE = "orchestration/record/on_sqlite.py"
POSTGRESQL = "orchestration/record/on_postgresql.py"
SWEEP = "orchestration/executor/sweep.py"
ENGINE = "orchestration/executor/engine.py"
CLAIMS = "orchestration/executor/claims.py"
BENCH = "orchestration/executor/bench.py"
VISIT = "orchestration/executor/visit.py"
WAITING = "orchestration/executor/waiting.py"
RUNS = "orchestration/acts/runs.py"
RESOLVE = "orchestration/acts/resolve.py"
MIGRATION = "orchestration/migrations/0001_initial.py"
WRITES = "tests/record/test_apply.py"
CRASHES = "tests/engine/test_crash.py"
SLEEPER = "tests/engine/test_deaths.py -k sleeps_through_its_lapse"


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
    *by_themselves.MUTANTS,
    *found.MUTANTS,
)
