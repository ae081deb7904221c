"""P7: where a run goes next, by which rule, and what that rested on.

`decide(plan, position, result, env)` is the only place where a run is moved. It is pure: the same plan, position, result
and values give the same decision, in the engine, in a person's act, in a trial and in a backtest. `env` holds what
expressions see (`state.environment`), the visit's own output already among the steps.
"""

from typing import Any

from orchestration.core import limits, sentence, waiting
from orchestration.core.acceptance import accept
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.explanation import Explained, checks, cut, distinct, explain, last_round, stalling, taking
from orchestration.core.frozen import replace
from orchestration.core.limits import AFTER_BREACH, Spent
from orchestration.core.limits import breach as breach
from orchestration.core.limits import left as left
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.position import WINDOW, Close, Frame, Position, Sub, last_child, scope_of
from orchestration.core.proof.bound import NANO as NANO
from orchestration.core.result import Failure, Result
from orchestration.core.routes import BREAK, CONTINUE
from orchestration.core.transition import Decision as Decision
from orchestration.core.transition import Why

Env = dict[str, Any]


def decide(plan: Plan, position: Position, result: Result, env: Env, given: Any = None) -> Decision:
    """What follows from `result` at `position`. `given` is the step's own input, which its checks look at. A part (fallback step)
    returns to the step that it stands in for."""
    step = plan.steps[position.step]
    if position.part.startswith("fallback."):
        return _return(plan, position, result, env)
    if result.failure is not None:
        return fail(plan, position, result.failure, env)
    try:
        return _advance(plan, step, position, result, env, given)
    except EvaluationError as error:
        return fail(plan, position, Failure(ErrorCode.EXPRESSION, str(error), sent=False), env)


def _advance(plan: Plan, step: PlanStep, position: Position, result: Result, env: Env, given: Any) -> Decision:
    if step.type == "end":
        outcome = step.model.outcome
        words = sentence.ended(plan, outcome)
        return Decision("finish", outcome, f"{step.place}.outcome", words, outcome=outcome, output=result.output)
    if step.type == "branch":
        return _branch(plan, step, position, env)
    if step.type == "human":
        action = next(a for a in step.model.actions if a.id == result.output["action"])
        index = step.model.actions.index(action)
        why = Why(f"{step.place}.actions[{index}].to", sentence.action(plan, step, action, result.output["by"]))
        return go(plan, position, action.to, why, env)
    if step.type == "loop":
        return _leave_loop(plan, step, position, env)
    to = step.model.next or CONTINUE
    if step.type == "wait":
        why = Why(f"{step.place}.next", sentence.waited(plan, step, to, given, result.came), waiting.operands(given))
        return go(plan, position, to, why, env)
    note = sentence.degraded(plan, step, result) if result.degraded else ""
    if position.fan is not None:
        note = sentence.joined(step, position.fan, result)
    checked = checks(step, given, result.output)
    words = sentence.went(plan, step, to, note, len(checked))
    return go(plan, position, to, Why(f"{step.place}.next", words, checks=checked, plain=not note), env)


def _branch(plan: Plan, step: PlanStep, position: Position, env: Env) -> Decision:
    tried: list[Explained] = []
    for index, (condition, case) in enumerate(zip(step.cases, step.model.cases, strict=True)):
        explained = explain(condition, env)
        rule = f"{step.place}.cases[{index}]"
        if explained["held"]:
            why = Why(rule, sentence.case(plan, step, case, explained), tried=tuple(tried)).resting_on(explained)
            return go(plan, position, case.to, why, env)
        tried.append({"rule": rule, "label": case.label, **explained})
    because = distinct(operand for item in tried for operand in item["operands"])
    why = Why(f"{step.place}.default", sentence.default(plan, step, tried), because, tried=tuple(tried))
    return go(plan, position, step.model.default, why, env)


# going somewhere


def go(plan: Plan, position: Position, to: str, why: Why, env: Env) -> Decision:
    """To a step beside this one, or out of the round or the loop."""
    if to == CONTINUE:
        return _end_round(plan, position, why, env)
    if to == BREAK:
        return _close(plan, position, Close("break"), why)
    target = position.at(to)
    return why.leads("advance", target.path, target)


