"""A visit with calls: up and down its ladder, each call's intent committed before it leaves (P4).

    before    the request is built, what it may cost is reserved, and the intent is committed, together with whatever the
              run had gathered; an irreversible call's intent is a commit of its own
    the call  no connection, no thread and no lock is held meanwhile
    after     the answer is read and gathered; it is committed with the next intent, or when the run leaves

Where a worker died between intent and answer, the call's effect class says what its successor may do (`_resume`); of a
`reconcilable` one that may have happened the other side is asked (`doubt`).
"""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from orchestration.core import decision as deciding
from orchestration.core import prompt, values
from orchestration.core.acceptance import accept, unexpected
from orchestration.core.catalog import Tool
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.frozen import dataclass, replace
from orchestration.core.ladder import Ask, CallFact, RunStep, Settled, call_key, climb
from orchestration.core.plan import PlanStep
from orchestration.core.position import failure_data
from orchestration.core.prompt import Message
from orchestration.core.result import Answer, Failure, Request, Result
from orchestration.executor import doubt, resent, settle, written
from orchestration.executor.desk import Desk
from orchestration.executor.held import Held
from orchestration.record.failpoints import failpoint
from orchestration.record.rows import AnswerRow, IntentRow
from orchestration.steps import llm, tool

UNKNOWN_MARGIN = timedelta(seconds=5)
"""How long after an irreversible call's deadline a person is asked whether it happened."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that may leave. `cost` is the most that it may cost, in nano-dollars; `lost` how often it was sent before by workers
    that were gone before an answer was recorded."""

    request: Request
    effect: str
    cost: int = 0
    asked: tuple[Message, ...] = ()
    tool: Tool | None = None
    lost: int = 0


async def turn(desk: Desk, held: Held, step: PlanStep) -> None:
    """The visit, up its ladder call by call, until it ends, a fallback step begins, or something else comes first. `step` is the
    one that does the work: itself, or a fallback step in its place, which climbs its own first rung alone."""
    await desk.load(held, settle.needs(held, step))
    in_place = step.id != held.position.step
    ladder = climb(step, held.facts, held.position.tried, only=in_place)
    if isinstance(ladder, RunStep):
        _begin_fallback(held, ladder)
        return
    try:
        given = step.input.evaluate(held.environment(step.needs)) if step.input else {}
    except EvaluationError as error:
        await settle.settle(desk, held, step, None, Result.error(ErrorCode.EXPRESSION, f"input: {error}"))
        return
    if not held.facts and (broken := unexpected(step, given)):
        await settle.settle(desk, held, step, given, Result.failed(broken))
        return
    here = held.position
    while isinstance(ladder, Ask):
        await make(desk, held, step, given, ladder, partial(prepare, desk, held, step, given, ladder))
        if held.asked or held.position is not here or deciding.breach(held.plan, held.spent):
            return
        ladder = climb(step, held.facts, held.position.tried, only=in_place)
    if isinstance(ladder, RunStep):
        _begin_fallback(held, ladder)
    elif isinstance(ladder, Settled):
        await _settled(desk, held, step, given, ladder)
    else:
        await _resume(desk, held, step, given, ladder.call)


def _begin_fallback(held: Held, ladder: RunStep) -> None:
    held.position = held.position.with_part(f"fallback.{ladder.step}", rung=ladder.rung)


async def _settled(desk: Desk, held: Held, step: PlanStep, given: Any, ladder: Settled) -> None:
    result = ladder.result
    if result.failure is None and (inner := step.rungs[ladder.rung].step):
        output = await desk.load_part(held, f"{held.position.visit_path}/fallback.{inner}")
        result = replace(accept(step, given, output), degraded=True)
    await settle.settle(desk, held, step, given, result)


# before


def prepare(desk: Desk, held: Held, step: PlanStep, given: Any, ask: Ask) -> Prepared | Failure:
    """The call that `ask` means, or why it can't be made."""
    key = call_key(held.run_id, *held.visit_key, ask.ask)
    timeout = time_left(held, step.timeout)
    try:
        if step.type == "tool":
            if step.tool is None:
                return Failure(ErrorCode.REFUSED, f"there is no tool {step.model.tool} any more", sent=False)
            return Prepared(tool.request(step, given, key, timeout), step.tool.effect, tool=step.tool)
        asked = prompt.messages(step, given)
        if ask.broken is not None:
            asked += prompt.repair(ask.broken, held.said.get(held.visit_key))
        return question(desk, held, step, ask, asked, timeout, key)
    except EvaluationError as error:
        return Failure(ErrorCode.EXPRESSION, str(error), sent=False)


