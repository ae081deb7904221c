"""Those of `flaws` that are about calls and contracts: effects, tools, models, what fits what, prices and limits."""

from typing import Any

from tests.core.drawn import ID, Data, ask, flow, fork, get, loop, person, put, step

Flaw = tuple[Data, Data, tuple[str, str | None, str]]
"""(with the problem, without it, its place)"""
OUT = {"type": "object", "required": ["tier"], "properties": {"tier": {"enum": ["free", "pro", "vip"]}}}
PROMISED = {"kind": "success", "output": OUT}
OF_A = {"x": "${steps.a.id}"}
ANY_TIER = {"type": "object", "required": ["tier"], "properties": {"tier": {"type": "string"}}}


def outcomes(**more: Any) -> Data:
    return {"ok": {"kind": "success"}, "broken": {"kind": "failure"}, **more}


def keyed(secret: str) -> Data:
    return {"t": {"http": {"url": "https://x.example", "headers": {"Authorization": f"Bearer ${{secrets.{secret}}}"}}}}


def headed(**headers: str) -> Data:
    return {"t": {"http": {"url": "https://x.example", "headers": headers}}}


def reads(**roots: Data) -> Data:
    """What a step without an input expects: objects down to the schemas of what it reads."""
    return {"type": "object", "required": list(roots), "properties": {name: _inner(found) for name, found in roots.items()}}


def _inner(found: Data) -> Data:
    return found if "type" in found else reads(**found)


TWO = step("a", "parallel", branches=[{"id": name, "body": [put(f"{name}_too", None)]} for name in ("b", "c")], next="done")
CALLS: dict[str, Flaw] = {
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
    "unfinished tool": (flow(get("a", tool="")), flow(get("a")), ("steps[0].tool", "a", "error")),
    "unfinished workflow": (
        flow(step("a", "workflow", workflow="", next="done")),
        flow(step("a", "workflow", workflow="kept@1", next="done")),
        ("steps[0].workflow", "a", "error"),
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
    "unpromised": (
        flow(step("a", "tool", tool="crm.pay", next="b"), put("b", values={"x": "${steps.a.id}", "y": "${steps.a.of.it}"})),
        flow(step("a", "tool", tool="crm.pay", next="b", output=ID), put("b", values={"x": "${steps.a.id}"})),
        ("steps[0].tool", "a", "warning"),
    ),
    "unpromised of a tool of its own": (
        flow(step("a", "tool", tool="t", next="b"), put("b", values=OF_A), tools=keyed("desk")),
        flow(step("a", "tool", tool="t", next="b"), put("b", values=OF_A), tools={"t": {**keyed("desk")["t"], "output": ID}}),
        ("steps[0].tool", "a", "warning"),
    ),
    "unpromised but asked for first": (
        flow(get("a", "b", output={"type": "object"}), put("b", values=OF_A)),
        flow(get("a", "b", output={"type": "object"}), put("b", values={"x": "${has(steps.a.id) ? steps.a.id : ''}"})),
        ("steps[0].tool", "a", "warning"),
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
    "one_after_another": (
        flow(TWO, limits={"steps": 3, "on_breach": "done"}),
        flow(TWO, limits={"steps": 4, "on_breach": "done"}),
        ("limits.steps", None, "info"),
    ),
    "no_on_breach": (flow(put("a"), limits={"steps": 1}), flow(put("a"), limits={"steps": 2}), ("limits.steps", None, "error")),
    "price_missing": (
        flow(ask("a", model="odd"), limits={"cost_usd": 1}),
        flow(ask("a", model="main"), limits={"cost_usd": 1}),
        ("models.odd", None, "error"),
    ),
    "price_missing called": (
        flow(step("a", "workflow", workflow="dear@1", next="done"), limits={"cost_usd": 1}),
        flow(step("a", "workflow", workflow="kept@1", next="done"), limits={"cost_usd": 1}),
        ("steps[0].workflow", "a", "error"),
    ),
    "no_input_cap": (
        flow(ask("a", max_input_tokens=None), limits={"cost_usd": 1}),
        flow(ask("a"), limits={"cost_usd": 1}),
        ("steps[0].max_input_tokens", "a", "error"),
    ),
    "no_input_cap called": (
        flow(step("a", "workflow", workflow="wide@1", next="done"), limits={"cost_usd": 1}),
        flow(step("a", "workflow", workflow="kept@1", next="done"), limits={"cost_usd": 1}),
        ("steps[0].workflow", "a", "error"),
    ),
}
