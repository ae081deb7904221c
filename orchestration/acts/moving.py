"""How a person's act moves a run: the same decisions and the same conditional write as the engine's, without an engine.

`drive` runs a coroutine of the executor against a desk that never waits, and gives the commit that it came to;
`apply_or_conflict` writes it together with the act. Somebody was first: `Moved`, or `Overtaken`.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from django.db import IntegrityError

from orchestration import nudges, tasks
from orchestration.core.catalog import Tool
from orchestration.core.errors import Conflict
from orchestration.core.ladder import CallFact
from orchestration.core.result import Answer, Request
from orchestration.executor.desk import Released
from orchestration.executor.held import Held
from orchestration.executor.reading import read_each, read_part, read_seen
from orchestration.executor.unreadable import told
from orchestration.executor.written import Intent
from orchestration.llm.ask import ProviderSpec
from orchestration.models import Run
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of
from orchestration.queries.pruned import no_run
from orchestration.record import rows
from orchestration.record.apply import apply
from orchestration.record.clock import Clock, DatabaseClock
from orchestration.record.events import Given, find
from orchestration.record.rows import ActRow, Commit, RunRow

log = logging.getLogger(__name__)


class Overtaken(Conflict):
    """Nothing stands against the act but its moment: the same again may do."""

    code = "overtaken"


class Moved(Conflict):
    """Somebody was first: what the act was decided on is no more."""

    code = "moved"


class Newer(Conflict):
    """A newer release has moved the run: what it means is beyond this process."""

    code = "newer_release"


class ActDesk:
    """A desk whose commits are kept for the act to write. It makes no calls."""

    draining = False
    family = None

    def __init__(self) -> None:
        clock = DatabaseClock()
        clock.sync()
        self.clock: Clock = clock
        self.made: Commit | None = None

    async def commit(self, held: Held, row: RunRow) -> None:
        self.made = held.take_commit(row)
        raise Released

    async def load(self, held: Held, steps: Collection[str]) -> None:
        names = [name for name in held.names(steps) if name not in held.values]
        for name, (value, path, seq) in read_seen(held, names).items():
            held.values[name] = value
            held.writers[name] = (path, seq)

    async def load_part(self, held: Held, path: str) -> Any:
        return read_part(held.run_id, path)

    async def perform(self, held: Held, request: Request, tool: Tool | None) -> Answer:
        raise AssertionError("an act makes no calls")

    async def event(self, held: Held, address: str) -> Given | None:
        """One that is kept is left to whoever moves the run next."""
        found = find(held.run_id, address, self.clock.now())
        return found if found is not None and found.own else None

    async def intent(self, held: Held, fact: CallFact) -> Intent:
        raise AssertionError("an act makes no calls")

    async def denied(self, held: Held) -> bool:
        raise AssertionError("an act makes no calls")

    def enter(self, provider: str) -> bool:
        raise AssertionError("an act makes no calls")

    async def wait_to_enter(self, provider: str) -> bool:
        raise AssertionError("an act makes no calls")

    def leave(self, provider: str) -> None:
        raise AssertionError("an act makes no calls")

    def provider(self, name: str) -> ProviderSpec | None:
        return None


def take(run: str) -> Held:
    """The run as it is now. Nothing is claimed: the revision that was read guards the write. Raises `NotFound`, and `Conflict`
    where its record can't be read, or not by this release."""
    world = current()
    found, unread = read_each([run], lambda version, digest: plan_of(version, world, digest))
    if (found and found[0].row.format > rows.FORMAT) or (unread and Run.objects.filter(id=run, format__gt=rows.FORMAT).exists()):
        message = "A newer release of Interlock than this one has moved this run. Try again once all processes are upgraded."
        raise Newer(message, run=run)
    if run in unread:
        log.error("Run %s can't be read: %s", run, unread[run], exc_info=unread[run])
        raise Conflict(told(unread[run]), "unreadable_run", run=run)
    if not found:
        raise no_run(run)
    found[0].overdue = False
    return found[0]


def drive(held: Held, move: Callable[[ActDesk], Awaitable[None]]) -> Commit:
    """The commit that `move` comes to; where it comes to none, the run goes on: it is ready, and due now."""
    desk = ActDesk()
    coroutine: Any = move(desk)
    try:
        coroutine.send(None)
    except (StopIteration, Released):
        pass
    else:
        raise AssertionError("an act has to be decided without waiting")
    if desk.made is None:
        now = desk.clock.now()
        desk.made = held.take_commit(held.leaving(now, "ready", due=now))
    return desk.made


def apply_or_conflict(commit: Commit, act: ActRow | None = None) -> None:
    """Writes it, act included, and wakes whoever goes on with the run."""
    if act is not None:
        commit.acts.append(act)
    try:
        moved = apply([commit])[0]
    except IntegrityError as error:  # another act of this run took the number that this one was to have
        raise Overtaken("Something else was done to this run at the same moment. Try again.", run=commit.run_id) from error
    if not moved:
        raise Moved("Somebody else has moved this run in the meantime. Look again.", run=commit.run_id)
    nudges.announce([(commit.run_id, commit.revision + 1)], people=True)
    if commit.row.status == "ready":
        tasks.hint(commit.run_id)
    if commit.row.ended is not None and (parent := Run.objects.values_list("parent", flat=True).get(id=commit.run_id)):
        tasks.hint(parent)  # it has a child run to count