def question(
    desk: Desk, held: Held, step: PlanStep, ask: Ask, asked: tuple[Message, ...], timeout: float, key: str
) -> Prepared | Failure:
    size = llm.prompt_tokens(step, asked)
    if failure := llm.too_long(step, size):
        return failure
    model = step.rungs[ask.rung].model
    assert model is not None
    provider = desk.provider(model.provider)
    if provider is None:
        return Failure(ErrorCode.REFUSED, f"there is no provider {model.provider} any more", sent=False)
    place = llm.Place(held.plan.definition.id, step.id, held.position.path, held.position.number, ask.ask + 1, held.round)
    request = llm.request(step, model, provider, asked, key, timeout, place)
    return Prepared(request, "none", llm.bound(step, model, size), asked)


def time_left(held: Held, timeout: float) -> float:
    """A call may take its timeout, or what is left of the run's machine time."""
    left = deciding.left(held.plan, held.spent).get("machine_time")
    return timeout if left is None else max(min(timeout, left), 0.001)


Preparing = Callable[[], Prepared | Failure]


async def make(desk: Desk, held: Held, step: PlanStep, given: Any, ask: Ask, preparing: Preparing) -> None:
    """Makes the call that `ask` means, after its backoff, within the limits, its intent first."""
    if ask.delay and not held.rested:
        await back_off(desk, held, ask.delay)
        if held.asked:
            return
    if desk.draining:
        await desk.commit(held, held.holding(desk.clock.now()))
        if held.asked:
            return
    held.rested = False
    prepared = _repeated(held, ask, preparing())
    now = desk.clock.now()
    held.spans.setdefault(held.visit_key, now)
    if isinstance(prepared, Failure):
        held.facts.append(CallFact(ask.n, ask.ask, ask.rung, ask.kind, failure=prepared))
        return
    if limit := deciding.breach(held.plan, held.spent, prepared.cost):
        await settle.take_breach(desk, held, limit, prepared.cost)
        return
    if not await _enter(desk, held, prepared):
        return
    try:
        await _go(desk, held, step, given, ask, prepared)
    finally:
        _leave(desk, prepared)


def _repeated(held: Held, ask: Ask, prepared: Prepared | Failure) -> Prepared | Failure:
    """A retry sends the bytes of the call that it repeats, whatever has been changed since about the provider or the tool."""
    before = held.requests.get(held.visit_key) if ask.kind == "retry" else None
    if before is None or isinstance(prepared, Failure):
        return prepared
    return replace(prepared, request=replace(before, timeout=prepared.request.timeout))


async def _enter(desk: Desk, held: Held, prepared: Prepared) -> bool:
    """Whether the call may leave now, the provider's cap regarded; else the run was given back, or a person intervened. What
    was gathered is not kept waiting."""
    if prepared.tool is not None or desk.enter(prepared.request.target):
        return True
    if held.pending:
        await desk.commit(held, held.holding(desk.clock.now()))
        if held.asked:
            return False
    if await desk.wait_to_enter(prepared.request.target):
        return True
    now = desk.clock.now()
    due = now + timedelta(seconds=random.uniform(1.0, 3.0))  # noqa: S311 (so that many do not come back at one moment)
    await desk.commit(held, held.leaving(now, "ready", due=due, wait="slot"))
    return False


def _leave(desk: Desk, prepared: Prepared) -> None:
    if prepared.tool is None:
        desk.leave(prepared.request.target)


