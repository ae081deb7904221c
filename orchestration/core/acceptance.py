"""Whether an input is what a step expects, and an output good enough for it: its contract first, then its checks."""

from typing import Any

from orchestration.core import contract as contracts
from orchestration.core.errors import ErrorCode, EvaluationError, Problem
from orchestration.core.explanation import Explained, checks
from orchestration.core.plan import PlanStep
from orchestration.core.result import Failure, Result


def unexpected(step: PlanStep, given: Any) -> Failure | None:
    """Whether the input breaks what the step, or its tool, expects."""
    problems = step.expects.check(given, "input") if step.expects else ()
    if not problems:
        return None
    shown = "; ".join(f"{p.path}: {p.message}" for p in problems[:3])
    return Failure(ErrorCode.REFUSED, f"the input does not meet the step's contract: {shown}", sent=False, problems=problems)


def accept(step: PlanStep, given: Any, output: Any) -> Result:
    """`Done` with the output typed by its contract, or `Invalid` with a problem for each thing that is wrong with it."""
    if step.output is not None:
        if problems := step.output.check(output, "output"):
            return Result.failed(invalid(problems, sent=_sends(step)))
        output = contracts.coerce(step.output.schema, output)
    if not step.checks:
        return Result.done(output)
    try:
        broken = [
            Problem("check_failed", check.else_, f"checks[{index}]")
            for index, (condition, check) in enumerate(zip(step.checks, step.model.checks, strict=True))
            if not condition.evaluate({"input": given, "output": output})
        ]
    except EvaluationError as error:
        return Result.failed(Failure(ErrorCode.EXPRESSION, f"checks: {error}", sent=_sends(step)))
    return Result.failed(invalid(tuple(broken), checks(step, given, output), _sends(step))) if broken else Result.done(output)


def _sends(step: PlanStep) -> bool:
    """Whether its output came of a call."""
    return step.type in ("llm", "tool")


def invalid(problems: tuple[Problem, ...], checked: tuple[Explained, ...] = (), sent: bool = True) -> Failure:
    shown = "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in problems[:3])
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return Failure(ErrorCode.INVALID_OUTPUT, shown + more, sent=sent, problems=problems, checks=checked)
