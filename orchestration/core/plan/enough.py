"""How many child runs of a step have to be done, and so what follows where one has failed."""

import math

from orchestration.core.plan.parts import PlanStep


def need(step: PlanStep, total: int) -> int:
    """How many of so many have to be done."""
    if step.type == "parallel":
        return {"all": total, "any": 1}.get(step.model.join) or int(step.model.join)
    if step.type == "workflow":
        return total
    wanted = step.model.need
    if wanted is None:
        return total if step.model.on_item_error == "fail" else 0
    return math.ceil(total * int(wanted[:-1]) / 100) if isinstance(wanted, str) else int(wanted)


def passes_on(step: PlanStep) -> bool:
    """Whether it may fail because child runs of it did."""
    return need(step, _most(step)) > 0


def leaves_out(step: PlanStep) -> bool:
    """Whether it may go on though a child run of it has failed."""
    return need(step, _most(step)) < _most(step)


def _most(step: PlanStep) -> int:
    """How many child runs there are at most; where there are fewer, no more of them may fail."""
    if step.type == "parallel":
        return len(step.model.branches)
    return int(step.model.max_items) if step.type == "map" else 1