async def _go(desk: Desk, held: Held, step: PlanStep, given: Any, ask: Ask, prepared: Prepared) -> None:
    """The intent, committed; then the call."""
    now = desk.clock.now()
    if prepared.effect == "irreversible" and held.pending:
        await desk.commit(held, held.holding(now))
        if held.asked:
            return
    before = held.facts[-1].failure if ask.kind == "retry" else None
    state_intent(held, ask, prepared, now)
    failpoint("before_intent", held.run_id)
    await desk.commit(held, held.holding(now, prepared.request.timeout))
    failpoint("after_intent", held.run_id)
    if held.asked:
        failure = Failure(ErrorCode.REFUSED, "it was not sent, because a person intervened", sent=False)
        gather(desk, held, step, given, held.facts[-1], prepared, Answer(failure=failure), 0.0)
        return
    told = await doubt.beforehand(desk, held, prepared.request, prepared.tool, prepared.effect, given, before)
    if told.answer is not None:
        gather(desk, held, step, given, held.facts[-1], prepared, told.answer, 0.0, told.question)
        return
    await send(desk, held, step, given, held.facts[-1], prepared)


def state_intent(held: Held, ask: Ask, prepared: Prepared, now: Any) -> None:
    path, visit = held.visit_key
    request = prepared.request
    held.spent = replace(held.spent, reserved=held.spent.reserved + prepared.cost, calls=held.spent.calls + 1)
    held.reserved[held.visit_key] = prepared.cost
    held.facts.append(CallFact(ask.n, ask.ask, ask.rung, ask.kind, finished=False, key=request.key))
    held.requests[held.visit_key] = request
    prints = written.request_prints(request, prepared.asked)
    held.prints.setdefault(held.visit_key, {}).update(prints)
    held.intents.append(
        IntentRow(
            run_id=held.run_id,
            path=path,
            visit=visit,
            n=ask.n,
            ask=ask.ask,
            rung=ask.rung,
            kind=ask.kind,
            protocol=request.protocol,
            target=request.target,
            effect=prepared.effect,
            key=request.key,
            request=held.pack({**written.request_data(request), "prints": prints}),
            reserved=prepared.cost,
            intended=now,
            deadline=now + timedelta(seconds=request.timeout),
        )
    )


def _took(seconds: float, most: float) -> float:
    """What a call counts as that took so long: a timer may end it some milliseconds before its time is up."""
    return most if seconds > most - 0.01 else max(seconds, 0.0)


async def back_off(desk: Desk, held: Held, delay: float) -> None:
    """Gives the run back until the backoff is over: nothing sleeps holding one."""
    now = desk.clock.now()
    await desk.commit(held, held.leaving(now, "ready", due=now + timedelta(seconds=delay), wait="backoff"))


# the call


async def send(desk: Desk, held: Held, step: PlanStep, given: Any, fact: CallFact, prepared: Prepared) -> None:
    """The call itself, and its answer gathered. `fact` is the open call."""
    failpoint("before_send", held.run_id)
    begun = desk.clock.now()
    answer = await desk.perform(held, prepared.request, prepared.tool)
    failpoint("after_send", held.run_id)
    # No more than it was allowed, and no less than nothing: the clock may have been set in between.
    took = _took((desk.clock.now() - begun).total_seconds(), prepared.request.timeout)
    question = None
    if prepared.effect == "reconcilable" and _is_given_up(held, step, fact, answer.failure):
        told = await doubt.ask(desk, held, prepared.request, prepared.tool, given)
        answer, question = doubt.given_up(answer, told), told.question
    gather(desk, held, step, given, fact, prepared, answer, took, question)


def _is_given_up(held: Held, step: PlanStep, fact: CallFact, failure: Failure | None) -> bool:
    """Whether nobody knows what the call did, and it is not sent again."""
    if failure is None or not tool.left_open(failure):
        return False
    if step.type != "tool":
        return True  # a model asked for it
    calls = [replace(fact, finished=True, failure=failure) if call is fact else call for call in held.facts]
    following = climb(step, calls, held.position.tried, only=step.id != held.position.step)
    return not (isinstance(following, Ask) and following.kind == "retry")


