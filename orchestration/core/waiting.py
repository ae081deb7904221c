"""What a `wait` waits for: an event, or a moment; and until when at most.

All of it follows from the step, the values that it reads and the moment at which it began, so that whoever takes the run up again
finds the same.
"""

from datetime import datetime, timedelta
from typing import Any

from orchestration.core import event
from orchestration.core.errors import EvaluationError
from orchestration.core.frozen import dataclass
from orchestration.core.moment import moment, written
from orchestration.core.plan import PlanStep


@dataclass(frozen=True, slots=True)
class Awaited:
    """`address` is the event's, "" where a moment is waited for. At `due` the wait is over, whatever has come: by its deadline
    where it is `late` then. `given` is what its record says that it waited for."""

    address: str
    due: datetime
    late: bool
    given: dict[str, Any]


def awaited(step: PlanStep, env: dict[str, Any], since: datetime) -> Awaited:
    """What the wait that began at `since` is for. Raises `EvaluationError`."""
    value = step.values.evaluate(env) if step.values else None
    model = step.model
    latest = since + timedelta(seconds=model.deadline) if model.deadline else None
    try:
        if model.event is not None:
            assert latest is not None  # the proof asks for it
            address = event.address(model.event, value)
            return Awaited(address, latest, True, {"event": model.event, "correlation": event.parts_of(address)[1]})
        until = moment(value, since)
    except ValueError as error:
        raise EvaluationError(f"{'correlation' if model.event else 'until'}: {error}") from None
    late = latest is not None and latest < until
    return Awaited("", latest if latest is not None and late else until, late, {"until": written(until)})


def operands(given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """What it waited for, as a decision rests on it."""
    return tuple({"path": name, "value": value, "present": True} for name, value in given.items())
