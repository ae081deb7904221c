"""The child runs of one step: how many there are to be, what has become of them, and what follows from that.

A `map` has one for each item of its list, a `parallel` one for each arm, a `workflow` the one that it calls. Only the parent
counts them, in commits of its own: a child that has ended is joined once. No more live at once than `concurrency` says. When it
is certain how the step ends, the others are not needed any more: no more are begun, and those that live are cancelled (`stop`);
it closes when none lives.
"""

from collections.abc import Iterable
from typing import Any, Literal

from orchestration.core.errors import ErrorCode
from orchestration.core.frozen import dataclass, replace
from orchestration.core.plan import PlanStep
from orchestration.core.plan.enough import need
from orchestration.core.position import Fan, Loan, Stop
from orchestration.core.result import Failure, Result
from orchestration.core.wording import counted, item_at

How = Literal["done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A child run that has ended: which, how, what it gave, and what it failed with."""

    index: int
    how: How
    output: Any = None
    failure: Failure | None = None
    outcome: str = ""
    """In which a called workflow ended."""


def opened(step: PlanStep, total: int) -> Fan | Failure:
    """The fan of a step that comes to so many items or arms; or why it can't be opened."""
    if step.type == "map" and total > step.model.max_items:
        words = f"and max_items is {step.model.max_items:,}: give fewer, or raise it"
        return Failure(ErrorCode.LIMIT, f"{_count(total, step)}, {words}", sent=False)
    if total < need(step, total):
        words = f"and {need(step, total):,} have to be done: give more, or lower `need`"
        return Failure(ErrorCode.LIMIT, f"{_count(total, step)}, {words}", sent=False)
    return Fan(total)


def given(step: PlanStep, fan: Fan) -> dict[str, int] | None:
    """What a record of the step says that it was given, however the visit ended: how many child runs there were to be. A called
    workflow has its input."""
    return None if step.type == "workflow" else {"total": fan.total}


def _count(total: int, step: PlanStep) -> str:
    return f"there {'is' if total == 1 else 'are'} {counted(total, _noun(step))}"


def _noun(step: PlanStep) -> str:
    return "item" if step.type == "map" else "arm"


def joined(step: PlanStep, fan: Fan, ended: Iterable[Ended]) -> Fan:
    """The fan once these are counted; stopped where it is certain now how it ends."""
    for each in ended:
        child = _counted(fan, each)
        fan = replace(_without(fan, child.index), **{child.how: getattr(fan, child.how) + 1})
        if child.how == "failed" and fan.failure is None:
            fan = replace(fan, failure=child.failure, at=child.index)
    if fan.stop is None and fan.failed > fan.total - need(step, fan.total):
        return replace(fan, stop=Stop("failed"))
    if fan.stop is None and step.type == "parallel" and fan.done >= need(step, fan.total):
        return replace(fan, stop=Stop("enough"))
    return fan


def _counted(fan: Fan, child: Ended) -> Ended:
    """A child that was cancelled for itself has failed; and what nobody knows of it is nobody's to know any more."""
    if child.how == "cancelled" and fan.stop is None:
        return replace(child, how="failed", failure=Failure(ErrorCode.REFUSED, "it was cancelled", sent=False))
    if child.failure is not None and child.failure.code == ErrorCode.UNKNOWN:
        return replace(child, failure=replace(child.failure, code=ErrorCode.REFUSED))
    return child


def lent(fan: Fan, index: int) -> dict[str, float]:
    """What a child has been lent in all, of the limits of which it was lent more than it began with."""
    return {loan.limit: loan.amount for loan in fan.loans if loan.index == index}


def lend(fan: Fan, index: int, limit: str, amount: float) -> Fan:
    """The fan where a child is lent so much of a limit in all."""
    loans = [loan for loan in fan.loans if (loan.index, loan.limit) != (index, limit)]
    return replace(fan, loans=(*loans, Loan(index, limit, amount)))


def _without(fan: Fan, index: int) -> Fan:
    return replace(fan, loans=tuple(loan for loan in fan.loans if loan.index != index)) if fan.loans else fan


def room(step: PlanStep, fan: Fan) -> int:
    """How many more may be begun now."""
    if fan.stop is not None:
        return 0
    most = step.model.concurrency if step.type == "map" else fan.total
    return max(min(fan.total - fan.begun, most - fan.live), 0)


def over(fan: Fan) -> bool:
    """Whether none lives, and none will be begun."""
    return fan.live == 0 and (fan.stop is not None or fan.begun == fan.total)


def tells_failures(step: PlanStep) -> bool:
    """Whether what it gives says of those that are not done why that is so."""
    return step.type == "map" and bool(step.model.on_item_error == "collect")


def result(step: PlanStep, fan: Fan, ended: Iterable[Ended]) -> Result:
    """What the step comes to when it is over. `ended`: its children that are done, in the order of their indexes; the others
    among them where it `tells_failures`."""
    if fan.stop is not None and fan.stop.reason == "failed":
        assert fan.failure is not None
        words = f"{_missed(step, fan)}{name(step, fan.at)}: {fan.failure.message}"
        return Result.failed(replace(fan.failure, message=words, checks=()))
    if step.type == "workflow":
        return next(Result.done({"outcome": child.outcome, "output": child.output}) for child in ended)
    if step.type == "parallel":
        assert step.fan is not None
        return Result.done({step.fan.arms[child.index]: child.output for child in ended if child.how == "done"})
    if tells_failures(step):
        return Result.done([_collected(_counted(fan, child)) for child in ended])
    return Result.done([child.output for child in ended if child.how == "done"])


def _missed(step: PlanStep, fan: Fan) -> str:
    """How many were done, where it was said how many have to be."""
    if step.type == "workflow" or (step.model.need is None if step.type == "map" else step.model.join == "all"):
        return ""
    wanted = need(step, fan.total)
    were, have = "was" if fan.total == 1 else "were", "has" if wanted == 1 else "have"
    done = f"{fan.done:,} of {counted(fan.total, _noun(step))} {were} done, and {wanted:,} {have} to be"
    return f"{done}; the first to fail was "


def _collected(child: Ended) -> dict[str, Any]:
    if child.failure is None:
        return {"index": child.index, "ok": True, "value": child.output}
    error = {"code": child.failure.code.value, "message": child.failure.message}
    return {"index": child.index, "ok": False, "error": error}


def name(step: PlanStep, index: int) -> str:
    """How a child is called beside its siblings."""
    if step.type == "parallel":
        return str(step.model.branches[index].label)
    if step.type == "workflow":
        return str(step.model.workflow)
    return item_at(index)
