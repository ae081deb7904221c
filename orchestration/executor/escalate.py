"""Pauses that ask a person: what is asked, why, and what may be answered. Each is one row, in the commit that lets the run go."""

from datetime import datetime, timedelta
from typing import Any

from orchestration.core import values
from orchestration.core.contract import example
from orchestration.core.decision import Decision
from orchestration.core.definition import PRIORITIES
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.plan import PlanStep
from orchestration.core.position import failure_data
from orchestration.core.result import Result
from orchestration.core.wording import cut, one_line
from orchestration.executor.desk import Desk
from orchestration.executor.held import Held
from orchestration.executor.sweep import DEATHS
from orchestration.models.fields import new_id
from orchestration.record.rows import ClosingRow, EscalationRow

UNKNOWN_ACTIONS = (
    {"id": "happened", "label": "It happened", "form": "required"},
    {"id": "did_not_happen", "label": "It did not happen: do it again", "form": "ignored"},
    {"id": "abort", "label": "Stop the run", "form": "ignored"},
)
RESTORED_ACTION = {"id": "nothing_happened", "label": "Nothing happened since the backup: do it, ask no more", "form": "ignored"}
LIMIT_ACTIONS = (
    {"id": "continue", "label": "Go on without this limit", "form": "ignored"},
    {"id": "abort", "label": "Stop the run", "form": "ignored"},
)
QUARANTINE_ACTIONS = (
    {"id": "retry", "label": "Try again", "form": "ignored"},
    {"id": "abort", "label": "Stop the run", "form": "ignored"},
)
ABOUT = 300
"""Characters of the line by which a list tells a question from others of its title."""
_NO_FORM = {"type": "object", "properties": {}}


async def human(desk: Desk, held: Held, step: PlanStep) -> Result | None:
    """Opens the pause of a `human` step. A result where it could not be opened."""
    model = step.model
    await desk.load(held, step.needs)
    env = held.environment(step.needs)
    try:
        proposal = step.values.evaluate(env) if step.values else {}
        shown = step.show.evaluate(env) if step.show else {}
    except EvaluationError as error:
        return Result.error(ErrorCode.EXPRESSION, str(error))
    actions = [{"id": a.id, "label": a.label, "to": a.to, "form": a.form} for a in model.actions]
    reason = {"kind": "human", "error": held.position.error if held.caught else None, "because": held.because}
    await _open(
        desk, held, step, "human", step.label, reason, model.form, proposal, shown, actions,
        queue=model.queue, deadline=model.deadline, priority=model.priority,
    )  # fmt: skip
    return None


async def unknown(desk: Desk, held: Held, step: PlanStep, given: Any, taken: Decision) -> None:
    """Asks whether a call happened, with the request shown."""
    request = held.requests.get(held.visit_key)
    tool = step.tool or next((t for t in step.tools if request and t.name == request.target), None)
    form = (tool.output if tool else None) or _NO_FORM
    reason = {
        "kind": "unknown",
        "error": failure_data(taken.failure),
        "because": taken.sentence,
        "request": {"method": request.method, "url": request.url, "body": request.body} if request else None,
        "input": given,
    }
    await _open(
        desk,
        held,
        step,
        "unknown",
        f"Did “{step.label}” happen?",
        reason,
        form,
        example(form) if form else {},
        {},
        UNKNOWN_ACTIONS if not held.row.restored else (*UNKNOWN_ACTIONS[:2], RESTORED_ACTION, *UNKNOWN_ACTIONS[2:]),
    )


async def limit(desk: Desk, held: Held, step: PlanStep, taken: Decision) -> None:
    reason = {
        "kind": "limit", "error": failure_data(taken.failure), "because": taken.sentence, "rule": taken.rule,
        "operands": list(taken.because),
    }  # fmt: skip
    await _open(desk, held, step, "limit", "A limit is reached", reason, _NO_FORM, {}, {}, LIMIT_ACTIONS)


async def quarantine(desk: Desk, held: Held, because: str) -> None:
    """A pause in place of whatever the run was at: a pause that was open is closed, and opens again once it is tried again."""
    reason = {"kind": "quarantine", "because": because}
    close(held, "cancelled", desk.clock.now())
    step = held.plan.steps[held.position.active]
    await _open(
        desk, held, step, "quarantine", "This run keeps failing its worker", reason, _NO_FORM, {}, {}, QUARANTINE_ACTIONS,
        status="quarantined",
    )  # fmt: skip


async def _open(
    desk: Desk,
    held: Held,
    step: PlanStep,
    kind: str,
    title: str,
    reason: dict[str, Any],
    form: dict[str, Any],
    proposal: Any,
    shown: Any,
    actions: Any,
    *,
    queue: str | None = None,
    deadline: float | None = None,
    priority: int | str | None = None,
    status: str = "waiting",
) -> None:
    rules = held.plan.workflow.escalation
    now = desk.clock.now()
    seconds = deadline if queue else rules.deadline
    due = now + timedelta(seconds=seconds) if seconds else None
    path, visit = held.visit_key
    escalation = EscalationRow(
        id=new_id(),
        run_id=held.run_id,
        kind=kind,
        step=held.position.active,
        path=path,
        visit=visit,
        title=title[:200],
        about=_about(shown or reason.get("input"), reason["because"]),
        queue=queue or rules.queue,
        priority=_number(priority if queue else rules.priority),
        status="open",
        reason=held.pack(reason),
        form=held.pack(form),
        values=held.pack(proposal),
        show=held.pack(shown),
        actions=values.dump(list(actions)),
        created=now,
        due=due,
    )
    held.escalations.append(escalation)
    held.escalation = escalation.id
    await desk.commit(held, held.leaving(now, status, due=due, wait="person"))


def _about(shown: Any, because: str) -> str:
    """What is shown, beginning with the first that says anything; where nothing is, why it stopped."""
    lines = [one_line(value, ABOUT) for value in shown.values()] if isinstance(shown, dict) else []
    return cut(" · ".join(filter(None, lines)), ABOUT) or one_line(because, ABOUT)


def close(held: Held, status: str, now: datetime, by: str = "", answer: Any = None) -> None:
    """Ends the run's open escalation, if it has one, with the run's next commit."""
    if held.escalation:
        held.closings.append(ClosingRow(status, held.pack(answer), by, now, held.run_id, held.escalation))
        held.escalation = None


def _number(priority: int | str | None) -> int:
    return priority if isinstance(priority, int) else PRIORITIES.get(priority or "normal", 0)


def is_to_end(held: Held) -> bool:
    """Whether it is only to be ended: it was cancelled, or quarantined and nobody came. Where not even that can be done, a person
    is asked, again."""
    waited = held.overdue and held.paused is not None and held.paused.kind == "quarantine"
    return (waited or held.asked is not None) and held.row.deaths < 2 * DEATHS


def why_quarantined(held: Held) -> str:
    """In a sentence, with the last error that there was."""
    error = values.load(held.row.error) if held.row.error else None
    told = f" The last error was {error['message']}." if isinstance(error, dict) and error.get("message") else ""
    return f"Three times this run could not be moved from {held.position.path}: its worker died or met a surprise.{told}"
