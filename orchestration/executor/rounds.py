"""An `llm` with tools: rounds of the model and the tools it asks for, each a step record of its own.

    answer/round.1 → answer/tool.1.0 → answer/tool.1.1 → answer/round.2 → … → answer

So a model's answer is recorded before any tool runs on it (P5), and a worker that takes over goes on between two of them.
An unknown tool, wrong arguments or a tool's failure is answered to the model as such. Each repair is a round of its own, so
that `max_rounds` bounds what the model is asked; only a retry, which sends the same bytes, stays inside of its round. When a
round fails for good, the ladder of the step goes on to its next rung: a fallback model with a fresh round of the same
conversation, or a step in its place.
"""

from collections.abc import Mapping
from typing import Any

from orchestration.core import prompt, values
from orchestration.core.acceptance import unexpected
from orchestration.core.contract import contract
from orchestration.core.decision import Decision
from orchestration.core.definition import MAX_TOOL_CALLS_PER_ROUND
from orchestration.core.errors import ErrorCode, EvaluationError, Unreadable
from orchestration.core.frozen import replace
from orchestration.core.ladder import Ask, Open, Settled, call_key, climb, retried
from orchestration.core.plan import PlanStep
from orchestration.core.position import Position, Sub, Used
from orchestration.core.result import Failure, Request, Result, ToolCall
from orchestration.core.wording import listed
from orchestration.executor import escalate, settle, visit
from orchestration.executor.desk import Desk
from orchestration.executor.held import Held
from orchestration.steps import tool as tools


async def turn(desk: Desk, held: Held, step: PlanStep) -> None:
    await desk.load(held, settle.needs(held, step))
    try:
        given = step.input.evaluate(held.environment(step.needs)) if step.input else {}
    except EvaluationError as error:
        await settle.settle(desk, held, step, None, Result.error(ErrorCode.EXPRESSION, f"input: {error}"))
        return
    kind = held.position.part.partition(".")[0]
    if kind == "round":
        await _round(desk, held, step, given)
    elif kind == "tool":
        await _tool(desk, held, step)
    else:
        await _climb(desk, held, step, given)


async def _climb(desk: Desk, held: Held, step: PlanStep, given: Any) -> None:
    """On the step itself: the next rung, or its end."""
    tried = {sub.rung: sub for sub in held.position.tried}
    failure = unexpected(step, given) if not tried else None
    number = _left_behind(held.position) + 1
    for index, rung in enumerate(step.rungs) if failure is None or tried else ():
        sub = tried.get(index)
        if sub is not None and sub.failure is None:
            await _done(desk, held, step, given, sub)
            return
        if sub is not None:
            failure = sub.failure
            if failure and failure.code == ErrorCode.UNKNOWN:
                break
        elif rung.step is not None:
            held.position = held.position.with_part(f"fallback.{rung.step}", rung=index)
            return
        elif number <= (step.model.max_rounds or 1):
            held.position = held.position.with_part(f"round.{number}", rung=index, used=Used())
            return
    assert failure is not None
    await settle.settle(desk, held, step, given, Result.failed(_without_rounds(step, failure, tried, number)))


def _without_rounds(step: PlanStep, failure: Failure, tried: Mapping[int, Sub], number: int) -> Failure:
    """The failure, and which models were not asked because those before them had used the rounds up."""
    left = [rung.model.name for index, rung in enumerate(step.rungs) if rung.model is not None and index not in tried]
    if not tried or not left or number <= (step.model.max_rounds or 1):
        return failure
    shared = f"the models of this step share its {step.model.max_rounds} rounds, so {listed(left, join='and')} could not be asked"
    return replace(failure, message=f"{failure.message}; {shared}")


def _left_behind(at: Position) -> int:
    """The last round of the rungs that have failed, 0 where there is none."""
    return max((int(sub.step.partition(".")[2]) for sub in at.tried if sub.step.startswith("round.")), default=0)


async def _done(desk: Desk, held: Held, step: PlanStep, given: Any, sub: Sub) -> None:
    path = f"{held.position.visit_path}/{sub.step if sub.step.startswith('round.') else f'fallback.{sub.step}'}"
    output = await desk.load_part(held, path)
    result = visit.accept(step, given, output)
    await settle.settle(desk, held, step, given, replace(result, degraded=sub.rung > 0))