def gather(
    desk: Desk,
    held: Held,
    step: PlanStep,
    given: Any,
    fact: CallFact,
    prepared: Prepared,
    answer: Answer,
    seconds: float,
    question: Request | None = None,
) -> None:
    """Reads an answer and puts it where the next commit takes it. `question`: it came from asking whether the call happened."""
    if step.type == "llm" and prepared.tool is None:
        result = llm.read(step, given, answer)
        model = step.rungs[fact.rung].model
        assert model is not None
        usage, cost = llm.spent(step, model, prepared.asked, answer, prepared.cost)
        cost += prepared.cost * prepared.lost  # what was lost may have been answered, and billed
        held.said[held.visit_key] = answer.text
    else:
        result = tool.read_tool(prepared.tool, step, given, answer)
        usage, cost = answer.usage, 0
    done = replace(fact, finished=True, failure=result.failure, output=result.output)
    held.facts[held.facts.index(fact)] = done
    tokens_in, tokens_out = usage.tokens_in or 0, usage.tokens_out or 0
    held.spent = replace(
        held.spent,
        reserved=max(held.spent.reserved - held.reserved.pop(held.visit_key, 0), 0),
        cost=held.spent.cost + cost,
        seconds=held.spent.seconds + seconds,
        tokens_in=held.spent.tokens_in + tokens_in,
        tokens_out=held.spent.tokens_out + tokens_out,
    )
    totals = held.tokens.setdefault(held.visit_key, [0, 0, 0])
    totals[0], totals[1], totals[2] = totals[0] + tokens_in, totals[1] + tokens_out, totals[2] + cost
    held.prints.setdefault(held.visit_key, {})["response"] = values.digest_text(answer.raw)
    held.marks[held.visit_key] = marks = (*answer.marks, *result.marks)
    path, visit = held.visit_key
    held.answers.append(
        AnswerRow(
            finished=desk.clock.now(),
            response=held.pack(written.answer_data(answer, marks, question)),
            output=held.pack(result.output),
            error=held.pack(failure_data(result.failure, checks=True)),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost=cost,
            run_id=held.run_id,
            path=path,
            visit=visit,
            n=fact.n,
        )
    )
    failpoint("before_answer", held.run_id)


# after a worker died


async def _resume(desk: Desk, held: Held, step: PlanStep, given: Any, fact: CallFact) -> None:
    """Takes up a call whose intent stands and whose answer nobody has: `none` and `idempotent` send the same bytes again
    (`resent`), `reconcilable` asks first, `irreversible` is unknown once its deadline and a margin have passed; not before that
    does "it did not happen" count."""
    asked = prompt.messages(step, given) if step.type == "llm" else ()
    await resume(desk, held, step, given, fact, await desk.intent(held, fact), asked)


async def resume(
    desk: Desk, held: Held, step: PlanStep, given: Any, fact: CallFact, intent: written.Intent, asked: tuple[Message, ...] = ()
) -> None:
    """The same for any visit. `asked` is the conversation, where a model was asked."""
    prepared = Prepared(intent.request, intent.effect, intent.reserved, asked, intent.tool)
    held.requests[held.visit_key] = intent.request
    held.reserved[held.visit_key] = intent.reserved
    held.spans.setdefault(held.visit_key, intent.intended)
    if intent.effect == "irreversible":
        await _wait_out(desk, held, intent)
        if held.asked:
            return
        message = f"{intent.request.target} was called, and the worker died before the answer was recorded"
        answer = Answer(failure=Failure(ErrorCode.UNKNOWN, message))
        gather(desk, held, step, given, fact, prepared, answer, 0.0)
        return
    if intent.effect == "reconcilable":
        told = await doubt.ask(desk, held, intent.request, intent.tool, given)
        if told.answer is None:
            await _wait_out(desk, held, intent)
        if held.asked:
            return
        if told.answer is not None:
            gather(desk, held, step, given, fact, prepared, told.answer, 0.0, told.question)
            return
    if desk.draining:
        await desk.commit(held, held.holding(desk.clock.now()))
    if not held.asked and await _enter(desk, held, prepared):
        try:
            prepared = replace(prepared, lost=await resent.note(desk, held, fact, intent))
            if not held.asked:
                await send(desk, held, step, given, fact, prepared)
        finally:
            _leave(desk, prepared)


async def _wait_out(desk: Desk, held: Held, intent: written.Intent) -> None:
    """Its sender may be alive still, and slow: nothing is concluded before it can't be under way any more."""
    now = desk.clock.now()
    until = intent.deadline + UNKNOWN_MARGIN
    if now < until:
        await desk.commit(held, held.leaving(now, "ready", due=until, wait="backoff"))