def enter(plan: Plan, position: Position, env: Env) -> Position | Failure:
    """Into a loop: the position of its first step in round 1. Its first carry is computed here."""
    step = plan.steps[position.step]
    assert step.loop is not None
    try:
        carry = step.loop.carry.evaluate(env) if step.loop.carry else {}
    except EvaluationError as error:
        return Failure(ErrorCode.EXPRESSION, f"carry: {error}", sent=False)
    frame = Frame(step.id, 1, carry, (), position.error)
    return position.entering(plan.first(step.id), (*position.frames, frame))


def _end_round(plan: Plan, position: Position, why: Why, env: Env) -> Decision:
    """until, then stalled, then exhausted, else the next round. `why` is the step's own, which led to the end of this one."""
    frame = position.outer[-1]
    if frame.kind != "loop":
        return _end_child(plan, position, why, env)
    step = plan.steps[frame.step]
    loop = step.loop
    assert loop is not None
    via = None if why.plain else why
    try:
        carry = loop.update.evaluate(env) if loop.update else frame.carry
        env = {**env, "carry": carry}
        until = explain(loop.until, env) if loop.until else None
        series = (*frame.series, float(loop.progress.evaluate(env)))[-WINDOW:] if loop.progress else ()
    except EvaluationError as error:
        failure = Failure(ErrorCode.EXPRESSION, f"at the end of round {frame.round}: {error}", sent=False)
        words = sentence.round_failed(plan, step, frame, failure)
        return _close(plan, position, Close("failed", failure), Why(step.place, words, checks=why.checks, via=via))
    inside = replace(position, frames=(*position.outer[:-1], replace(frame, carry=carry, series=series)), close=None)
    why = Why(step.place, "", checks=why.checks, series=series, round=scope_of(position.outer), via=via)
    if until and until["held"]:
        return _close(
            plan,
            inside,
            Close("until"),
            replace(why.resting_on(until), rule=f"{step.place}.until", sentence=sentence.until(plan, step, frame, until)),
        )
    ending = why.past(until, f"{step.place}.until") if until else why
    stalled, rounds = stalling(step, series), last_round(frame.round, step.model.max)
    if stalled and stalled["held"]:
        words = sentence.stalled(plan, step, frame, series)
        ending = replace(ending.resting_on(stalled), rule=f"{step.place}.progress", sentence=words)
        return _close(plan, inside, Close("stalled"), ending)
    if rounds["held"]:
        ending = ending.past(stalled, f"{step.place}.progress") if stalled else ending
        words = sentence.exhausted(plan, step, frame, until)
        return _close(
            plan, inside, Close("exhausted"), replace(ending.resting_on(rounds), rule=f"{step.place}.max", sentence=words)
        )
    frames = (*inside.frames[:-1], replace(inside.frames[-1], round=frame.round + 1))
    again = replace(position, error=frame.error).entering(plan.first(step.id), frames)
    words = sentence.again(plan, step, frame, until, series)
    rule = f"{step.place}.until" if until else f"{step.place}.max"
    return replace(why.resting_on(until) if until else why, rule=rule, sentence=words).leads("again", again.path, again)


def _end_child(plan: Plan, position: Position, why: Why, env: Env) -> Decision:
    """An item of a map, or an arm, is done: its run ends with what it gives."""
    container = plan.steps[position.outer[-1].step]
    try:
        output = container.gives.evaluate(env) if container.gives else env["steps"].get(position.step)
    except EvaluationError as error:
        failure = Failure(ErrorCode.EXPRESSION, f"output: {error}", sent=False)
        return _failed_child(plan, position, failure, replace(why, rule=f"{container.place}.output"))
    words = sentence.ended_child(plan, container, position.outer[-1])
    why = replace(why, sentence=f"{why.sentence} {words}" if not why.plain else words)
    return replace(why.leads("finish", position.scope, position), position=None, output=output)


def _failed_child(plan: Plan, position: Position, failure: Failure, why: Why) -> Decision:
    """An item of a map, or an arm, has failed, and so its run. What follows from that its parent decides."""
    words = sentence.failed_child(plan, plan.steps[position.step], failure, position.outer[-1])
    found = replace(why, sentence=words).leads("finish", position.scope, position)
    return replace(found, position=None, failure=failure)


def _close(plan: Plan, position: Position, close: Close, why: Why) -> Decision:
    """To the loop itself, whose own record is made next."""
    frames = position.outer
    closing = replace(position.entering(frames[-1].step, frames), close=close)
    return why.leads("advance", closing.path, closing)


