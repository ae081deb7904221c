"""`set`: computes values."""

from typing import Any

from orchestration.core.acceptance import accept
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.plan import PlanStep
from orchestration.core.result import Result


def settle(step: PlanStep, env: dict[str, Any]) -> tuple[Any, Result]:
    try:
        output = step.values.evaluate(env) if step.values else {}
    except EvaluationError as error:
        return None, Result.error(ErrorCode.EXPRESSION, str(error))
    return None, accept(step, None, output)
