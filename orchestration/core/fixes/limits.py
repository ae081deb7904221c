"""A limit that the worst case is above."""

import math
from collections.abc import Callable, Iterator

from orchestration.core.fixes.case import Case, Fix

_LONGEST = 366 * 24 * 60
"""Minutes that a duration may have."""


def _raise(case: Case) -> Iterator[Fix]:
    """To what a run may come to without it, said in the next round figure."""
    lines = case.worst.derivation
    if case.key == "limits.steps":
        steps = sum(line.executions for line in lines)
        yield case.put(f"Raise it to {steps:,} steps", steps)
    elif case.key == "limits.cost_usd":
        dollars = math.ceil(100 * sum(line.cost_usd or 0.0 for line in lines)) / 100
        yield case.put(f"Raise it to ${dollars:,.2f}", dollars)
    else:
        minutes = math.ceil(sum(line.seconds for line in lines) / 60)
        if minutes <= _LONGEST:
            yield case.put(f"Raise it to {minutes} min", f"{minutes}m")


BY_CODE: dict[str, Callable[[Case], Iterator[Fix]]] = {"worst_case_above_limit": _raise, "no_on_breach": _raise}
