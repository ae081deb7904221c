"""The end of a visit: decide, gather its record, go where the decision says. The same for the engine and for people's acts."""

from typing import Any

from orchestration.core import decision as deciding
from orchestration.core import limits
from orchestration.core.decision import Decision
from orchestration.core.errors import ErrorCode
from orchestration.core.frozen import replace
from orchestration.core.plan import PlanStep
from orchestration.core.position import Stop
from orchestration.core.result import Failure, Result
from orchestration.executor import escalate
from orchestration.executor.desk import Desk
from orchestration.executor.held import Held


def needs(held: Held, step: PlanStep) -> frozenset[str]:
    """What must be loaded to settle a visit: what the step reads, and the loops that may end their round with it."""
    place = held.plan.steps[held.position.step]
    found = step.needs if place is step else step.needs | place.needs
    for frame in held.position.frames:
        found |= held.plan.steps[frame.step].needs
    return found


async def settle(desk: Desk, held: Held, step: PlanStep, given: Any, result: Result, actor: str = "") -> None:
    """`result` is the visit's. Raises `Released` where the run ended or now waits for a person."""
    await desk.load(held, needs(held, step))
    taken = _decide(held, step, given, result)
    if taken.kind == "escalate":
        await escalate.unknown(desk, held, step, given, taken)
        return
    held.record(step, given, result, taken, desk.clock.now(), actor)
    if taken.kind == "finish":
        await finish(desk, held, taken, result.failure)


def _decide(held: Held, step: PlanStep, given: Any, result: Result) -> Decision:
    env = held.environment(needs(held, step))
    if result.failure is None and not held.position.part:
        env["steps"][step.id] = result.output
    return deciding.decide(held.plan, held.position, result, env, given)


async def finish(desk: Desk, held: Held, taken: Decision, failure: Failure | None = None) -> None:
    """The run has ended, in the outcome that the decision names; an item or an arm as it says, whatever failed on the way."""
    failure = taken.failure if taken.outcome is None else failure or taken.failure
    good = failure is None if taken.outcome is None else held.plan.workflow.outcomes[taken.outcome].kind == "success"
    row = held.finished(taken, desk.clock.now(), "succeeded" if good else "failed", failure)
    await desk.commit(held, row)


async def take_breach(desk: Desk, held: Held, limit: str, call: int | None = None) -> None:
    """A limit is met, by a call of `call` nano-dollars at most if by one: on to `on_breach`, a person, or the end."""
    step = held.plan.steps[held.position.active]
    taken = deciding.breached(held.plan, held.position, limit, held.spent, call)
    if taken.kind == "escalate":
        await escalate.limit(desk, held, step, taken)
        return
    failure = taken.failure or Failure(ErrorCode.LIMIT, taken.sentence)
    whole = limits.of_the_whole(held.plan, held.spent, limit)
    held.spent = replace(held.spent, breached=True, met=limit if whole else "")
    held.record(step, None, Result.failed(failure), taken, desk.clock.now(), kind="limit")
    if taken.kind == "finish":
        await finish(desk, held, taken, failure)


async def deadline(desk: Desk, held: Held, step: PlanStep) -> None:
    """Nobody answered in time: the escalation expires, and the run goes on by its rule."""
    await desk.load(held, needs(held, step))
    now = desk.clock.now()
    escalate.close(held, "expired", now)
    env = held.environment(needs(held, step))
    failure = Failure(ErrorCode.TIMEOUT, "nobody answered in time")
    if step.type == "human" and (held.paused is None or held.paused.kind == "human"):
        taken = deciding.deadline(held.plan, held.position, env)
    else:
        await stop_children(desk, held, "", "nobody answered in time")
        taken = deciding.unattended(held.plan, held.position)
    held.record(step, None, Result("needs_person", failure=failure), taken, now)
    if taken.kind == "finish":
        await finish(desk, held, taken, failure)


async def apply_asked(desk: Desk, held: Held) -> None:
    """What a person asked of a run that was held. There is one such thing: to cancel it."""
    asked = held.asked or {}
    await cancel(desk, held, asked.get("by", ""), asked.get("reason", ""))


async def cancel(desk: Desk, held: Held, by: str, reason: str) -> None:
    """Ends the run where it stands, child runs first; a step record says who and why. Raises `Released`."""
    now = desk.clock.now()
    await stop_children(desk, held, by, reason)
    escalate.close(held, "cancelled", now, by)
    step = held.plan.steps[held.position.active]
    taken = deciding.cancelled(by, reason)
    held.record(step, None, Result.done(None), taken, now, by, kind="cancel")
    held.asked = None
    await desk.commit(held, held.finished(taken, now, "cancelled"))


async def stop_children(desk: Desk, held: Held, by: str, why: str) -> None:
    """Where child runs live, they are stopped first. Raises `Released` then: the run is cancelled when none lives."""
    fan = held.position.fan
    if fan is None or not fan.live:
        return
    held.position = replace(held.position, fan=replace(fan, stop=Stop("cancelled", by, why)))
    held.asked = None
    now = desk.clock.now()
    await desk.commit(held, held.leaving(now, "ready", due=now))