async def _round(desk: Desk, held: Held, step: PlanStep, given: Any) -> None:
    budget = Used(step.model.repair.attempts, held.position.used.retries)
    ladder = climb(step, held.facts, start=held.position.rung, only=True, used=budget)
    if isinstance(ladder, Settled):
        _end_round(desk, held, step, given, ladder.result)
    elif isinstance(ladder, Open):
        intent = await desk.intent(held, ladder.call)
        await visit.resume(desk, held, step, given, ladder.call, intent, await _conversation(desk, held, step, given))
    else:
        assert isinstance(ladder, Ask)
        asked = await _conversation(desk, held, step, given)
        if ladder.kind != "retry" and await _broken(desk, held, held.round - 1):
            ladder = replace(ladder, kind="repair")
        key = call_key(held.run_id, *held.visit_key, ladder.ask)
        timeout = visit.time_left(held, step.timeout)
        await visit.make(desk, held, step, given, ladder, lambda: visit.question(desk, held, step, ladder, asked, timeout, key))


def _end_round(desk: Desk, held: Held, step: PlanStep, given: Any, result: Result) -> None:
    at, number = held.position, held.round
    at = replace(at, used=replace(at.used, retries=at.used.retries + retried(held.facts)))
    if result.kind == "invalid" and at.used.repairs < step.model.repair.attempts and number < step.model.max_rounds:
        _ask_again(desk, held, step, given, result, at)
        return
    calls = result.output.get("tool_calls") if result.failure is None and isinstance(result.output, dict) else None
    if not isinstance(calls, list) or set(result.output) - {"echo"} != {"text", "tool_calls"}:
        after = _back(at, Sub(at.rung, at.part, result.failure))
        words = "Answered." if result.failure is None else f"Round {number} failed with {result.failure.code.value}."
        _note(desk, held, step, given, result, after, f"{step.place}.output", words)
        return
    if len(calls) > MAX_TOOL_CALLS_PER_ROUND or number >= step.model.max_rounds:
        message = f"asked for tools in round {number}, and max_rounds is {step.model.max_rounds}"
        if len(calls) > MAX_TOOL_CALLS_PER_ROUND:
            message = f"asked for {len(calls)} tools at once; {MAX_TOOL_CALLS_PER_ROUND} are the most"
        failure = Failure(ErrorCode.LIMIT, message)
        after = _back(at, Sub(at.rung, at.part, failure))
        _note(desk, held, step, given, Result.failed(failure), after, f"{step.place}.max_rounds", f"Stopped: it {message}.")
        return
    names = ", ".join(call["name"] for call in calls)
    _note(desk, held, step, given, result, at.with_part(f"tool.{number}.0"), f"{step.place}.tools", f"Asked for {names}.")


def _ask_again(desk: Desk, held: Held, step: PlanStep, given: Any, result: Result, at: Position) -> None:
    """A broken answer is shown to the model in its next round, with what is wrong with it."""
    assert result.failure is not None
    said, told = prompt.repair(result.failure, held.said.get(held.visit_key))
    words = f"Asked again, because the answer can't be used: {result.failure.message}."
    after = at.with_part(f"round.{held.round + 1}", used=replace(at.used, repairs=at.used.repairs + 1))
    result = replace(result, output={"text": said.content, "told": told.content})
    _note(desk, held, step, given, result, after, f"{step.place}.repair", words)


def _back(at: Position, sub: Sub) -> Position:
    return at.with_part("", tried=(*at.tried, sub))


def _note(
    desk: Desk,
    held: Held,
    step: PlanStep,
    given: Any,
    result: Result,
    after: Position,
    rule: str,
    words: str,
    kind: str = "",
    actor: str = "",
) -> None:
    taken = Decision("advance", after.path, rule, words, after)
    held.record(step, given, result, taken, desk.clock.now(), actor, kind)


async def _conversation(desk: Desk, held: Held, step: PlanStep, given: Any) -> tuple[prompt.Message, ...]:
    """The prompt, and every round before this one with what its tools answered."""
    asked = prompt.messages(step, given)
    root = held.position.visit_path
    for number in range(1, held.round):
        said = await desk.load_part(held, f"{root}/round.{number}")
        if number > _left_behind(held.position) and await _broken(desk, held, number):
            asked += (prompt.Message("assistant", said["text"]), prompt.Message("user", said["told"]))
        if not isinstance(said, dict) or "tool_calls" not in said:
            continue
        calls = [ToolCall(call["id"], call["name"], call["arguments"]) for call in said["tool_calls"]]
        answers = [values.dump(await desk.load_part(held, f"{root}/tool.{number}.{i}")) for i in range(len(calls))]
        asked += prompt.after_tools(said["text"], calls, answers, said.get("echo"))
    return asked


