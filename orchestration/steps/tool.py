"""`tool`: one request to a tool; its answer must meet the step's contract."""

from typing import Any

from orchestration import tools
from orchestration.core.acceptance import accept, invalid
from orchestration.core.catalog import Tool
from orchestration.core.contract import contract
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.plan import PlanStep
from orchestration.core.proof.effects import SURELY_NOT
from orchestration.core.result import Answer, Failure, Request, Result
from orchestration.tools import http


def request(step: PlanStep, given: Any, key: str, timeout: float) -> Request:
    """Raises `EvaluationError` where the tool's templates don't fit the input."""
    assert step.tool is not None
    return build(step.tool, given, key, timeout)


def build(tool: Tool, given: Any, key: str, timeout: float) -> Request:
    return tools.KINDS[tool.kind].build(tool, given, key, timeout)


def read_tool(tool: Tool | None, step: PlanStep, given: Any, answer: Answer) -> Result:
    """What a tool's answer means for the visit that asked. A tool that a model asked for has its own contract alone."""
    assert tool is not None
    if answer.failure is not None:
        return Result.failed(unsure(tool, answer.failure))
    if step.tool is not None:
        return accept(step, given, answer.output)
    problems = contract(tool.output).check(answer.output, "output") if tool.output else ()
    return Result.failed(invalid(problems)) if problems else Result.done(answer.output)


MOST_QUESTION = 30.0
"""Seconds for the question whether a call happened, which are on top of the call's own."""
_OPEN = (ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE, ErrorCode.TOOL_ERROR)


def unsure(tool: Tool, failure: Failure) -> Failure:
    """For an irreversible call, a deadline or a connection broken after sending, a 5xx, or a function that raised or whose
    process died, leaves open whether it happened."""
    if tool.effect != "irreversible" or not left_open(failure):
        return failure
    return Failure(ErrorCode.UNKNOWN, f"{tool.name} may or may not have happened: {failure.message}", problems=failure.problems)


def left_open(failure: Failure) -> bool:
    """Whether nobody knows, after this failure, what the call did."""
    return failure.sent and failure.code in _OPEN


def may_have_happened(failure: Failure) -> bool:
    """Whether the call that failed so may not simply be sent again: it may have done what it does, or surely has."""
    return failure.sent and failure.code not in SURELY_NOT


def question(tool: Tool | None, given: Any, request: Request) -> Request | None:
    """What asks whether this call happened: 200 says what it did, `not_found` that it did nothing. None where it can't be asked:
    the tool has gone, or has no `reconcile`, or one that does not fit the input."""
    if tool is None or tool.reconcile is None or not isinstance(given, dict):
        return None
    try:
        return http.build_reconcile(tool, given, request.key, min(request.timeout, MOST_QUESTION))
    except EvaluationError:
        return None
