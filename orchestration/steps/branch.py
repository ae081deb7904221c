"""`branch`: has no output; which way it goes is the decision's business."""

from typing import Any

from orchestration.core.plan import PlanStep
from orchestration.core.result import Result


def settle(step: PlanStep, env: dict[str, Any]) -> tuple[Any, Result]:
    return None, Result.done(None)
