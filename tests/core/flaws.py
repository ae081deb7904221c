"""For each problem that the proof can find: the smallest definition that has it, the smallest change that has not, and where.

A key's first word is the problem's code. The place is (path, step, severity). A key that is None is left out.
"""

from typing import Any

from tests.core.drawn import TIER, Data, ask, flow, fork, get, loop, person, put, step, wait
from tests.core.flaws_of_calls import CALLS, Flaw, outcomes

READS = {"x": "${steps.a.tier}"}
PAID: Data = {"until": None, "event": "paid"}
LATE: Data = {"deadline": "1h", "on_deadline": "done"}
ITEM_PAID: Data = {**PAID, "deadline": "1h", "on_deadline": "continue"}
IS_X = "run.input.text == 'x'"


def cases(*cases: tuple[Any, str], to: str = "done") -> Data:
    return step("a", "branch", cases=[{"when": when, "to": to} for when, to in cases], default=to)


def each(*body: Data) -> Data:
    return step("each", "map", over="[1]", max_items=2, body=[*body], next="done")


def arms(*body: Data) -> Data:
    branches = [{"id": "left", "body": [*body]}, {"id": "right", "body": [put("z", None)]}]
    return step("both", "parallel", branches=branches, next="done")


CASES: dict[str, Flaw] = {
    # names
    "unknown_step": (flow(put("a", "dnoe")), flow(put("a")), ("steps[0].next", "a", "error")),
    "unknown_step start": (flow(put("a"), start="b"), flow(put("a"), start="a"), ("start", None, "error")),
    "unknown_step catch": (
        flow(get("a", catch=[{"errors": ["*"], "to": "broken"}])),
        flow(get("a", catch=[{"errors": ["*"], "to": "done"}])),
        ("steps[0].catch[0].to", "a", "error"),
    ),
    "unknown_step fallback": (
        flow(get("a", fallback=[{"step": "b"}])),
        flow(get("a", fallback=[{"step": "b"}]), put("b", None, {"tier": "pro"})),
        ("steps[0].fallback[0].step", "a", "error"),
    ),
    "unknown_step on_breach": (
        flow(put("a"), limits={"steps": 5, "on_breach": "c"}),
        flow(put("a"), limits={"steps": 5, "on_breach": "done"}),
        ("limits.on_breach", None, "error"),
    ),
    "unknown_outcome": (
        flow(step("a", "end", outcome="fine")),
        flow(step("a", "end", outcome="ok")),
        ("steps[0].outcome", "a", "error"),
    ),
    "unknown_outcome on_failure": (flow(put("a"), on_failure="bad"), flow(put("a")), ("on_failure", None, "error")),
    "unknown_outcome escalation": (
        flow(put("a"), escalation={"deadline": "1d", "on_deadline": "late"}),
        flow(put("a"), escalation={"deadline": "1d", "on_deadline": "broken"}),
        ("escalation.on_deadline", None, "error"),
    ),
    "incomplete_deadline": (
        flow(put("a"), escalation={"deadline": "1d"}),
        flow(put("a"), escalation={"deadline": "1d", "on_deadline": "broken"}),
        ("escalation", None, "error"),
    ),
    "wrong_kind": (flow(put("a"), on_failure="ok"), flow(put("a"), on_failure="broken"), ("on_failure", None, "error")),
    "outcome_unused": (
        flow(put("a"), outcomes=outcomes(late={"kind": "failure"})),
        flow(put("a"), outcomes=outcomes()),
        ("outcomes.late", None, "warning"),
    ),
    "no_exit": (flow(put("a", None), start="a"), flow(put("a")), ("steps[0]", "a", "error")),
    "unreachable": (flow(put("a"), put("b")), flow(put("a", "b"), put("b")), ("steps[1]", "b", "warning")),
    "not_supported_yet redact": (flow(put("a"), redact=["run.input.text"]), flow(put("a"), redact=[]), ("redact", None, "error")),
    "not_supported_yet index": (flow(put("a"), index=["run.input.text"]), flow(put("a"), index=[]), ("index", None, "warning")),
    "not_supported_yet tests": (flow(put("a"), tests=[{"input": {}}]), flow(put("a"), tests=[]), ("tests", None, "warning")),
    "not_supported_yet remind": (flow(person("a", remind="1h")), flow(person("a")), ("steps[0].remind", "a", "error")),
    # waits
    "bad_wait neither": (flow(wait("a", until=None)), flow(wait("a")), ("steps[0]", "a", "error")),
    "bad_wait both": (flow(wait("a", event="paid")), flow(wait("a")), ("steps[0]", "a", "error")),
    "bad_wait correlation": (flow(wait("a", correlation="x")), flow(wait("a")), ("steps[0].correlation", "a", "error")),
    "bad_wait output": (flow(wait("a", output={})), flow(wait("a")), ("steps[0].output", "a", "error")),
    "incomplete_deadline event": (flow(wait("a", **PAID)), flow(wait("a", **PAID, **LATE)), ("steps[0]", "a", "error")),
    "incomplete_deadline where to": (
        flow(wait("a", until="${run.input.text}", deadline="1h")),
        flow(wait("a", until="${run.input.text}", **LATE)),
        ("steps[0].deadline", "a", "error"),
    ),
    "incomplete_deadline when": (
        flow(wait("a", **PAID, on_deadline="done")),
        flow(wait("a", **PAID, **LATE)),
        ("steps[0].on_deadline", "a", "error"),
    ),
    "until_type": (flow(wait("a", until="soon")), flow(wait("a", until="2d")), ("steps[0].until", "a", "error")),
    "until_type time": (
        flow(wait("a", until="2026-02-30T08:00:00Z")),
        flow(wait("a", until="2026-02-28T08:00:00Z")),
        ("steps[0].until", "a", "error"),
    ),
    "until_type computed": (
        flow(wait("a", until="${run.input}")),
        flow(wait("a", until="${run.input.text}")),
        ("steps[0].until", "a", "error"),
    ),
    "correlation_type": (
        flow(wait("a", **PAID, **LATE, correlation="${run.input}")),
        flow(wait("a", **PAID, **LATE, correlation="${run.input.ticket}")),
        ("steps[0].correlation", "a", "error"),
    ),
    "event_for_any run": (
        flow(wait("a", **PAID, **LATE)),
        flow(wait("a", **PAID, **LATE, correlation="${run.input.ticket}")),
        ("steps[0].event", "a", "info"),
    ),
    "event_for_any item": (
        flow(step("a", "map", over="${[1, 2]}", max_items=2, body=[wait("b", None, **ITEM_PAID)], next="done"), input={}),
        flow(step("a", "map", over="${[1]}", max_items=1, body=[wait("b", None, **ITEM_PAID)], next="done"), input={}),
        ("steps[0].body[0].event", "b", "info"),
    ),
    "never_taken wait": (
        flow(wait("a", until="30m", **LATE)),
        flow(wait("a", until="2h", **LATE)),
        ("steps[0].on_deadline", "a", "warning"),
    ),
    "unpromised event": (
        flow(wait("a", "b", **PAID, **LATE), put("b", values=READS)),
        flow(wait("a", "b", **PAID, **LATE, output=TIER), put("b", values=READS)),
        ("steps[0].output", "a", "warning"),
    ),
    "unassigned wait": (
        flow(wait("a", "b", **PAID, deadline="1h", on_deadline="b", output=TIER), put("b", values=READS)),
        flow(wait("a", "b", **PAID, **LATE, output=TIER), put("b", values=READS)),
        ("steps[1].values", "b", "error"),
    ),
    "bad_priority": (flow(person("a", priority="hgih")), flow(person("a", priority="high")), ("steps[0].priority", "a", "error")),
    "bad_priority number": (
        flow(person("a", priority=2**40)),
        flow(person("a", priority=-7)),
        ("steps[0].priority", "a", "error"),
    ),
    "bad_priority escalation": (
        flow(put("a"), escalation={"priority": "soon"}),
        flow(put("a"), escalation={"priority": "urgent"}),
        ("escalation.priority", None, "error"),
    ),
    "duplicate_action": (
        flow(person("a", actions=[{"id": "ok", "label": "x", "to": "done"}, {"id": "ok", "label": "y", "to": "done"}])),
        flow(person("a", actions=[{"id": "ok", "label": "x", "to": "done"}, {"id": "no", "label": "y", "to": "done"}])),
        ("steps[0].actions[1].id", "a", "error"),
    ),
    "duplicate_id": (flow(put("a"), put("a")), flow(put("a", "b"), put("b")), ("steps[1].id", "a", "error")),
    # what a person has still to say
    "unfinished": (
        flow(fork("a", "", "done", "done")),
        flow(fork("a", IS_X, "done", "done")),
        ("steps[0].cases[0].when", "a", "error"),
    ),
    "unfinished check": (
        flow(ask("a", checks=[{"that": " ", "else": "x"}])),
        flow(ask("a", checks=[{"that": "output.confidence > 0.5", "else": "x"}])),
        ("steps[0].checks[0].that", "a", "error"),
    ),
    "unfinished prompt": (
        flow(ask("a", prompt=" \n")),
        flow(ask("a", prompt="", system="Sort it.")),
        ("steps[0].prompt", "a", "warning"),
    ),
    "unfinished person": (
        flow(person("a", title=None)),
        flow(person("a", title=None, show={"Text": "${run.input.text}"})),
        ("steps[0].show", "a", "warning"),
    ),
    "unfinished silence": (
        flow(person("a", late="", title="Ask")),
        flow(person("a", title="Ask")),
        ("steps[0].on_deadline", "a", "error"),
    ),
    "unfinished value": (
        flow(get("a", input={"id": "${}"})),
        flow(get("a", input={"id": "${run.input.text}"})),
        ("steps[0].input.id", "a", "error"),
    ),
    "unfinished list": (
        flow(step("a", "map", over="", max_items=2, body=[put("b", None)], next="done")),
        flow(step("a", "map", over="[1]", max_items=2, body=[put("b", None)], next="done")),
        ("steps[0].over", "a", "error"),
    ),
    # routes
    "cycle": (flow(put("a", "b"), put("b", "a")), flow(put("a", "b"), put("b")), ("steps[1].next", "b", "error")),
    "cycle itself": (flow(put("a", "a")), flow(put("a")), ("steps[0].next", "a", "error")),
    "wrong_level out": (
        flow(loop("a", [put("b", "done")])),
        flow(loop("a", [put("b", "break")], max=1)),
        ("steps[0].body[0].next", "b", "error"),
    ),
    "wrong_level out of an item": (
        flow(each(put("b", "done"))),
        flow(each(put("b", "continue"))),
        ("steps[0].body[0].next", "b", "error"),
    ),
    "wrong_level out of an arm": (
        flow(arms(put("b", "done"))),
        flow(arms(put("b", "continue"))),
        ("steps[0].branches[0].body[0].next", "b", "error"),
    ),
    "wrong_level in": (
        flow(put("a", "c"), loop("b", [put("c", None)])),
        flow(put("a", "b"), loop("b", [put("c", None)])),
        ("steps[0].next", "a", "error"),
    ),
    "wrong_level fallback": (
        flow(get("a", fallback=[{"step": "c"}], next="b"), loop("b", [put("c", None, {"tier": "pro"})])),
        flow(get("a", fallback=[{"step": "c"}], next="b"), put("c", None, {"tier": "pro"}), loop("b", [put("d", None)])),
        ("steps[0].fallback[0].step", "a", "error"),
    ),
    "wrong_level on_breach": (
        flow(loop("a", [put("b", None)]), limits={"steps": 50, "on_breach": "b"}),
        flow(loop("a", [put("b", None)]), limits={"steps": 50, "on_breach": "done"}),
        ("limits.on_breach", None, "error"),
    ),
    "outside_loop break": (flow(put("a", "break")), flow(put("a")), ("steps[0].next", "a", "error")),
    "outside_loop continue": (flow(put("a", "continue")), flow(put("a")), ("steps[0].next", "a", "error")),
    "outside_loop in an item": (
        flow(each(put("b", "break"))),
        flow(each(put("b", "continue"))),
        ("steps[0].body[0].next", "b", "error"),
    ),
    "outside_loop in an arm": (
        flow(arms(put("b", "break"))),
        flow(arms(put("b", "continue"))),
        ("steps[0].branches[0].body[0].next", "b", "error"),
    ),
    "loop_without_end": (
        flow(loop("a", [put("b", None)], until=None)),
        flow(loop("a", [put("b", None)])),
        ("steps[0].until", "a", "warning"),
    ),
    "loop_without_rounds": (
        flow(loop("a", [put("b", "break")])),
        flow(loop("a", [put("b", "continue")])),
        ("steps[0]", "a", "warning"),
    ),
    "loop_without_rounds and no end": (
        flow(loop("a", [step("b", "end", outcome="ok")], until=None)),
        flow(loop("a", [fork("b", "carry.n > 1", "c", "continue"), step("c", "end", outcome="ok")])),
        ("steps[0]", "a", "warning"),
    ),
    # branches
    "shadowed_case same": (
        flow(cases((IS_X, "b"), ("run.input.text=='x'", "done")), put("b")),
        flow(cases((IS_X, "b"), ("run.input.text=='x '", "done")), put("b")),
        ("steps[0].cases[1].when", "a", "warning"),
    ),
    "shadowed_case covered": (
        flow(
            ask("a", "b"),
            step(
                "b",
                "branch",
                cases=[
                    {"when": {"any": ["steps.a.confidence >= 0.5", "steps.a.label == 'bug'"]}, "to": "done"},
                    {"when": {"all": ["steps.a.confidence > 0.8", "steps.a.label == 'refund'"]}, "to": "done"},
                ],
                default="done",
            ),
        ),
        flow(
            ask("a", "b"),
            step(
                "b",
                "branch",
                cases=[
                    {"when": {"any": ["steps.a.confidence >= 0.5", "steps.a.label == 'bug'"]}, "to": "done"},
                    {"when": {"all": ["steps.a.confidence > 0.4", "steps.a.label == 'refund'"]}, "to": "done"},
                ],
                default="done",
            ),
        ),
        ("steps[1].cases[1].when", "b", "warning"),
    ),
    "shadowed_case always": (
        flow(cases(("1 < 2", "b"), (IS_X, "done")), put("b")),
        flow(cases((IS_X, "b"), ("1 < 2", "done")), put("b")),
        ("steps[0].cases[1].when", "a", "warning"),
    ),
    "shadowed_case never": (
        flow(fork("a", "1 > 2", "done", "done")),
        flow(fork("a", "1 < 2", "done", "done")),
        ("steps[0].cases[0].when", "a", "warning"),
    ),
    # assignment
    "unassigned": (
        flow(get("a", "b", catch=[{"errors": ["*"], "to": "b"}]), put("b", values=READS)),
        flow(get("a", "b", catch=[{"errors": ["*"], "to": "done"}]), put("b", values=READS)),
        ("steps[1].values", "b", "error"),
    ),
    "unassigned itself": (
        flow(put("a", values={"x": "${steps.a.x}"})),
        flow(put("a", values={"x": "${run.input.text}"})),
        ("steps[0].values", "a", "error"),
    ),
    "never_there": (
        flow(get("a", "b"), put("b", "c", {"x": "${has(steps.d.tier) ? 1 : 2}"}), get("c", "d"), get("d")),
        flow(get("a", "b"), put("b", "c", {"x": "${has(steps.a.tier) ? 1 : 2}"}), get("c", "d"), get("d")),
        ("steps[1].values", "b", "warning"),
    ),
    # failures
    "shadowed_catch": (
        flow(get("a", catch=[{"errors": ["*"], "to": "b"}, {"errors": ["timeout"], "to": "done"}]), put("b")),
        flow(get("a", catch=[{"errors": ["timeout"], "to": "b"}, {"errors": ["*"], "to": "done"}]), put("b")),
        ("steps[0].catch[1]", "a", "warning"),
    ),
    "catch_unknown": (
        flow(step("a", "tool", tool="crm.pay", next="done", catch=[{"errors": ["unknown"], "to": "done"}])),
        flow(step("a", "tool", tool="crm.pay", next="done", on_unknown="done")),
        ("steps[0].catch[0].errors", "a", "error"),
    ),
    "never_taken on_unknown": (flow(get("a", on_unknown="done")), flow(get("a")), ("steps[0].on_unknown", "a", "warning")),
    "never_taken on_stalled": (
        flow(loop("a", [put("b", None)], on_stalled="done")),
        flow(loop("a", [put("b", None)], on_stalled="done", progress="carry.n")),
        ("steps[0].on_stalled", "a", "warning"),
    ),
    "never_taken on_breach": (
        flow(put("a"), limits={"on_breach": "done"}),
        flow(put("a"), limits={"on_breach": "done", "steps": 9}),
        ("limits.on_breach", None, "warning"),
    ),
    "never_taken fallback": (
        flow(get("a", fallback=[{"step": "b"}]), get("b", None, fallback=[{"step": "c"}]), put("c", None, {"tier": "pro"})),
        flow(get("a", fallback=[{"step": "b"}, {"step": "c"}]), get("b", None), put("c", None, {"tier": "pro"})),
        ("steps[1].fallback", "b", "warning"),
    ),
    "never_taken max_rounds": (
        flow(ask("a", max_rounds=3)),
        flow(ask("a", max_rounds=3, tools=["crm.get"])),
        ("steps[0].max_rounds", "a", "warning"),
    ),
    "bad_fallback type": (
        flow(get("a", fallback=[{"step": "b"}]), person("b")),
        flow(get("a", fallback=[{"step": "b"}]), put("b", None, {"tier": "pro"})),
        ("steps[0].fallback[0].step", "a", "error"),
    ),
    "bad_fallback itself": (
        flow(get("a", fallback=[{"step": "a"}])),
        flow(get("a")),
        ("steps[0].fallback[0].step", "a", "error"),
    ),
    "bad_fallback tools": (
        flow(ask("a", fallback=[{"step": "b"}]), ask("b", None, tools=["crm.get"], max_rounds=2)),
        flow(ask("a", fallback=[{"step": "b"}]), ask("b", None)),
        ("steps[0].fallback[0].step", "a", "error"),
    ),
    "bad_fallback model": (
        flow(get("a", fallback=[{"model": "main"}])),
        flow(get("a")),
        ("steps[0].fallback[0].model", "a", "error"),
    ),
    **CALLS,
}


def without_nothing(data: Any) -> Any:
    """Keys whose value is None are left out, so that a row can take one away. A carry may begin as null."""
    if isinstance(data, dict):
        return {k: v if k == "carry" else without_nothing(v) for k, v in data.items() if v is not None}
    return [without_nothing(item) for item in data] if isinstance(data, list) else data
