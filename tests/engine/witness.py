"""Who sees every write of the record protocol, says beforehand what must come of it, and afterwards whether it did.

It keeps what the database must say of each run, from nothing but what was written: a commit counts where the run's fence and
revision are those that its writer saw, each move raises the revision, each change of hands the fence. And it judges what was
written: of a run that is held nobody but its holder commits, of one that is over nobody; each seq has one record, each pause
one answer, and no call leaves before its intent is in the database.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction

from orchestration.acts import moving, runs
from orchestration.core.ladder import call_key
from orchestration.core.result import Request
from orchestration.executor import sweep
from orchestration.executor.held import GRACE
from orchestration.models import Act, Call, Escalation, Run, StepRecord, Worker
from orchestration.record import apply as writing
from orchestration.record import recorder, rows
from orchestration.record.clock import SetClock
from orchestration.record.pack import unpack_all
from orchestration.record.rows import Commit, RunRow, columns
from tests.engine.event_witness import Events

ROW = columns(RunRow)
_PLAIN = ("status", "seq", "fence", "holder", "wait", "suspicion", "deaths", "asked", "state_hash", "outcome", "awaits")


@dataclass
class Told:
    """What must be so of one run. `calls`: whether each is finished, by (path, visit, n)."""

    row: RunRow
    revision: int = 1
    commit: str = ""
    calls: dict[tuple[str, int, int], bool] = field(default_factory=dict)
    part_of: tuple[str, str, int] | None = None
    """Its parent, and the visit of it: path and number."""
    joined: bool = True
    claimed: int = 0
    """After how many writes it was last claimed."""

    @property
    def over(self) -> bool:
        return self.row.status in Run.ENDED

    def moved(self, **changes: Any) -> None:
        self.row = replace(self.row, **changes)
        self.revision += 1


@dataclass
class Sent:
    """What reached the other side under one key."""

    effect: str
    bodies: list[str | None] = field(default_factory=list)


class Witness:
    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.runs: dict[str, Told] = {}
        self.pauses: dict[str, tuple[str, str]] = {}
        """(status, by whom) of each escalation."""
        self.sent: dict[str, Sent] = {}
        """What the other side has seen. It forgets nothing when a backup is restored here."""
        self.firsts: set[str] = set()
        """Keys of first visits. What is sent under others, a person asked for."""
        self.wrong: list[str] = []
        self.writes = self.commits = 0
        self.seen: Counter[str] = Counter()
        """How often each fault has bitten, and each thing happened that it is about."""
        self.interrupt: Callable[[], None] = lambda: None
        """What happens between the look and the write of a person's act."""
        self._claim, self._recover, self._release, self._let_go = sweep.claim, sweep.recover, sweep.release, sweep.let_go
        self._ask_children = sweep.ask_children
        self._ask = runs._ask
        self.events = Events(self)

    def check(self, holds: object, what: str) -> None:
        """Told rather than raised: it may be seen inside of an engine, which catches everything."""
        if not holds:
            self.wrong.append(what)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """All doors to the run rows lead past here."""
        with (
            patch.object(sweep, "claim", self.claim),
            patch.object(sweep, "recover", self.recover),
            patch.object(sweep, "release", self.release),
            patch.object(sweep, "let_go", self.let_go),
            patch.object(sweep, "ask_children", self.ask_children),
            patch.object(moving, "apply", self.act),
            patch.object(runs, "_ask", self.ask),
            self.events.watching(),
        ):
            yield

    def started(self, run: str) -> None:
        self.writes += 1
        self.firsts |= {call_key(run, effect, 1, 0) for effect in ("irreversible", "reconcilable")}
        if run not in self.runs:
            self.runs[run] = Told(RunRow(**Run.objects.values(*ROW).get(id=run)))
            self.check(self.runs[run].row.status == "ready", f"{run} was not ready when it had been started")

    # commits

    def accepts(self, commit: Commit) -> bool:
        told = self.runs.get(commit.run_id)  # None where a backup without it was restored
        return told is not None and (told.row.fence, told.revision) == (commit.fence, commit.revision)

    def write(self, commits: list[Commit], holder: str | None = None) -> list[bool]:
        """One flush of a worker, or a person's act (`holder` None)."""
        return self._judged(commits, holder, [self.accepts(commit) for commit in commits], writing.apply)

    def replay(self, commit: Commit, holder: str) -> bool:
        """After a lost reply. Its own commit is recognised, unless there was another after it."""
        ours = commit.run_id in self.runs and self.runs[commit.run_id].commit == commit.id
        if not ours:
            return self._judged([commit], holder, [self.accepts(commit)], recorder._again)[0]
        before = self._of(commit.run_id)
        self.seen["recognised"] += 1
        self.check(recorder._again([commit]) == [True], f"{commit.run_id}: a commit was not recognised when its reply was lost")
        self.check(self._of(commit.run_id) == before, f"{commit.run_id}: a commit was written twice")
        return True

    def act(self, commits: list[Commit]) -> list[bool]:
        self.interrupt()
        return self.write(commits)

    def _judged(
        self, commits: list[Commit], holder: str | None, wanted: list[bool], work: Callable[[list[Commit]], list[bool]]
    ) -> list[bool]:
        stale = [commit.run_id for commit, good in zip(commits, wanted, strict=True) if not good]
        before = [self._of(run) for run in stale]
        with transaction.atomic():  # so that the test's own transaction survives a constraint
            written = work(commits)
        self.writes += 1
        self.commits += 1
        for commit, good in zip(commits, wanted, strict=True):
            if not good:
                self.seen[self._why_refused(commit, holder)] += 1
        self.check(written == wanted, f"{[c.run_id for c in commits]}: written {written}, and it must have been {wanted}")
        self.check([self._of(run) for run in stale] == before, f"{stale}: a stale commit changed something")
        for commit, good in zip(commits, wanted, strict=True):
            if good:
                self._fold(commit, holder)
        return written

    def _why_refused(self, commit: Commit, holder: str | None) -> str:
        told = self.runs.get(commit.run_id)
        if told is None:
            return "of a run that is gone"
        if holder is None:
            return "an act was overtaken"
        if told.row.holder == holder and told.row.fence == commit.fence:
            return "asked before the commit"
        return "stale, told by the fence alone" if told.revision == commit.revision else "stale"

    def _fold(self, commit: Commit, holder: str | None) -> None:
        told, run = self.runs[commit.run_id], commit.run_id
        self.check(not told.over, f"{run} was over, and was moved")
        answered = any(closing.status == "resolved" for closing in commit.closings)  # also while a worker is at its deadline
        right = told.row.holder == holder if holder else told.row.status != "held" or answered
        self.check(right, f"{run}: {holder or 'a person'} wrote, and it was {told.row.status} by {told.row.holder}")
        self.check(commit.row.fence == told.row.fence, f"{run}: a commit changed the fence")
        kept = told.row.asked in (None, commit.row.asked) or commit.row.ended is not None or stopping(commit.row)
        self.check(kept, f"{run}: what was asked of it was written over: {told.row.asked}")
        seqs = [record.seq for record in commit.records]
        self.check(seqs == list(range(told.row.seq + 1, commit.row.seq + 1)), f"{run} at {told.row.seq}: records {seqs}")
        for intent in commit.intents:
            told.calls[intent.path, intent.visit, intent.n] = False
        for answer in commit.answers:
            key = (answer.path, answer.visit, answer.n)
            self.check(told.calls.get(key) is False, f"{run}: call {key} was answered twice, or never made")
            told.calls[key] = True
        for closing in commit.closings:
            self.check(self.pauses[closing.id][0] == "open", f"pause {closing.id} was {self.pauses[closing.id]} already")
            self.pauses[closing.id] = (closing.status, closing.resolved_by)
            self.seen[f"a pause was {closing.status}"] += 1
        for pause in commit.escalations:
            self.pauses[pause.id] = ("open", "")
        self.events.fold(commit, told.claimed)
        for child in commit.children:
            part_of = (child.parent_id, child.parent_path, child.parent_visit)
            self.runs[child.id] = Told(RunRow(**Run.objects.values(*ROW).get(id=child.id)), part_of=part_of, joined=False)
            self.seen["a child run was begun"] += 1
            self.seen["a workflow was called"] += child.position == "null"
        for join in commit.joins:
            self.check(self.runs[join.id].over and not self.runs[join.id].joined, f"{join.id} was counted by {run}: {told}")
            self.runs[join.id].joined = True
        told.moved(**{name: getattr(commit.row, name) for name in ROW})
        told.commit = commit.id
        self.seen[f"{'held' if holder else 'an act'}: {told.row.status}"] += 1

    # changes of hands

    def claim(self, worker: str, group: int, room: int, now: datetime, only: Any = None) -> dict[str, Any]:
        wanted = self.runs if only is None else self.runs.keys() & only
        due = {run: self.runs[run].row.due or now for run in wanted if self.claimable(run, group, now, only is not None)}
        claimed = self._claim(worker, group, room, now, only)
        self.writes += 1
        self.check(claimed.keys() <= due.keys(), f"{worker} claimed {claimed}, and {list(due)} were due")
        self.check(len(claimed) == min(room, len(due)), f"{worker} claimed {claimed}, with room for {room} of {list(due)}")
        for run in claimed:
            told = self.runs[run]
            told.moved(status="held", holder=worker, step_deadline=now + GRACE, fence=told.row.fence + 1)
            told.claimed = self.writes
            self.check(claimed[run]["fence"] == told.row.fence, f"{run} was claimed with fence {claimed[run]['fence']}")
        left = [at for run, at in due.items() if run not in claimed]
        self.check(not left or all(due.get(run, now) <= min(left) for run in claimed), f"{worker} did not claim the oldest first")
        return claimed

    def claimable(self, run: str, group: int, now: datetime, told_of: bool = True) -> bool:
        """Whether it is due; or, where the worker was `told_of` it, has a child run to count."""
        row = self.runs[run].row
        if told_of and row.status == "waiting" and row.wait == "children" and run in self.to_join():
            row = replace(row, due=now)
        return claimable(row, group, now)

    def to_join(self) -> set[str]:
        return {told.part_of[0] for told in self.runs.values() if told.part_of and told.over and not told.joined}

    def ask_children(
        self, parent: str, fence: int, path: str, visit: int, asked: dict[str, str], now: datetime, whom: str
    ) -> list[str]:
        """There are no limits here, so that they are asked to stop and nothing else."""
        live = {
            run
            for run, told in self.runs.items()
            if told.part_of == (parent, path, visit) and not told.over and told.row.asked is None
            if parent in self.runs and self.runs[parent].row.fence == fence
        }
        stopped = self._ask_children(parent, fence, path, visit, asked, now, whom)
        self.writes += 1
        self.check(set(stopped) == live, f"{stopped} were stopped by {parent}, and it must have been {live}")
        for run in live:
            self.runs[run].moved(**Run.objects.values("asked", "due", "awaits").get(id=run))
            self.check(self.runs[run].row.awaits == "", f"{run} was stopped, and waits for {self.runs[run].row.awaits}")
            self.seen["a child run was stopped"] += 1
        return stopped

    def recover(self, now: datetime, lapses: bool = True) -> sweep.Found:
        beats = dict(Worker.objects.values_list("id", "beat"))
        held = {run: told.row for run, told in self.runs.items() if told.row.status == "held"}
        lapsed = {run for run, row in held.items() if lapses and row.holder in beats and beats[row.holder] < now - sweep.LAPSE}
        overrun = {run for run, row in held.items() if row.step_deadline and row.step_deadline < now} - lapsed
        found = self._recover(now, lapses)
        self.writes += 1
        wanted = sweep.Found(len(lapsed), len(overrun))
        self.check(found == wanted, f"a sweep took back {found}, and it must have been {wanted}")
        for run in lapsed | overrun:
            self.seen["taken back from the dead" if run in lapsed else "taken back from a hung step"] += 1
            self._freed(run, now)
            row = self.runs[run].row
            self.check(row.suspicion or run in overrun, f"{run} was held by a dead worker, and is no suspect")
        return found

    def release(self, worker: str, now: datetime) -> int:
        held = [run for run, told in self.runs.items() if told.row.holder == worker]
        count = self._release(worker, now)
        self.writes += 1
        self.check(count == len(held), f"{worker} gave back {count}, and held {held}")
        for run in held:
            self._freed(run, now)
        return count

    def let_go(self, run: str, worker: str, fence: int, due: datetime, surprise: str | None = None) -> bool:
        ours = run in self.runs and (self.runs[run].row.holder, self.runs[run].row.fence) == (worker, fence)
        done = self._let_go(run, worker, fence, due, surprise)
        self.writes += 1
        self.seen["given back" if ours else "given back by a stale holder"] += 1
        self.check(done == ours, f"{run} was given back ({done}) by {worker} with fence {fence}: {self.runs.get(run)}")
        if ours:
            self._freed(run, due)
        return done

    def _freed(self, run: str, due: datetime) -> None:
        """Who is to blame, and what for, is the sweep's to say."""
        told = self.runs[run]
        said = Run.objects.values("suspicion", "deaths", "error").get(id=run)
        self.check(said["deaths"] - told.row.deaths in (0, 1), f"{run} went from {told.row.deaths} deaths to {said['deaths']}")
        told.moved(status="ready", holder=None, step_deadline=None, due=due, fence=told.row.fence + 1, **said)

    def ask(self, run: str, seen: Any, by: str, reason: str, once: Any) -> bool:
        """A person asks something of a run that is held."""
        self.interrupt()
        told = self.runs[run]
        current = (told.row.fence, told.revision, told.row.status) == (seen["fence"], seen["revision"], "held")
        done = self._ask(run, seen, by, reason, once)
        self.writes += 1
        self.check(done == current, f"{run} was asked ({done}), seen as {seen}: {told}")
        self.seen["asked" if current else "asked too late"] += 1
        if current:
            told.moved(asked=Run.objects.values_list("asked", flat=True).get(id=run))
            self.check(told.row.asked, f"{run} was asked, and nothing of it stands in its row")
        return done

    # calls

    def reach(self, request: Request) -> None:
        """A call reaches the other side."""
        intents = list(Call.objects.filter(key=request.key).values("effect", "request"))
        self.check(intents, f"a call left without its intent: {request}")
        bodies = [intent["body"] for intent in unpack_all(intent["request"] for intent in intents)]
        self.check(set(bodies) <= {request.body}, f"a call left with other bytes than were intended: {bodies}, {request.body}")
        sent = self.sent.setdefault(request.key, Sent(intents[0]["effect"] if intents else ""))
        sent.bodies.append(request.body)
        self.check(sent.effect != "irreversible" or len(sent.bodies) == 1, f"an irreversible call was sent twice: {request}")

    def reach_late(self, request: Request) -> None:
        """One that a worker of before the restore sends after it: its intent is lost."""
        sent = self.sent.setdefault(request.key, Sent(request.url.rpartition("/")[2]))
        sent.bodies.append(request.body)
        once = sent.effect != "irreversible" or request.key not in self.firsts or len(sent.bodies) == 1
        self.check(once, f"an irreversible call was sent twice: {request}")

    # what the database says

    def compare(self) -> None:
        """Where each run, call and pause stands, is as it was written. Plain SQL: it is asked after every write."""
        found = {row[0]: row[1:] for row in _rows("SELECT id, revision, commit_id, {} FROM orchestration_run", *_PLAIN)}
        told = {run: (t.revision, t.commit, *(getattr(t.row, name) for name in _PLAIN)) for run, t in self.runs.items()}
        self.check(found == told, f"the runs are {found}, and must be {told}")
        calls = {
            row[:4]: bool(row[4]) for row in _rows("SELECT run_id, path, visit, n, finished IS NOT NULL FROM orchestration_call")
        }
        made = {(run, *call): finished for run, t in self.runs.items() for call, finished in t.calls.items()}
        self.check(calls == made, f"the calls are {calls}, and must be {made}")
        pauses = {row[0]: row[1:] for row in _rows("SELECT id, status, resolved_by FROM orchestration_escalation")}
        self.check(pauses == self.pauses, f"the pauses are {pauses}, and must be {self.pauses}")
        self.events.compare()

    def compare_whole(self) -> None:
        """Every column of every run."""
        found = {row.pop("id"): RunRow(**row) for row in Run.objects.values("id", *ROW)}
        told = {run: told.row for run, told in self.runs.items()}
        self.check(found == told, f"the runs are {found}, and must be {told}")

    def _of(self, run: str) -> list[Any]:
        """All that the database has of a run."""
        rows = [Run.objects.filter(id=run), *(m.objects.filter(run=run).order_by("id") for m in (StepRecord, Call, Escalation))]
        return [list(found.values()) for found in rows] + [Act.objects.count()]

    # backups

    def remember(self) -> tuple[Any, ...]:
        return deepcopy((self.runs, self.pauses, self.events.told))

    def forget(self, remembered: tuple[Any, ...], lift: int, now: datetime) -> None:
        """The database is as it was then, with its fences lifted, and what was held given back."""
        self.runs, self.pauses, self.events.told = deepcopy(remembered)
        for told in self.runs.values():
            if told.row.status == "held":
                told.row = replace(told.row, status="ready", holder=None, step_deadline=None, due=now)
            if not told.over:
                told.row = replace(told.row, fence=told.row.fence + lift, restored=told.row.seq + 1)
        self.sent = {key: sent for key, sent in self.sent.items() if sent.effect != "irreversible" or key in self.firsts}
        self.writes += 1


def stopping(row: RunRow) -> bool:
    """Whether it has its child runs stopped, as it was asked."""
    return '"stop"' in row.position


def claimable(row: RunRow, group: int, now: datetime) -> bool:
    if row.status not in ("ready", "waiting", "quarantined") or row.due is None or row.due > now or row.format > rows.FORMAT:
        return False
    if row.deaths >= sweep.DEATHS:
        return group == 0
    level = {0: 0, **{size: level for level, size in enumerate(sweep.GROUPS, 1)}}[group]
    return row.suspicion >= level if group == 1 else row.suspicion == level


def _rows(sql: str, *names: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(", ".join(names)))
        return cursor.fetchall()  # type: ignore[no-any-return]
