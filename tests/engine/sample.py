"""The workflow of the record protocol's tests: what its runs do goes by their size."""

from typing import Any

from orchestration.models import Version
from tests.engine.publishing import end, publish, workflow

EFFECTS = ("none", "idempotent", "reconcilable", "irreversible")
PERSON = len(EFFECTS)
"""A run of this size asks a person at once; a smaller one calls the tool of that effect first."""
FAN = PERSON + 1
"""A run of this size calls a tool in each of three child runs first, two at once, and another fans out in each of these."""
WAIT = FAN + 1
"""A run of this size waits for an event first, twice for the same: in a loop."""
CALL = WAIT + 1
"""A run of this size has two arms first: one waits for that event, one calls a workflow that does; and whoever is first stops the
other. What it calls calls a tool, and another workflow, which has a limit of its own."""
SIZES = CALL + 1
EVENT = "paid"
SCHEMA: dict[str, Any] = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}
TEXT: dict[str, Any] = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


def publish_sample() -> Version:
    """By its size a run calls a tool, waits, or fans out; then it asks a person. What fails is tried again, or caught."""
    tools = {effect: tool(effect) for effect in EFFECTS}
    tools["reconcilable"]["reconcile"] = {"method": "GET", "url": "http://desk.test/effects/${key}"}
    caught = [{"errors": ["*"], "to": "check"}]
    steps: list[dict[str, Any]] = [{**calls(effect), "next": "note", "catch": caught} for effect in EFFECTS]
    item = calls("idempotent", "item_call")
    arms = [{"id": "left", "body": [{**item, "id": "left_call"}]}, {"id": "right", "body": [{**item, "id": "right_call"}]}]
    both = {"id": "both", "type": "parallel", "branches": arms, "join": "any", "next": "item_call"}
    each = {"id": "each", "type": "map", "over": "${[1, 2, 3]}", "max_items": 3, "concurrency": 2, "body": [both, item]}
    again = {"id": "again", "type": "loop", "body": [waits("again_paid", "2h", "break")], "max": 2, "next": "note"}
    called = {"id": "call", "type": "workflow", "workflow": "inner@1", "input": {"text": "${run.input.text}"}}
    ways = [{"id": "called", "body": [called]}, {"id": "own", "body": [waits("own_paid", "3h", "continue")]}]
    first = {"id": "first", "type": "parallel", "branches": ways, "join": "any", "next": "note", "catch": caught}
    steps += [{**each, "on_item_error": "skip", "next": "note", "catch": caught}, again, first]
    sizes = [*EFFECTS, "check", "each", "again", "first"]
    cases = [{"when": f"run.input.n < {n + 1}.0", "to": to} for n, to in enumerate(sizes[:-1])]
    branch = {"id": "which", "type": "branch", "cases": cases, "default": sizes[-1]}
    actions = [{"id": "accept", "label": "Accept", "to": "done"}, {"id": "stop", "label": "Stop", "to": "no"}]
    check = {"id": "check", "type": "human", "actions": actions, "deadline": "2d", "on_deadline": "no"}
    note = {"id": "note", "type": "set", "values": {"seen": True}, "next": "check"}
    more = {"escalation": {"queue": "ops", "deadline": "4h", "on_deadline": "bad"}}
    _publish_called()
    return publish(workflow(branch, *steps, note, check, end(), end(id="no", outcome="bad"), models={}, tools=tools, **more))


def _publish_called() -> None:
    limits = {"limits": {"steps": 1, "on_breach": "late"}}
    two = [{"id": name, "type": "set", "values": {"n": 1}, "next": to} for name, to in (("one", "two"), ("two", "done"))]
    late = {"id": "late", "type": "set", "values": {"n": 2}, "next": "done"}
    publish(workflow(*two, late, end(), id="deep", models={}, input={"type": "object"}, **limits))
    deep = {"id": "deeper", "type": "workflow", "workflow": "deep@1", "next": "done"}
    steps = (
        waits("inner_paid", "4h", "inner_call", to="inner_call"),
        calls("idempotent", "inner_call", next="deeper"),
        deep,
        end(),
    )
    publish(workflow(*steps, id="inner", models={}, input=TEXT, tools={"idempotent": tool("idempotent")}))


def tool(effect: str) -> dict[str, Any]:
    return {"http": {"method": "POST", "url": f"http://desk.test/{effect}"}, "effect": effect, "output": SCHEMA}


def calls(effect: str, id: str = "", next: str | None = None) -> dict[str, Any]:
    retry = {"attempts": 1 if effect == "irreversible" else 2, "errors": ["unavailable"], "backoff": "10m"}
    given = {"t": "${run.input.text}"}
    return {"id": id or effect, "type": "tool", "tool": effect, "input": given, "timeout": "5s", "retry": retry, "next": next}


def waits(id: str, deadline: str, late: str, to: str | None = None) -> dict[str, Any]:
    step = {"id": id, "type": "wait", "event": EVENT, "correlation": "${run.input.text}", "next": to}
    return {**step, "deadline": deadline, "on_deadline": late}
