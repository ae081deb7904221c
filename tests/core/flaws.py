"""For each problem that the proof can find: the smallest definition that has it, the smallest change that has not, and where.

A key's first word is the problem's code. The place is (path, step, severity). A key that is None is left out.
"""

from typing import Any

from tests.core.drawn import Data, ask, flow, fork, get, loop, person, put, step

READS = {"x": "${steps.a.tier}"}
OUT = {"type": "object", "required": ["tier"], "properties": {"tier": {"enum": ["free", "pro", "vip"]}}}
PROMISED = {"kind": "success", "output": OUT}
ANY_TIER = {"type": "object", "required": ["tier"], "properties": {"tier": {"type": "string"}}}


def outcomes(**more: Any) -> Data:
    return {"ok": {"kind": "success"}, "broken": {"kind": "failure"}, **more}


def keyed(secret: str) -> Data:
    return {"t": {"http": {"url": "https://x.example", "headers": {"Authorization": f"Bearer ${{secrets.{secret}}}"}}}}


def headed(**headers: str) -> Data:
    return {"t": {"http": {"url": "https://x.example", "headers": headers}}}


def cases(*cases: tuple[Any, str], to: str = "done") -> Data:
    return step("a", "branch", cases=[{"when": when, "to": to} for when, to in cases], default=to)


def reads(**roots: Data) -> Data:
    """What a step without an input expects: objects down to the schemas of what it reads."""
    return {"type": "object", "required": list(roots), "properties": {name: _inner(found) for name, found in roots.items()}}


def _inner(found: Data) -> Data:
    return found if "type" in found else reads(**found)


IS_X = "run.input.text == 'x'"

