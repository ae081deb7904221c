"""Rows for tests, made by the doors that everybody uses: no engine, no threads, and so within one transaction."""

from typing import Any

from orchestration.acts import runs
from orchestration.acts.moving import apply_or_conflict, drive, take
from orchestration.executor.advance import advance
from orchestration.models import Escalation, Run
from tests.engine.publishing import end, publish, workflow

FORM = {
    "type": "object",
    "required": ["reply"],
    "properties": {"reply": {"type": "string", "minLength": 2}, "refund": {"type": "number"}},
}
ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}


def asking(id: str = "asking", **more: Any) -> dict[str, Any]:
    """A workflow that notes down its text, asks a person, and ends with what they replied."""
    return workflow(
        {"id": "note", "type": "set", "values": {"text": "${run.input.text}"}, "next": "ask"},
        {
            "id": "ask",
            "type": "human",
            "form": FORM,
            "values": {"reply": "${steps.note.text}"},
            "show": {"Text": "${steps.note.text}"},
            "actions": [
                {"id": "send", "label": "Send", "to": "done"},
                {"id": "drop", "label": "Drop", "to": "dropped", "form": "ignored"},
            ],
            "queue": "desk",
            "deadline": "2d",
            "on_deadline": "dropped",
        },
        end(output={"reply": "${steps.ask.values.reply}"}),
        end(id="dropped", outcome="bad"),
        **{
            "id": id,
            "input": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
            "models": {},
            **more,
        },
    )


def start(text: str = "Good day", id: str = "asking", **more: Any) -> Run:
    """A run of that workflow, which nobody has moved yet. Publishes it where that was not done."""
    publish(asking(id))
    return Run.objects.get(id=runs.start(workflow=id, input={"text": text}, by="otto", **more))


def move(run: Run) -> Run:
    """Moves the run as a worker would, through steps that make no calls, until it waits or ends."""
    held = take(run.id)
    apply_or_conflict(drive(held, lambda desk: advance(desk, held)))
    run.refresh_from_db()
    return run


def asked(text: str = "Good day", **more: Any) -> Escalation:
    """The open escalation of such a run."""
    return Escalation.objects.get(run=move(start(text, **more)))


def paying(id: str = "paying", **more: Any) -> dict[str, Any]:
    """A workflow that waits for what was paid, and ends with it."""
    paid = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}
    pay = {
        "id": "pay", "type": "wait", "event": "payment.received", "correlation": "${run.input.text}", "output": paid,
        "deadline": "3d", "on_deadline": "unpaid", "next": "done",
    }  # fmt: skip
    return asking(id) | {
        "start": "pay",
        "steps": [pay, end(output={"amount": "${steps.pay.amount}"}), end(id="unpaid", outcome="bad")],
        **more,
    }


def awaiting(order: str = "T-1", **more: Any) -> Run:
    """A run that waits for the payment of this order."""
    publish(paying(**more))
    return move(Run.objects.get(id=runs.start(workflow="paying", input={"text": order}, by="otto")))
