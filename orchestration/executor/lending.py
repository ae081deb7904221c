"""The limits of a tree of runs: what a child may come to at most is lent to it when it begins, and what it has not used comes
back when it is counted.

So a breach shows before the call that would cause it, however many children are at it. A child is lent what it may come to in
the worst case; where there is less left, it waits until others have given theirs back; and where there is none but it, it gets
what is left. One that needs more than it was lent, since a person had something done again, or a call was lost with its worker,
is lent more once there is so much left; where it is alone, or all that live wait so, the limit of the whole is met.

Of what a child is lent later its parent takes note before the child hears of it (`Fan.loans`): so much in all. Whoever dies in
between, it is lent once, and comes back once, heard of or not.
"""

from collections.abc import Mapping

from orchestration.core.frozen import replace
from orchestration.core.limits import LIMITS, Spent, left
from orchestration.core.plan import Plan
from orchestration.queries import room


def lend(plan: Plan, spent: Spent, level: str, alone: bool) -> Spent | None:
    """What a child that runs this level begins with; None where it has to wait, or where nothing is left (`alone`)."""
    rest, wanted = room.rest(plan, spent), room.wanted(plan, level)
    if all(wanted[limit] <= rest[limit] for limit in rest):
        return Spent(lent={limit: wanted[limit] for limit in rest} or None)
    if not alone or any(rest[limit] <= 0 < wanted[limit] for limit in rest):
        return None
    return Spent(lent={limit: min(wanted[limit], rest[limit]) for limit in rest})


def more(plan: Plan, spent: Spent, level: str, limit: str, lacks: float) -> float:
    """What a child that runs this level is lent of a limit beyond what it was, as it lacks so much; 0 where that is not left."""
    rest = left(plan, spent)[limit]
    return max(lacks, min(room.wanted(plan, level)[limit], rest)) if 0 < lacks <= rest else 0


def lacking(plan: Plan, spent: Spent, level: str) -> str:
    """The limit that leaves nothing for a child that runs this level."""
    rest, wanted = room.rest(plan, spent), room.wanted(plan, level)
    return next(limit for limit in rest if rest[limit] <= 0 < wanted[limit])


def out(spent: Spent, child: Spent) -> Spent:
    """The parent once a child has begun with that."""
    return replace(spent, out=_sum(spent.out, child.lent or {}))


def back(spent: Spent, child: Spent) -> Spent:
    """The parent once a child has ended that has spent so much."""
    return replace(
        spent,
        out=_sum(spent.out, {limit: -amount for limit, amount in (child.lent or {}).items()}),
        cost=spent.cost + child.cost,
        seconds=spent.seconds + child.seconds,
        tokens_in=spent.tokens_in + child.tokens_in,
        tokens_out=spent.tokens_out + child.tokens_out,
        calls=spent.calls + child.calls,
        steps=spent.steps + child.steps,
    )


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Without what comes to nothing."""
    found = {limit: one.get(limit, 0) + other.get(limit, 0) for limit in LIMITS}
    return {limit: amount for limit, amount in found.items() if amount > 1e-9}
