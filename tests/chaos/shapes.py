"""The contracts of what is drawn: what models, tools and people give, what is asked of them, and how often."""

from tests.chaos.answers import LABELS

OUTPUT = {
    "type": "object",
    "required": ["label", "score"],
    "properties": {"label": {"enum": list(LABELS)}, "score": {"type": "integer", "minimum": 0, "maximum": 9}},
}
RECEIPT = {
    "type": "object",
    "required": ["value", "receipt"],
    "properties": {"value": {"type": "integer"}, "receipt": {"type": "string"}},
}
PLACE = {
    "type": "object",
    "required": ["run", "step", "round", "seen"],
    "properties": {
        "run": {"type": "integer"}, "step": {"type": "string"}, "round": {"type": "integer"}, "seen": {"type": "integer"},
    },
}  # fmt: skip
FORM = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
INPUT = {
    "type": "object",
    "required": ["run", "at", "a", "b"],
    "properties": {name: {"type": "integer"} for name in ("run", "at", "a", "b")},
}
TOTAL = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
EVENT = {"type": "object", "required": ["value"], "properties": {"value": {"type": "integer"}}}
RETRY = {"attempts": 8, "backoff": "100ms", "factor": 1.5, "max_backoff": "1s"}
"""Many more than there are troubles, so that what is slow on a busy machine changes no course."""
ONCE = {**RETRY, "errors": ["rate_limited"]}
"""Of what can't be undone: after anything else it may have happened."""