CASES: dict[str, tuple[Data, Data, tuple[str, str | None, str]]] = {
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
    "not_supported_yet": (
        flow(step("a", "wait", until="x", next="done")),
        flow(put("a")),
        ("steps[0].type", "a", "error"),
    ),
    "not_supported_yet redact": (flow(put("a"), redact=["run.input.text"]), flow(put("a"), redact=[]), ("redact", None, "error")),
    "not_supported_yet index": (flow(put("a"), index=["run.input.text"]), flow(put("a"), index=[]), ("index", None, "warning")),
    "not_supported_yet tests": (flow(put("a"), tests=[{"input": {}}]), flow(put("a"), tests=[]), ("tests", None, "warning")),
    "not_supported_yet remind": (flow(person("a", remind="1h")), flow(person("a")), ("steps[0].remind", "a", "error")),
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
    # routes
    "cycle": (flow(put("a", "b"), put("b", "a")), flow(put("a", "b"), put("b")), ("steps[1].next", "b", "error")),
    "cycle itself": (flow(put("a", "a")), flow(put("a")), ("steps[0].next", "a", "error")),
    "wrong_level out": (
        flow(loop("a", [put("b", "done")])),
        flow(loop("a", [put("b", "break")], max=1)),
        ("steps[0].body[0].next", "b", "error"),
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
    "loop_without_end": (
        flow(loop("a", [put("b", None)], until=None)),
        flow(loop("a", [put("b", None)])),
        ("steps[0]", "a", "warning"),
    ),
    "loop_without_rounds": (
        flow(loop("a", [put("b", "break")])),
        flow(loop("a", [put("b", "continue")])),
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
    # effects
    "irreversible_retry": (
        flow(step("a", "tool", tool="crm.pay", next="done", retry={"attempts": 2})),
        flow(step("a", "tool", tool="crm.pay", next="done", retry={"attempts": 2, "errors": ["rate_limited"]})),
        ("steps[0].retry", "a", "error"),
    ),
    "retry_unknown": (
        flow(step("a", "tool", tool="crm.pay", next="done", retry={"attempts": 2, "errors": ["unknown"]})),
        flow(step("a", "tool", tool="crm.pay", next="done", retry={"attempts": 2, "errors": ["auth"]})),
        ("steps[0].retry.errors", "a", "error"),
    ),
    "irreversible_fallback": (
        flow(step("a", "tool", tool="crm.pay", next="done", fallback=[{"step": "b"}]), put("b", None)),
        flow(step("a", "tool", tool="crm.pay", next="done")),
        ("steps[0].fallback", "a", "info"),
    ),
    "irreversible_in_loop": (
        flow(loop("a", [step("b", "tool", tool="crm.pay")])),
        flow(loop("a", [step("b", "tool", tool="crm.pay")], max=1)),
        ("steps[0].body[0].tool", "b", "warning"),
    ),
    "irreversible_by_model": (
        flow(ask("a", tools=["crm.pay"], max_rounds=2)),
        flow(ask("a", tools=["crm.get"], max_rounds=2)),
        ("steps[0].tools[0]", "a", "warning"),
    ),
    "tool_repair": (
        flow(get("a", repair={"attempts": 1})),
        flow(get("a", retry={"attempts": 2})),
        ("steps[0].repair", "a", "error"),
    ),
    "no_max_rounds": (
        flow(ask("a", tools=["crm.get"])),
        flow(ask("a", tools=["crm.get"], max_rounds=2)),
        ("steps[0].max_rounds", "a", "error"),
    ),
    "tool_name_collision": (
        flow(ask("a", tools=["crm.get", "crm__get"], max_rounds=2)),
        flow(ask("a", tools=["crm.get"], max_rounds=2)),
        ("steps[0].tools[1]", "a", "error"),
    ),
    "owned_param": (
        flow(ask("a", params={"max_tokens": 9, "temperature": 0})),
        flow(ask("a", params={"temperature": 0})),
        ("steps[0].params.max_tokens", "a", "error"),
    ),
    "owned_param model": (
        flow(ask("a"), models={"main": {"provider": "priced", "params": {"N": 20}}}),
        flow(ask("a"), models={"main": {"provider": "priced", "params": {"seed": 20}}}),
        ("models.main.params.N", None, "error"),
    ),
    "owned_param inside": (
        flow(ask("a", params={"output_config": {"format": {}, "effort": "low"}})),
        flow(ask("a", params={"output_config": {"effort": "low"}})),
        ("steps[0].params.output_config.format", "a", "error"),
    ),
    "literal_credential": (
        flow(step("a", "tool", tool="t", next="done"), tools=headed(Authorization="Bearer abc")),
        flow(step("a", "tool", tool="t", next="done"), tools=headed(Authorization="Bearer ${secrets.desk}")),
        ("tools.t.http.headers.Authorization", None, "error"),
    ),
    "bad_header": (
        flow(step("a", "tool", tool="t", next="done"), tools=headed(**{"X A": "b"})),
        flow(step("a", "tool", tool="t", next="done"), tools=headed(**{"X-A": "b"})),
        ("tools.t.http.headers.X A", None, "error"),
    ),
    "no_reconcile": (flow(step("a", "tool", tool="crm.book", next="done")), flow(get("a")), ("steps[0].tool", "a", "error")),
    "unknown_secret": (
        flow(step("a", "tool", tool="t", next="done"), tools=keyed("dsk")),
        flow(step("a", "tool", tool="t", next="done"), tools=keyed("desk")),
        ("tools.t", None, "warning"),
    ),
    # names outside
    "unknown_tool": (flow(get("a", tool="crm.gte")), flow(get("a")), ("steps[0].tool", "a", "error")),
    "unknown_model": (flow(ask("a", model="mian")), flow(ask("a")), ("steps[0].model", "a", "error")),
    "unknown_provider": (
        flow(put("a"), models={"m": {"provider": "nobody"}}),
        flow(put("a"), models={"m": {"provider": "priced"}}),
        ("models.m.provider", None, "error"),
    ),
    # contracts
    "not_assignable tool": (flow(get("a", input={"id": 5})), flow(get("a", input={"id": "5"})), ("steps[0].input", "a", "error")),
    "not_assignable missing": (flow(get("a", input={})), flow(get("a", input={"id": "5"})), ("steps[0].input", "a", "error")),
    "not_assignable expects": (
        flow(ask("a", input={"t": "${run.input.text}"}, expects={"type": "object", "properties": {"t": {"type": "integer"}}})),
        flow(ask("a", input={"t": "${run.input.text}"}, expects={"type": "object", "properties": {"t": {"type": "string"}}})),
        ("steps[0].input", "a", "error"),
    ),
    "not_assignable expects of a set": (
        flow(get("a", "b"), put("b", values={"x": "${steps.a.tier}"}, expects=reads(steps={"a": {"tier": {"type": "integer"}}}))),
        flow(get("a", "b"), put("b", values={"x": "${steps.a.tier}"}, expects=reads(steps={"a": {"tier": {"type": "string"}}}))),
        ("steps[1].expects", "b", "error"),
    ),
    "not_assignable expects what it doesn't read": (
        flow(get("a", "b"), fork("b", "run.input.text == 'x'", "done", "done", expects=reads(steps={"a": {}}))),
        flow(get("a", "b"), fork("b", "steps.a.tier == 'pro'", "done", "done", expects=reads(steps={"a": {}}))),
        ("steps[1].expects", "b", "error"),
    ),
    "not_assignable expects of a round": (
        flow(loop("a", [put("b", None, {"x": "${carry.n}"}, expects=reads(carry={"n": {"type": "string"}}))])),
        flow(loop("a", [put("b", None, {"x": "${carry.n}"}, expects=reads(carry={"n": {"type": "number"}}))])),
        ("steps[0].body[0].expects", "b", "error"),
    ),
    "not_assignable fallback": (
        flow(get("a", fallback=[{"step": "b"}]), put("b", None, {"tier": "gold"})),
        flow(get("a", fallback=[{"step": "b"}]), put("b", None, {"tier": "pro"})),
        ("steps[0].fallback[0].step", "a", "error"),
    ),
    "not_assignable set": (
        flow(put("a", values={"tier": 5}, output=ANY_TIER)),
        flow(put("a", values={"tier": "5"}, output=ANY_TIER)),
        ("steps[0].values", "a", "error"),
    ),
    "not_assignable end": (
        flow(get("a"), step("done", "end", outcome="ok", output={"x": "${steps.a.tier}"}), outcomes=outcomes(ok=PROMISED)),
        flow(get("a"), step("done", "end", outcome="ok", output="${steps.a}"), outcomes=outcomes(ok=PROMISED)),
        ("steps[1].output", "done", "error"),
    ),
    "not_assignable no output": (
        flow(put("a", "done"), outcomes=outcomes(ok=PROMISED)),
        flow(put("a", "done"), outcomes=outcomes(ok={"kind": "success"})),
        ("steps[1].output", "done", "error"),
    ),
    "not_assignable form": (
        flow(person("a", form={"type": "object", "properties": {"x": {"type": "string"}}}, values={"x": 5})),
        flow(person("a", form={"type": "object", "properties": {"x": {"type": "string"}}}, values={"x": "5"})),
        ("steps[0].values.x", "a", "warning"),
    ),
    "not_assignable field": (
        flow(person("a", form={"type": "object", "properties": {"x": {"type": "string"}}}, values={"y": "5"})),
        flow(person("a", form={"type": "object", "properties": {"x": {"type": "string"}}}, values={"x": "5"})),
        ("steps[0].values.y", "a", "error"),
    ),
    "not_assignable carry": (
        flow(loop("a", [put("b", None)], carry={"n": 0}, update={"n": "x"}, until="iter.index > 1")),
        flow(loop("a", [put("b", None)], carry={"n": None}, update={"n": "x"}, until="iter.index > 1")),
        ("steps[0].update.n", "a", "error"),
    ),
    "not_assignable dropped": (
        flow(loop("a", [put("b", None)], carry={"n": 0, "m": 1}, update={"n": 1}, until="iter.index > 1")),
        flow(loop("a", [put("b", None)], carry={"n": 0, "m": 1}, update={"n": 1, "m": 2}, until="iter.index > 1")),
        ("steps[0].update", "a", "warning"),
    ),
    "progress_type": (
        flow(loop("a", [put("b", None)], progress="'x'", on_stalled="done")),
        flow(loop("a", [put("b", None)], progress="carry.n", on_stalled="done")),
        ("steps[0].progress", "a", "error"),
    ),
    # limits
    "worst_case_above_limit": (
        flow(ask("a"), limits={"cost_usd": 0.0019, "on_breach": "done"}),
        flow(ask("a"), limits={"cost_usd": 0.002, "on_breach": "done"}),
        ("limits.cost_usd", None, "warning"),
    ),
    "worst_case_above_limit steps": (
        flow(put("a"), limits={"steps": 1, "on_breach": "done"}),
        flow(put("a"), limits={"steps": 2, "on_breach": "done"}),
        ("limits.steps", None, "warning"),
    ),
    "worst_case_above_limit machine_time": (
        flow(get("a"), limits={"machine_time": "4s", "on_breach": "done"}),
        flow(get("a"), limits={"machine_time": "5s", "on_breach": "done"}),
        ("limits.machine_time", None, "warning"),
    ),
    "no_on_breach": (flow(put("a"), limits={"steps": 1}), flow(put("a"), limits={"steps": 2}), ("limits.steps", None, "error")),
    "price_missing": (
        flow(ask("a", model="odd"), limits={"cost_usd": 1}),
        flow(ask("a", model="main"), limits={"cost_usd": 1}),
        ("models.odd", None, "error"),
    ),
    "no_input_cap": (
        flow(ask("a", max_input_tokens=None), limits={"cost_usd": 1}),
        flow(ask("a"), limits={"cost_usd": 1}),
        ("steps[0].max_input_tokens", "a", "error"),
    ),
}


def without_nothing(data: Any) -> Any:
    """Keys whose value is None are left out, so that a row can take one away. A carry may begin as null."""
    if isinstance(data, dict):
        return {k: v if k == "carry" else without_nothing(v) for k, v in data.items() if v is not None}
    return [without_nothing(item) for item in data] if isinstance(data, list) else data
