"""Quick fixes: what would mend a problem, as edit commands (`core/editing`).

`fixes(plan, worst, problem)` gives the likeliest first, () where only a person can know. A fix is offered and never made by
itself. Carried out on the definition that has the problem, it leaves one that can be read and has this problem no more; it may
uncover others.

    routes     where a step leads
    keys       what is written at one place, and should be something else, or nothing
    inputs     what a step is not given
    reads      what an expression or a prompt reads, and is called something else
    limits     what a run may come to
"""

from typing import Any

from orchestration.core.errors import Problem
from orchestration.core.fixes import inputs, keys, limits, reads, routes
from orchestration.core.fixes.case import Case, Fix
from orchestration.core.plan import Plan
from orchestration.core.proof import WorstCase

_FAMILIES: tuple[Any, ...] = (routes, reads, inputs, keys, limits)

__all__ = ["BY_CODE", "Fix", "fixes"]

BY_CODE = {
    code: tuple(family.BY_CODE[code] for family in _FAMILIES if code in family.BY_CODE)
    for code in dict.fromkeys(code for family in _FAMILIES for code in family.BY_CODE)
}
"""Code of a problem → the functions that mend it."""


def fixes(plan: Plan, worst: WorstCase, problem: Problem) -> tuple[Fix, ...]:
    mend = BY_CODE.get(problem.code, ())
    step = plan.steps.get(problem.step or "")
    if not mend or (problem.step and (step is None or not problem.path.startswith(step.place))):
        return ()  # of two steps with one id a command can't tell which is meant
    case = Case(plan, worst, problem, step)
    return tuple(fix for each in mend for fix in each(case))
