"""A workflow with many child runs, for tests and pictures."""

from typing import Any


def orders(id: str = "orders", **more: Any) -> dict[str, Any]:
    """A workflow that looks at each order, asks a person about odd ones, and fails at one that is `broken`."""
    ask = {
        "id": "ask",
        "type": "human",
        "title": "May it be sent?",
        "form": {"type": "object", "properties": {}},
        "show": {"Order": "${item}", "By the rules of": "${steps.rules.of}"},
        "actions": [{"id": "yes", "label": "Send it", "to": "seen"}, {"id": "no", "label": "Keep it", "to": "seen"}],
        "queue": "desk",
        "deadline": "2d",
        "on_deadline": "seen",
    }
    way = {
        "id": "way",
        "type": "branch",
        "cases": [{"when": "item.startsWith('odd') && steps.rules.of == 'spring'", "to": "ask"}],
        "default": "seen",
    }
    letters = "${size(item) / (item == 'broken' ? 0 : 1)}"
    seen = {"id": "seen", "type": "set", "values": {"order": "${item}", "of": "${steps.rules.of}", "letters": letters}}
    each = {
        "id": "each",
        "type": "map",
        "title": "Each order",
        "over": "${run.input.orders}",
        "max_items": 10_000,
        "on_item_error": "skip",
        "body": [way, ask, seen],
        "next": "done",
        **more,
    }
    rules = {"id": "rules", "type": "set", "title": "Rules", "values": {"of": "spring"}, "next": "each"}
    done = {"id": "done", "type": "end", "outcome": "good", "output": "${steps.each}"}
    return {
        "interlock": 1,
        "id": id,
        "title": "Orders",
        "input": {
            "type": "object",
            "required": ["orders"],
            "properties": {"orders": {"type": "array", "items": {"type": "string"}}},
        },
        "outcomes": {"good": {"kind": "success"}, "bad": {"kind": "failure"}},
        "on_failure": "bad",
        "start": "rules",
        "steps": [rules, each, done],
    }
