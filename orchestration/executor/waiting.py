"""Waits for an event or a moment: one row with a due time, held by nobody.

The run looks for its event before it waits, and goes on at once where it is there; so it does where the moment has passed. What
comes later makes it due (`record/events`), as its deadline does. Whoever takes it up then looks first whether an event was given
to it: what came before the deadline was acted on counts.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from orchestration.core import decision as deciding
from orchestration.core.acceptance import accept
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.frozen import replace
from orchestration.core.moment import written
from orchestration.core.plan import PlanStep
from orchestration.core.result import Came, Failure, Result
from orchestration.core.waiting import Awaited, awaited
from orchestration.executor import settle
from orchestration.executor.desk import Desk
from orchestration.executor.held import GRACE, Held
from orchestration.record import events
from orchestration.record.events import Given
from orchestration.record.rows import TakingRow


async def turn(desk: Desk, held: Held, step: PlanStep) -> None:
    """Goes on with what the wait came to, or begins it: then it raises `Released`."""
    await desk.load(held, settle.needs(held, step))
    now = desk.clock.now()
    since = held.paused.since if held.paused is not None and held.paused.kind in ("event", "time") else now
    try:
        found = awaited(step, held.environment(step.needs), since)
    except EvaluationError as error:
        await settle.settle(desk, held, step, None, Result.error(ErrorCode.EXPRESSION, str(error)))
        return
    event = await desk.event(held, found.address) if found.address else None
    if held.asked:
        return
    if event is not None:
        await _came(desk, held, step, found.given, event, since)
    elif now >= found.due:
        await _over(desk, held, step, found)
    else:
        wait = {"wait": "event" if found.address else "time", "awaits": found.address, "since": since}
        await desk.commit(held, held.leaving(now, "waiting", due=found.due, **wait))


async def _came(desk: Desk, held: Held, step: PlanStep, given: Any, event: Given, since: datetime) -> None:
    """What breaks the contract is a failure of the step, and is shown with its record all the same."""
    waited = (event.received - since).total_seconds()
    came = Came(event.id, given["event"], event.by, written(event.received), round(waited, 3))
    result = accept(step, given, event.payload)
    if result.failure is not None:
        result = replace(result, output=event.payload)
    marks = tuple(f"output{place.removeprefix('payload')}" for place in event.mended)
    held.takings.append(TakingRow(held.seq + 1, held.run_id, event.id))
    await settle.settle(desk, held, step, given, replace(result, came=came, marks=marks), event.by)


async def _over(desk: Desk, held: Held, step: PlanStep, found: Awaited) -> None:
    """Its moment has come, or its deadline has passed."""
    if not found.late:
        await settle.settle(desk, held, step, found.given, Result.done({"until": found.given["until"]}))
        return
    taken = deciding.deadline(held.plan, held.position, held.environment(settle.needs(held, step)), found.given)
    failure = Failure(ErrorCode.TIMEOUT, f"{found.given.get('event') or found.given['until']} had not come in time", sent=False)
    await settle.conclude(desk, held, step, found.given, Result.failed(failure), taken)


class Matching:
    """Brings events and runs together that missed each other. `write` runs a short write of the engine's."""

    def __init__(self, write: Callable[[Callable[[], int]], Awaitable[int]]) -> None:
        self._write = write
        self._last: datetime | None = None

    async def look(self, now: datetime) -> None:
        """At what came since the last look, and for as long before it as a run may be on its way to a wait while all sweeps find
        it held."""
        since = self._last - 2 * GRACE if self._last else now - events.KEPT
        while await self._write(lambda: events.match(since, now)) == events.MOST:
            pass
        self._last = now