async def _broken(desk: Desk, held: Held, number: int) -> bool:
    """Whether that round's answer was broken, and the model asked again."""
    said = await desk.load_part(held, f"{held.position.visit_path}/round.{number}") if number else None
    return isinstance(said, dict) and said.keys() == {"text", "told"}


async def _tool(desk: Desk, held: Held, step: PlanStep) -> None:
    """One tool that the model asked for."""
    number, index = (int(part) for part in held.position.part.split(".")[1:])
    said = await desk.load_part(held, f"{held.position.visit_path}/round.{number}")
    call = said["tool_calls"][index]
    tool = next((t for t in step.tools if t.name == call["name"]), None)
    given, wrong, _ = _arguments(step, call, tool)
    if held.facts and held.facts[-1].finished:
        last = held.facts[-1]
        result = Result.failed(last.failure) if last.failure else Result.done(last.output)
    elif held.facts:
        await visit.resume(desk, held, step, given, held.facts[-1], await desk.intent(held, held.facts[-1]))
        return
    elif wrong is not None:
        result = Result.failed(wrong)
    else:
        assert tool is not None
        ask = Ask(1, 0, held.position.rung, "attempt")
        await visit.make(desk, held, step, given, ask, lambda: _prepare(held, tool, given))
        return
    if result.kind == "unknown":
        words = f"Asked a person whether {call['name']} happened."
        taken = Decision("escalate", held.position.path, "escalation", words, held.position, failure=result.failure)
        await escalate.unknown(desk, held, step, given, taken)
        return
    await answered(desk, held, step, result)


async def answered(desk: Desk, held: Held, step: PlanStep, result: Result, actor: str = "") -> None:
    """A tool that the model asked for is done: on to the next, or to the model again."""
    number, index = (int(part) for part in held.position.part.split(".")[1:])
    said = await desk.load_part(held, f"{held.position.visit_path}/round.{number}")
    call = said["tool_calls"][index]
    following = f"tool.{number}.{index + 1}" if index + 1 < len(said["tool_calls"]) else f"round.{number + 1}"
    words = f"{call['name']} answered." if result.failure is None else f"{call['name']} failed; the model is told so."
    given, _, marks = _arguments(step, call, next((t for t in step.tools if t.name == call["name"]), None))
    result = replace(result, marks=(*marks, *result.marks))
    _note(desk, held, step, given, result, held.position.with_part(following), f"{step.place}.tools", words, "tool", actor)


def _arguments(step: PlanStep, call: dict[str, Any], tool: Any) -> tuple[Any, Failure | None, tuple[str, ...]]:
    """What the model gives the tool, what is wrong with it, and where it was mended."""
    if tool is None:
        names = ", ".join(t.name for t in step.tools)
        return None, Failure(ErrorCode.NOT_FOUND, f"there is no tool {call['name'][:60]}; there are {names}", sent=False), ()
    try:
        given = values.parse_json(call["arguments"] or "{}")
    except Unreadable as error:
        return None, Failure(ErrorCode.REFUSED, f"the arguments can't be read: {error.problems[0].message}", sent=False), ()
    wrong = None
    if tool.input and (problems := contract(tool.input).check(given.value, "arguments")):
        shown = "; ".join(f"{p.path}: {p.message}" for p in problems[:3])
        wrong = Failure(ErrorCode.REFUSED, f"wrong arguments: {shown}", sent=False, problems=problems)
    return given.value, wrong, given.under("input")


def _prepare(held: Held, tool: Any, given: Any) -> "visit.Prepared | Failure":
    key = call_key(held.run_id, *held.visit_key, 0)
    try:
        request: Request = tools.build(tool, given, key, visit.time_left(held, tool.timeout))
    except EvaluationError as error:
        return Failure(ErrorCode.EXPRESSION, str(error), sent=False)
    return visit.Prepared(request, tool.effect, tool=tool)