def _leave_loop(plan: Plan, step: PlanStep, position: Position, env: Env) -> Decision:
    close = position.close
    assert close is not None and close.reason != "failed"
    frame = position.frames[-1]
    to, key = step.model.next or CONTINUE, "next"
    if close.reason in ("stalled", "exhausted"):
        named = getattr(step.model, f"on_{close.reason}")
        if named is not None:
            to, key = named, f"on_{close.reason}"
    after = replace(position, error=frame.error)
    words = sentence.left(plan, step, frame, close.reason, to)
    ended = scope_of((*position.outer, replace(frame, round=frame.round - (close.reason == "break"))))
    why = Why(f"{step.place}.{key}", words, series=frame.series, round=ended if frame.series else "")
    return go(plan, after, to, why, _outside(env, position))


def _outside(env: Env, position: Position) -> Env:
    """What is in sight around a loop that closes: its own carry and round are gone."""
    found = {key: value for key, value in env.items() if key not in ("carry", "iter")}
    if position.outer:
        found["carry"], found["iter"] = position.outer[-1].carry, {"index": position.outer[-1].round}
    return found


def loop_result(plan: Plan, position: Position, env: Env) -> Result:
    """What a loop that closes gives: its output, or the failure that closed it."""
    step, close, frame = plan.steps[position.step], position.close, position.frames[-1]
    assert close is not None and step.loop is not None
    if close.failure is not None:
        return Result.failed(close.failure)
    needs_exit = close.reason == "stalled" or (close.reason == "exhausted" and step.loop.until is not None)
    if needs_exit and getattr(step.model, f"on_{close.reason}") is None:
        return Result.error(ErrorCode.LIMIT, sentence.no_way_on(plan, step, frame, close.reason))
    try:
        return Result.done(step.loop.output.evaluate(env) if step.loop.output else frame.carry)
    except EvaluationError as error:
        return Result.error(ErrorCode.EXPRESSION, f"output: {error}")


# failing


def fail(plan: Plan, position: Position, failure: Failure, env: Env) -> Decision:
    """The first catch that takes it, else the container's turn, else the workflow's `on_failure`."""
    step = plan.steps[position.step]
    if failure.code == ErrorCode.UNKNOWN:
        to = getattr(step.model, "on_unknown", None)
        if to is not None:
            why = Why(f"{step.place}.on_unknown", "", _operands(_error(step, failure)), checks=failure.checks)
            return _caught(plan, step, position, failure, to, why, env)
        return Decision("escalate", position.path, "escalation", sentence.unknown(plan, step, failure), position, failure=failure)
    why = Why("on_failure", "", _operands(_error(step, failure)), checks=failure.checks)
    for index, catch in enumerate(getattr(step.model, "catch", ())):
        taken, rule = taking(catch.errors, failure.code.value), f"{step.place}.catch[{index}]"
        if taken["held"]:
            return _caught(plan, step, position, failure, catch.to, replace(why.resting_on(taken), rule=rule), env)
        why = why.past(taken, rule)
    if position.outer and position.outer[-1].kind != "loop":
        return _failed_child(plan, position, failure, replace(why, rule=step.place))
    if position.outer:
        close = Close("failed", replace(failure, checks=()))  # they are the step's, and not the loop's
        inside = replace(position, frames=position.outer, close=None)
        words = sentence.uncaught(plan, step, failure, position.outer[-1].step)
        return _close(plan, inside, close, replace(why, rule=step.place, sentence=words))
    ended = give_up(plan, position, failure, f"{sentence.failed(plan, step, failure)} Nothing catches that.")
    return replace(ended, because=why.because, tried=why.tried, checks=why.checks)


def give_up(plan: Plan, position: Position, failure: Failure, because: str, rule: str = "on_failure") -> Decision:
    """The run fails, whatever may be written about failures on the way: as `on_failure` says, or, in a child run, its parent."""
    if position.child:
        scope = scope_of(position.frames[: last_child(position)])
        return Decision("finish", scope, rule, because, failure=failure)
    outcome = plan.workflow.on_failure
    return Decision("finish", outcome, rule, f"{because} {sentence.ended(plan, outcome)}", outcome=outcome, failure=failure)


def _error(step: PlanStep, failure: Failure) -> dict[str, str]:
    """What is in sight as `error` where the failure is caught."""
    return {"code": failure.code.value, "message": str(cut(failure.message, 500)), "step": step.id}


def _operands(error: dict[str, str]) -> tuple[dict[str, Any], ...]:
    return tuple({"path": f"error.{name}", "value": error[name], "present": True} for name in ("code", "message"))


