"""A definition of five hundred steps as people write them, no two texts of it alike, its catalog, and what its proof costs.

Fifty desks of ten steps: a lookup, an `llm` that sorts, keywords in its place, a branch, a loop of three steps, a person, a `set`
and a tool that sends. What one desk leaves the next one reads.
"""

import time
from typing import Any

import yaml

from orchestration.core import source
from orchestration.core.catalog import Catalog, Price, ProviderFacts, Tool
from orchestration.core.definition import parse
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove

DESKS = 50

_ID = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
_CUSTOMER = {
    "type": "object",
    "required": ["name", "plan", "spent"],
    "properties": {
        "name": {"type": "string"},
        "plan": {"enum": ["free", "pro", "team"]},
        "spent": {"type": "number"},
        "phone": {"type": "string"},
    },
}
CATALOG = Catalog(
    tools={
        "desk.find": Tool("desk.find", "python", "none", _ID, _CUSTOMER, timeout=5.0),
        "desk.send": Tool("desk.send", "python", "irreversible", {}, {}),
    },
    providers={"large": ProviderFacts("large", "openai", "m", {"*": Price(1.0, 10.0)})},
)


def cost() -> tuple[float, float]:
    """Seconds of CPU: of the YAML parser alone, and of reading, compiling and proving."""
    written = text()
    began = time.process_time()
    for _ in yaml.parse(written, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        pass
    parsed = time.process_time()
    proof = prove(compile_plan(parse(written), CATALOG))
    proved = time.process_time()
    assert proof.ok
    return parsed - began, proved - parsed


def text(desks: int = DESKS) -> str:
    """The definition as YAML."""
    last = "run.input.text"
    steps: list[dict[str, Any]] = []
    for n in range(desks):
        steps += _desk(n, last, f"find_{n + 1}" if n + 1 < desks else "done")
        last = f"steps.note_{n}.summary"
    return source.write(
        {
            "interlock": 1,
            "id": "large",
            "input": {
                "type": "object",
                "required": ["ticket", "text"],
                "properties": {"ticket": {"type": "string"}, "text": {"type": "string", "maxLength": 20000}},
            },
            "outcomes": {"ok": {"kind": "success"}, "late": {"kind": "failure"}, "broken": {"kind": "failure"}},
            "on_failure": "broken",
            "escalation": {"queue": "large", "deadline": "1d", "on_deadline": "late"},
            "models": {"main": {"provider": "large"}, "small": {"provider": "large", "model": "s"}},
            "start": "find_0",
            "steps": [*steps, {"id": "done", "type": "end", "outcome": "ok"}],
        }
    )


def _desk(n: int, last: str, following: str) -> list[dict[str, Any]]:
    to_person = [{"errors": ["*"], "to": f"ask_{n}"}]
    label = {"enum": [f"refund_{n}", f"bug_{n}", f"question_{n}", "unclear"]}
    sorted_as = {
        "type": "object",
        "required": ["label", "confidence"],
        "properties": {
            "label": label,
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            "quote": {"type": "string", "maxLength": 200 + n},
        },
    }
    return [
        {
            "id": f"find_{n}",
            "type": "tool",
            "title": f"Look up at desk {n}",
            "tool": "desk.find",
            "input": {"id": f"${{run.input.ticket + '-{n}'}}"},
            "timeout": "5s",
            "retry": {"attempts": 3, "backoff": "500ms"},
            "catch": to_person,
            "next": f"sort_{n}",
        },
        {
            "id": f"sort_{n}",
            "type": "llm",
            "title": f"Sort for desk {n}",
            "model": "main",
            "input": {"text": f"${{{last}}}", "plan": f"${{steps.find_{n}.plan}}", "spent": f"${{steps.find_{n}.spent}}"},
            "system": f"You sort what comes to desk {n}. Answer with a label, your confidence, and the words that it rests on.",
            "prompt": (
                f"Desk {n}, plan {{{{ plan }}}}\n{{% if spent > {n * 100} %}}This customer matters to desk {n}.\n{{% endif %}}"
                f"What came in:\n{{{{ text | truncate({2000 + n}) }}}}\n"
            ),
            "max_input_tokens": 4000,
            "max_output_tokens": 300,
            "output": sorted_as,
            "checks": [
                {"that": f"output.label != 'refund_{n}' || input.plan != 'free'", "else": f"Desk {n} refunds no free plans."},
                {"that": f"has(output.quote) && output.quote.size() > {n}", "else": f"Desk {n} wants a quote."},
            ],
            "repair": {"attempts": 1},
            "fallback": [{"model": "small"}, {"step": f"words_{n}"}],
            "catch": to_person,
            "next": f"route_{n}",
        },
        {
            "id": f"words_{n}",
            "type": "set",
            "values": {
                "label": f"${{['money {n}', 'back {n}'].exists(w, {last}.contains(w)) ? 'refund_{n}' : 'unclear'}}",
                "confidence": f"${{{last}.contains('?') ? 0.{n + 10} : 0.1}}",
            },
            "output": sorted_as,
            "next": f"route_{n}",
        },
        {
            "id": f"route_{n}",
            "type": "branch",
            "cases": [
                {"when": {"all": [f"steps.sort_{n}.confidence >= 0.{n + 10}", f"steps.sort_{n}.label != 'refund_{n}'"]},
                 "to": f"refine_{n}", "label": "Sure"},
                {"when": f"steps.find_{n}.spent > {n * 10}.5 && steps.find_{n}.plan == 'pro'", "to": f"refine_{n}"},
            ],
            "default": f"ask_{n}",
        },
        {
            "id": f"refine_{n}",
            "type": "loop",
            "max": 3,
            "carry": {"text": f"${{{last}}}", "score": 0},
            "body": _round(n),
            "update": {"text": f"${{steps.write_{n}.text}}", "score": f"${{steps.judge_{n}.score}}"},
            "until": f"carry.score >= {n % 7 + 3}",
            "progress": "carry.score",
            "output": {"text": "${carry.text}", "rounds": f"${{iter.index + {n}}}"},
            "on_exhausted": f"ask_{n}",
            "on_stalled": f"ask_{n}",
            "catch": to_person,
            "next": f"note_{n}",
        },
        {
            "id": f"ask_{n}",
            "type": "human",
            "title": f"Answer at desk {n}",
            "show": {
                "Came in": f"${{{last}}}",
                "Sorted as": f"${{has(steps.sort_{n}.label) ? steps.sort_{n}.label : 'not by desk {n}'}}",
                "What went wrong": f"${{has(error.message) ? error.message : 'nothing at desk {n}'}}",
            },
            "form": {"type": "object", "required": ["reply"], "properties": {"reply": {"type": "string", "minLength": n + 1}}},
            "values": {"reply": f"${{has(steps.refine_{n}.text) ? steps.refine_{n}.text : ''}}"},
            "actions": [{"id": "send", "label": "Send", "to": f"note_{n}"}],
            "deadline": "8h",
            "on_deadline": f"note_{n}",
        },
        {
            "id": f"note_{n}",
            "type": "set",
            "values": {
                "summary": (
                    f"Desk {n}: ${{has(steps.ask_{n}.values.reply) ? steps.ask_{n}.values.reply "
                    f": has(steps.refine_{n}.text) ? steps.refine_{n}.text : '{n}'}}"
                ),
                "sure": f"${{has(steps.sort_{n}.confidence) && steps.sort_{n}.confidence > 0.{n + 10}}}",
            },
            "next": f"send_{n}",
        },
        {
            "id": f"send_{n}",
            "type": "tool",
            "tool": "desk.send",
            "input": {"to": f"desk-{n}@example.org", "text": f"To desk {n}: ${{steps.note_{n}.summary}}"},
            "catch": [{"errors": ["*"], "to": following}],
            "next": following,
        },
    ]  # fmt: skip


def _round(n: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"write_{n}",
            "type": "llm",
            "model": "main",
            "input": {"text": "${carry.text}", "round": "${iter.index}", "label": f"${{steps.sort_{n}.label}}"},
            "system": f"You write for desk {n}, in short sentences.",
            "prompt": f"Round {{{{ round }}}} at desk {n} ({{{{ label }}}}):\n{{{{ text }}}}",
            "max_input_tokens": 4000,
            "max_output_tokens": 500,
            "next": f"judge_{n}",
        },
        {
            "id": f"judge_{n}",
            "type": "llm",
            "model": "small",
            "input": {"text": f"${{steps.write_{n}.text}}"},
            "prompt": f"Score this from 0 to 10 by the rules of desk {n}:\n{{{{ text }}}}",
            "max_input_tokens": 2000,
            "max_output_tokens": 50,
            "output": {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer", "maximum": 10 + n}}},
            "repair": {"attempts": 1},
        },
    ]
