"""What a workflow is that was never published, in one paragraph: there is nothing yet that it could be compared with."""

from collections.abc import Iterator

from dashboard import schema_words
from dashboard.outline import ending
from dashboard.presentation import NANO, money
from dashboard.prices import gaps
from orchestration.core.plan import Plan
from orchestration.core.proof import Proof
from orchestration.core.wording import counted, listed


def told(plan: Plan, proof: Proof) -> str:
    return " ".join([_steps(plan), _takes(plan), _ends(plan), *_comes_to(plan, proof)])


def _steps(plan: Plan) -> str:
    first = plan.steps.get(plan.workflow.start)
    begins = f", and begins with {first.label}" if first else ""
    return f"It has {counted(len(plan.steps), 'step')}{begins}."


def _takes(plan: Plan) -> str:
    fields = schema_words.fields(plan.input.schema) if plan.input else ()
    names = [field.path for field in fields if field.path.isidentifier()]
    return f"A run takes {listed(names, join='and')}." if names else "What a run takes is not said."


def _ends(plan: Plan) -> str:
    ends = [ending(plan, name) for name in plan.workflow.outcomes]
    well, badly = ([end.name for end in ends if end.kind == kind] for kind in ("success", "failure"))
    words = [f"succeeds as {listed(well)}"] if well else []
    words += [f"fails as {listed(badly)}"] if badly else []
    return f"It {', or '.join(words)}." if words else "It has no outcome yet."


def _comes_to(plan: Plan, proof: Proof) -> Iterator[str]:
    worst = proof.worst.bound
    amounts = [f"{counted(worst.executions, 'execution')} of steps"]
    if worst.calls:
        amounts.append(f"{counted(worst.calls, 'call')} ({worst.model_calls:,} to models)")
    if worst.model_calls and worst.cost_usd is not None:
        amounts.append(money(round(worst.cost_usd * NANO)))
    yield f"A run comes to {listed(amounts, join='and')} at most."
    if worst.model_calls and worst.cost_usd is None:
        yield f"What it may cost is not known: {listed([gap.said for gap in gaps(plan, proof.worst.as_dict())], join='and')}."