def _caught(plan: Plan, step: PlanStep, position: Position, failure: Failure, to: str, why: Why, env: Env) -> Decision:
    error = _error(step, failure)
    after = position.with_part("", error=error, tried=(), rung=0)
    return go(plan, after, to, replace(why, sentence=sentence.caught(plan, step, failure, to)), {**env, "error": error})


def deadline(plan: Plan, position: Position, env: Env, given: Any = None) -> Decision:
    """Nobody answered in time; or what a wait waited for, `given`, has not come."""
    step = plan.steps[position.step]
    to, rule = step.model.on_deadline, f"{step.place}.on_deadline"
    if step.type == "wait":
        return go(plan, position, to, Why(rule, sentence.expired(plan, step, given, to), waiting.operands(given)), env)
    return go(plan, position, to, Why(rule, sentence.overdue(plan, step, to)), env)


def _return(plan: Plan, position: Position, result: Result, env: Env) -> Decision:
    """From a fallback step back to the step that it stood in for, whose contract its output must meet."""
    inner, outer = position.active, plan.steps[position.step]
    failure = result.failure
    if failure is not None and failure.code == ErrorCode.UNKNOWN and outer.model.on_unknown is None:
        words = sentence.unknown(plan, plan.steps[inner], failure)  # asked there, where it is known what it gives
        return Decision("escalate", position.path, "escalation", words, position, failure=failure)
    checked = failure.checks if failure else ()
    if failure is None:
        given = outer.input.evaluate(env) if outer.input else {}
        result = accept(outer, given, result.output)
        checked = result.failure.checks if result.failure else checks(outer, given, result.output)
    sub = Sub(position.rung, inner, result.failure)
    back = position.with_part("", tried=(*position.tried, sub))
    index = position.rung - 1
    words = sentence.returned(plan, inner, outer, result)
    return Decision("advance", back.path, f"{outer.place}.fallback[{index}]", words, back, checks=checked)


# people


def again(position: Position, words: str, rule: str) -> Decision:
    """A new visit of the same place, because a person says that its call did not happen."""
    return Decision("again", position.path, rule, words, position.repeated())


def resumed(position: Position, words: str, rule: str) -> Decision:
    """The same visit goes on where it stood, because a person says so: calls that have left keep their keys."""
    return Decision("again", position.path, rule, words, position)


def unattended(plan: Plan, position: Position) -> Decision:
    """Nobody answered an escalation that no step asked for: the workflow says how the run ends."""
    if position.child:
        failure = Failure(ErrorCode.REFUSED, "nobody answered in time", sent=False)
        return give_up(plan, position, failure, "Nobody answered in time.", "escalation.on_deadline")
    outcome = plan.workflow.escalation.on_deadline or plan.workflow.on_failure
    words = f"Nobody answered in time. {sentence.ended(plan, outcome)}"
    return Decision("finish", outcome, "escalation.on_deadline", words, outcome=outcome)


def cancelled(by: str, reason: str) -> Decision:
    why = f": {reason.strip().rstrip('.')}." if reason.strip() else "."
    who = f"{by} cancelled the run" if by else "The run was cancelled"
    return Decision("finish", "cancelled", "act.cancel", f"{who}{why}")


# limits


def breached(plan: Plan, position: Position, limit: str, spent: Spent, call: int | None = None) -> Decision:
    """Where a run goes that has met a limit: `on_breach`, else a person, and after a second breach `on_failure`. `call`: what the
    call could cost that would break it, in nano-dollars."""
    met = limits.explain(plan, spent, limit, call)
    taken = _breached(plan, position, limit, spent)
    return replace(taken, because=tuple(met["operands"]), comparisons=tuple(met["comparisons"]))


def _breached(plan: Plan, position: Position, limit: str, spent: Spent) -> Decision:
    words = sentence.breach(plan, limit, spent)
    failure = Failure(ErrorCode.LIMIT, words, sent=False)
    if spent.breached or position.child or limits.of_the_whole(plan, spent, limit):  # `on_breach` is a step of the root
        return give_up(plan, position, failure, words, f"limits.{limit}")
    to = plan.workflow.limits.on_breach
    if to is None:
        return Decision("escalate", position.path, f"limits.{limit}", words, position, failure=failure)
    error = {"code": "limit", "message": words, "step": position.step}
    target = Position(step=to, visit=AFTER_BREACH, error=error, base=AFTER_BREACH)
    return Decision("advance", to, "limits.on_breach", sentence.to_breach(plan, words, to), target, failure=failure)
