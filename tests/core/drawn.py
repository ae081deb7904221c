"""Small definitions for the tests of plan and proof, and the catalog that they name."""

from datetime import UTC, datetime
from typing import Any

from orchestration.core.catalog import Called, Catalog, HttpTemplate, Price, ProviderFacts, Retired, Tool
from orchestration.core.definition import from_data
from orchestration.core.plan import Plan, compile_plan
from orchestration.core.proof.bound import Bound

Data = dict[str, Any]

TIER = {"type": "object", "required": ["tier"], "properties": {"tier": {"enum": ["free", "pro", "vip"]}}}
LABEL = {
    "type": "object",
    "required": ["label", "confidence"],
    "properties": {
        "label": {"enum": ["refund", "bug"]},
        "confidence": {"type": "number"},
        "note": {"type": "string"},
    },
}
INPUT = {
    "type": "object",
    "required": ["ticket", "text"],
    "properties": {"ticket": {"type": "string"}, "text": {"type": "string"}},
}
ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}

_AT = datetime(2026, 5, 3, tzinfo=UTC)
CATALOG = Catalog(
    tools={
        "crm.get": Tool("crm.get", "python", "none", ID, TIER, timeout=5.0),
        "crm.pay": Tool("crm.pay", "python", "irreversible", {}, {}),
        "crm.book": Tool("crm.book", "http", "reconcilable", {}, {}, http=HttpTemplate("POST", "https://crm.example/book")),
        "crm__get": Tool("crm__get", "python", "none", {}, {}),
    },
    providers={
        "priced": ProviderFacts("priced", "openai", "big", {"big": Price(1.0, 10.0), "small": Price(0.1, 1.0)}),
        "free": ProviderFacts("free", "openai", "any"),
    },
    secrets=frozenset({"desk"}),
    workflows={
        "kept@1": Called("kept", 1, "Kept", {}, {"good": None}, Bound(executions=1)),
        "dear@1": Called("dear", 1, "Dear", {}, {"good": None}, Bound(executions=1, calls=1, unpriced=1)),
        "wide@1": Called("wide", 1, "Wide", {}, {"good": None}, Bound(executions=1, calls=1, uncapped=1)),
        "old@1": Called("old", 1, "Old", {}, {"good": None}, Bound(executions=1), Retired("ada", _AT, "Call kept instead")),
    },
)


def step(id: str, type: str, **keys: Any) -> Data:
    return {"id": id, "type": type, **keys}


def put(id: str, next: str | None = "done", values: Any = None, **keys: Any) -> Data:
    """A `set`."""
    return step(id, "set", values=values or {}, **({"next": next} if next else {}), **keys)


def get(id: str, next: str | None = "done", **keys: Any) -> Data:
    """A tool step without an effect, whose output is `TIER`."""
    return step(id, "tool", **{"tool": "crm.get", "input": {"id": "x"}, **({"next": next} if next else {}), **keys})


def ask(id: str, next: str | None = "done", **keys: Any) -> Data:
    """An `llm` with a contract."""
    keys = {"model": "main", "prompt": "Sort it.", "output": LABEL, "max_input_tokens": 1000, "max_output_tokens": 100, **keys}
    return step(id, "llm", **keys, **({"next": next} if next else {}))


def person(id: str, to: str = "done", late: str = "done", **keys: Any) -> Data:
    actions = [{"id": "ok", "label": "Fine", "to": to}]
    return step(id, "human", **{"actions": actions, "deadline": "1h", "on_deadline": late, **keys})


def wait(id: str, next: str | None = "done", **keys: Any) -> Data:
    return step(id, "wait", **{"until": "1h", **({"next": next} if next else {}), **keys})


def fork(id: str, when: Any, to: str, default: str, **keys: Any) -> Data:
    return step(id, "branch", cases=[{"when": when, "to": to}], default=default, **keys)


def loop(id: str, body: list[Data], next: str | None = "done", **keys: Any) -> Data:
    keys = {"max": 3, "carry": {"n": 0}, "update": {"n": "${carry.n + 1}"}, "until": "carry.n > 1", **keys}
    return step(id, "loop", body=body, **keys, **({"next": next} if next else {}))


DONE = step("done", "end", outcome="ok")


def flow(*steps: Data, **keys: Any) -> Data:
    """A whole definition that begins with the first step, `done` added."""
    return {
        "interlock": 1,
        "id": "drawn",
        "input": INPUT,
        "outcomes": {"ok": {"kind": "success"}, "broken": {"kind": "failure"}},
        "on_failure": "broken",
        "models": {
            "main": {"provider": "priced"},
            "small": {"provider": "priced", "model": "small"},
            "odd": {"provider": "free"},
        },
        "start": steps[0]["id"],
        "steps": [*steps, *([] if any(each["id"] == "done" for each in steps) else [DONE])],
        **keys,
    }


def planned(data: Data, catalog: Catalog = CATALOG) -> Plan:
    return compile_plan(from_data(data), catalog)
