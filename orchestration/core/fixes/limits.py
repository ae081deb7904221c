"""A limit that the worst case is above."""

from collections.abc import Callable, Iterator

from orchestration.core.fixes.case import Case, Fix
from orchestration.core.proof.limits import enough


def _raise(case: Case) -> Iterator[Fix]:
    """To what a run may come to without it, said in the next round figure."""
    limit, lines = case.key.removeprefix("limits."), case.worst.derivation
    amounts = {
        "steps": sum(line.executions for line in lines),
        "cost_usd": sum(line.cost_usd or 0.0 for line in lines),
        "machine_time": sum(line.seconds for line in lines),
    }
    if found := enough(limit, amounts[limit]):
        value, words = found
        yield case.put(f"Raise it to {words}", value)


BY_CODE: dict[str, Callable[[Case], Iterator[Fix]]] = dict.fromkeys(
    ("worst_case_above_limit", "no_on_breach", "one_after_another"), _raise
)
