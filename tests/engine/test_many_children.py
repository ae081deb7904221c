"""A map over 10,000 items that call nobody: some fail, some bring down whoever moves them, and a worker dies in the middle.
And how a parent finds those that matter."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from orchestration import fsck, tasks
from orchestration.acts import resolve, runs
from orchestration.executor import advance, family, sweep, unreadable
from orchestration.executor.engine import Engine
from orchestration.models import Escalation, Run
from orchestration.queries import family as below
from orchestration.record.clock import database_now
from orchestration.record.pack import unpack_all
from orchestration.record.rows import Commit
from tests.engine.outages import until
from tests.engine.processes import Process
from tests.engine.publishing import end, publish
from tests.engine.test_children import each, over, put
from tests.engine.test_wait_meetings import explained
from tests.servers import ScriptedServer

MANY, WINDOW = 10_000, 200
FAILS = range(7, MANY, 100)
POISON = (MANY // 2, MANY - 1)
DIES_AT = 40
"""The commit of the first worker in which it is killed."""
NARROW = 700
"""Characters of the parent's position."""


class Watch:
    """What the commits of the engines of this process say of the parent and its children."""

    def __init__(self, parent: str) -> None:
        self.parent, self.wrong, self.joined = parent, list[str](), set[str]()
        self.live = Run.objects.filter(parent=parent, joined=False).count()
        self.most = 0
        self.memory: dict[int, int] = {}
        """What this process takes, by how many tenths of them are counted here."""

    def see(self, commits: list[Commit]) -> None:
        for commit in commits:
            if commit.run_id == self.parent:
                self._see(commit)

    def _see(self, commit: Commit) -> None:
        again = self.joined & {join.id for join in commit.joins}
        self.joined |= {join.id for join in commit.joins}
        self.live += len(commit.children) - len(commit.joins)
        self.most = max(self.live, self.most)
        if again or not 0 <= self.live <= WINDOW or len(commit.row.position) > NARROW:
            self.wrong.append(
                f"{self.live} live, counted again: {again}, {len(commit.row.position)}: {commit.row.position[:900]}"
            )
        self.memory[len(self.joined) * 10 // MANY] = psutil.Process().memory_info().rss


def test_each_is_counted_once_whoever_dies_and_never_are_there_more_than_the_window_says(
    transactional_db: None, server: ScriptedServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inverse = put("inverse", {"n": "${item / (item % 100 - 7)}"})
    flow = over(
        each(inverse, max_items=MANY, concurrency=WINDOW, on_item_error="skip", need="98%"),
        end({"many": "${size(steps.each)}"}),
        input={"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "integer"}}}},
    )
    run = runs.start(workflow=publish(flow).workflow_id, input={"items": list(range(MANY))}, by="ada")
    Process(server, f"before_commit=kill@{DIES_AT}").died()
    suspects = sweep.suspects(database_now())
    assert suspects, "it held some"
    pure = advance.PURE["set"]

    def bad(step: Any, env: dict[str, Any]) -> Any:
        if env.get("item") in POISON:
            raise MemoryError
        return pure(step, env)

    monkeypatch.setitem(advance.PURE, "set", bad)
    monkeypatch.setattr(unreadable, "pause_after", lambda deaths: timedelta())
    watch = Watch(run)
    for group in suspects:
        with working(watch, group):
            until(lambda: not Run.objects.filter(suspicion__gt=0).exists(), "nobody is a suspect any more")
    with working(watch):
        while not stopped(run):
            before = len(watch.joined)
            until(lambda before=before: stopped(run) or len(watch.joined) > before, "more are counted")
    parent = Run.objects.get(id=run)
    kept = MANY - len(FAILS) - len(POISON)
    assert (parent.status, unpack_all([parent.output])) == ("succeeded", [{"many": kept}])
    assert (watch.wrong, watch.most) == ([], WINDOW)
    assert Escalation.objects.filter(kind="quarantine").count() == len(POISON)
    ended = Run.objects.filter(parent=run).values_list("status").annotate(Count("id")).order_by()
    assert dict(ended) == {"succeeded": kept, "failed": MANY - kept}
    early, late = (watch.memory[tenth] for tenth in (min(watch.memory.keys() - {0, 1}), max(watch.memory)))
    assert late < 1.2 * early, f"it grows: {watch.memory}"
    assert [str(finding) for finding in fsck.check()] == []


@contextmanager
def working(watch: Watch, group: int = 0) -> Iterator[None]:
    engine = Engine(name="heir", group=group, on_commit=watch.see).start()
    tasks.use_engine(engine)
    try:
        yield
    finally:
        tasks.use_engine(None)
        engine.stop(1.0)


def stopped(run: str) -> bool:
    """Whether it has ended. A person gives up what is quarantined meanwhile."""
    for pause in Escalation.objects.filter(status="open"):
        resolve.resolve(escalation=pause.id, action="abort", values={}, by="otto")
    return Run.objects.get(id=run).status in Run.ENDED


def test_of_the_children_of_a_visit_those_that_matter_are_found_however_many_there_were(db: None) -> None:
    version, now = publish(over(end())), database_now()
    same = {
        "workflow_id": version.workflow_id,
        "version": version,
        "input": "{}",
        "created": now,
        "created_by": "",
        "state_hash": "h",
    }
    Run.objects.create(id="p", status="waiting", wait="children", **same)
    ended = {"status": "succeeded", "ended": now}
    limited = {"status": "waiting", "wait": "limit", "joined": False, "spent": '{"met": "steps"}'}
    rows = {
        "counted": (ended | {"joined": True}, 3000),
        "ended": (ended | {"joined": False}, 2),
        "limited": (limited, 2),
        "asks": ({"status": "waiting", "wait": "person", "joined": False}, 2),
    }
    made = [(f"{name}{n}", row) for name, (row, many) in rows.items() for n in range(many)]
    Run.objects.bulk_create(
        Run(id=name, parent_id="p", parent_path="each", parent_visit=1, index=index, **row, **same)
        for index, (name, row) in enumerate(made)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE orchestration_run")
    at = SimpleNamespace(step="each", visit_path="each", visit=1)
    held: Any = SimpleNamespace(run_id="p", position=at, plan=SimpleNamespace(steps={"each": None}))
    with CaptureQueriesContext(connection) as asked:
        assert [child.run for child in family.read_ended(held)] == ["ended0", "ended1"]
        assert [child.spent.met for child in family.read_at_limit(held)] == ["steps", "steps"]
        lifted = sweep.ask_children("p", 0, "each", 1, {"verb": "lift"}, now, "status = 'waiting' AND wait = 'limit'")
        stopped = sweep.ask_children("p", 0, "each", 1, {"verb": "cancel"}, now, "ended IS NULL")
        assert below.asked_below(["p"]) == {"p"}
    assert (sorted(lifted), sorted(stopped)) == (["limited0", "limited1"], ["asks0", "asks1", "limited0", "limited1"])
    plans = [explained(query["sql"]) for query in asked if "WHERE" in query["sql"] and "orchestration_run" in query["sql"]]
    assert len(plans) == 5
    for plan, index in zip(plans, ("run_unjoined", "run_at_limit", "run_at_limit", "run_living", "run_living"), strict=True):
        assert index in plan
