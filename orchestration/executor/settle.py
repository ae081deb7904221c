"""The end of a visit: decide, gather its record, go where the decision says. The same for the engine and for people's acts."""

from datetime import datetime
from typing import Any

from orchestration.core import decision as deciding
from orchestration.core import limits, sentence
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
    await conclude(desk, held, step, given, result, taken, actor)


async def conclude(
    desk: Desk, held: Held, step: PlanStep, given: Any, result: Result, taken: Decision, actor: str = "", kind: str = ""
) -> None:
    """Gathers the record of a visit that is decided, and ends the run where the decision does. Raises `Released` then."""
    held.record(step, given, result, taken, desk.clock.now(), actor, kind)
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


async def take_breach(desk: Desk, held: Held, limit: str, call: int | None = None, lacks: float | None = None) -> None:
    """A limit is met, by a call of `call` nano-dollars at most if by one, or by a child run that `lacks` so much: on to
    `on_breach`, a person, or the end. A child run that has met the limit of the whole waits, where it stands, for what becomes
    of that."""
    if limit == "cost_usd" and lacks is not None:
        call = round(lacks)
    if limits.of_the_whole(held.plan, held.spent, limit) and not held.spent.met:
        held.spent = replace(held.spent, met=limit, lacks=limits.lacks(held.plan, held.spent, limit, call, lacks))
        now = desk.clock.now()
        await desk.commit(held, held.leaving(now, "waiting", wait="limit", since=now))
        return
    step = held.plan.steps[held.position.active]
    taken = deciding.breached(held.plan, held.position, limit, held.spent, call)
    if taken.kind == "escalate":
        await escalate.limit(desk, held, step, taken)
        return
    failure = taken.failure or Failure(ErrorCode.LIMIT, taken.sentence, sent=False)
    held.spent = replace(held.spent, breached=True)
    await conclude(desk, held, step, None, Result.failed(failure), taken, kind="limit")


def keep_visit(held: Held) -> None:
    """What the visit has gathered goes to its own record, as it is not over, and not to the next one."""
    for its_own in (held.tokens, held.marks):
        its_own.pop(held.visit_key, None)  # type: ignore[attr-defined]


def waits_at(held: Held, limit: str) -> bool:
    """Whether this run stays where it stands when it meets that limit: it asks a person, or waits for what is around it."""
    if limits.of_the_whole(held.plan, held.spent, limit):
        return True
    return deciding.breached(held.plan, held.position, limit, held.spent).kind == "escalate"


def lift(held: Held, limit: str, by: str, now: datetime) -> None:
    """The visit goes on without that limit, which a person has lifted."""
    step = held.plan.steps[held.position.active]
    words = sentence.lifted(limit, by)
    keep_visit(held)
    held.record(step, None, Result.done(None), deciding.resumed(held.position, words, "act.resolve"), now, by, "limit")
    if held.spent.met and held.part_of is None:  # a called workflow's own limits hold on
        held.spent = replace(held.spent, met="", lacks=0.0, freed=(*held.spent.freed, limit))
    else:
        held.spent = replace(held.spent, met="", lacks=0.0, lifted=(*held.spent.lifted, limit))


async def deadline(desk: Desk, held: Held, step: PlanStep) -> None:
    """Nobody answered in time: the escalation expires, and the run goes on by its rule."""
    await desk.load(held, needs(held, step))
    escalate.close(held, "expired", desk.clock.now())
    env = held.environment(needs(held, step))
    failure = Failure(ErrorCode.TIMEOUT, "nobody answered in time", sent=False)
    if step.type == "human" and (held.paused is None or held.paused.kind == "human"):
        taken = deciding.deadline(held.plan, held.position, env)
    else:
        await stop_children(desk, held, Stop("late"))
        taken = deciding.unattended(held.plan, held.position)
    await conclude(desk, held, step, None, Result("needs_person", failure=failure), taken)


async def unattended(desk: Desk, held: Held) -> None:
    """The same where its child runs had to be stopped first."""
    taken = deciding.unattended(held.plan, held.position)
    failure = Failure(ErrorCode.TIMEOUT, "nobody answered in time", sent=False)
    await conclude(desk, held, held.plan.steps[held.position.active], None, Result("needs_person", failure=failure), taken)


async def abort(desk: Desk, held: Held, by: str, code: ErrorCode) -> None:
    """A person had the run end, as `on_failure` says; its child runs first."""
    await stop_children(desk, held, Stop("aborted", by, code.value))
    taken = aborted(held, by, code)
    assert taken.failure is not None
    await conclude(desk, held, held.plan.steps[held.position.active], None, Result.failed(taken.failure), taken, by)


def aborted(held: Held, by: str, code: ErrorCode) -> Decision:
    failure = Failure(code, f"{by} stopped the run", sent=False)
    return deciding.give_up(held.plan, held.position, failure, f"{by} stopped the run.", "act.resolve")


async def apply_asked(desk: Desk, held: Held) -> None:
    """What was asked of a run: by a person to cancel it, if a worker holds it; by its parent to end, or to go on without the
    limit at which it waits, or with more of it."""
    asked = held.asked or {}
    if asked.get("verb") == "lift":
        held.asked = None
        if held.spent.met:
            lift(held, asked["limit"], asked["by"], desk.clock.now())
        return
    if asked.get("verb") == "wait":
        held.asked = None
        held.spent = replace(held.spent, met="", lacks=0.0)
        return
    if asked.get("verb") == "lend":
        held.asked = None
        held.spent = limits.lent(held.spent, asked["limit"], asked["amount"])
        return
    if asked.get("verb") == "give_up" and held.spent.met:
        held.asked = None
        await stop_children(desk, held, Stop("limit", why=held.spent.met))
        await take_breach(desk, held, held.spent.met)
    await cancel(desk, held, asked.get("by", ""), asked.get("reason", ""))


async def cancel(desk: Desk, held: Held, by: str, reason: str) -> None:
    """Ends the run where it stands, child runs first; a step record says who and why. Raises `Released`."""
    now = desk.clock.now()
    escalate.close(held, "cancelled", now, by)  # first, or somebody could answer it until none of its child runs lives
    await stop_children(desk, held, Stop("cancelled", by, reason))
    step = held.plan.steps[held.position.active]
    taken = deciding.cancelled(by, reason)
    held.record(step, None, Result.done(None), taken, now, by, kind="cancel")
    held.asked = None
    await desk.commit(held, held.finished(taken, now, "cancelled"))


async def stop_children(desk: Desk, held: Held, stop: Stop) -> None:
    """Where child runs live, they are stopped first. Raises `Released` then: the run ends when none lives. What else is asked of
    it at that moment comes in place of this."""
    while (fan := held.position.fan) is not None and fan.live:
        held.position = replace(held.position, fan=replace(fan, stop=stop))
        held.asked = None
        now = desk.clock.now()
        await desk.commit(held, held.leaving(now, "ready", due=now))
        if held.asked:
            await apply_asked(desk, held)
