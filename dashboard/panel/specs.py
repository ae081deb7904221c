"""The form of each model of the format, made from the model itself: its keys, their types and bounds, and the sentences of the
reference. What it may offer besides comes from `Around`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MaxLen

from dashboard import format_words
from dashboard.format_view import described
from dashboard.panel.around import OFFERS, OFFERS_HTTP, OFFERS_INNER, OFFERS_OWN, Around, Offer
from dashboard.panel.contracts import Contract
from dashboard.panel.prompting import TEXTS
from dashboard.panel.ways import Condition, NamedParts, NamedValues
from dashboard.schema_spec import LONG_TEXT, Spec
from orchestration.core import fields
from orchestration.core.definition import Arm, Retry, StepBase, Workflow
from orchestration.core.errors import ErrorCode
from orchestration.core.fields import Model

NOT_HERE = frozenset({"id", "type", "body", "branches", "interlock", "steps", "layout", "tests", "start"})
"""Keys that are no part of a form: renaming, moving and drawing change them."""

_LABELS = {
    "that": "What has to hold", "else": "Else say", "to": "Goes to", "next": "Then", "default": "Otherwise", "when": "If",
    "on_deadline": "When that is over", "on_exhausted": "When the rounds are used up", "on_stalled": "When it stalls",
    "on_unknown": "Where nobody knows whether it happened", "on_failure": "What nothing else catches ends as",
    "on_breach": "When a limit is met", "cases": "Cases", "catch": "Catch", "checks": "Checks", "input": "Its input",
    "output": "What it gives", "expects": "What it takes", "carry": "First carried", "update": "Carried on", "until": "Done when",
    "max": "Rounds at most", "max_items": "Items at most", "need": "Have to succeed", "on_item_error": "An item that fails",
    "max_rounds": "Rounds at most", "attempts": "How often at most", "factor": "Times longer each time", "over": "Goes over",
    "usd_per_mtok_in": "Dollars, million tokens in", "usd_per_mtok_out": "Dollars, million tokens out", "cost_usd": "Dollars",
    "values": "Values", "show": "What is shown", "http": "Request", "url": "URL", "params": "Parameters", "step": "Or a step",
    "concurrency": "At once", "join": "Have to be done", "steps": "Step records", "label": "Label", "model": "Model",
}  # fmt: skip
_LABELS_OF = {
    "Retry.attempts": "Attempts in all", "Repair.attempts": "Extra asks", "Fallback.model": "Another model",
    "WaitStep.until": "Until", "Action.form": "The form", "HumanStep.form": "The form",
    "HumanStep.values": "What the form opens with", "Workflow.input": "A run takes", "EndStep.output": "What the run gives",
    "MapStep.output": "What an item gives", "ToolDefinition.input": "Takes", "ToolDefinition.output": "Gives",
    "Outcome.output": "Gives", "ModelRef.model": "Its name there",
}  # fmt: skip
_WORDS = {
    "fail": "fails the step", "skip": "is left out", "collect": "is kept, with its error", "required": "has to be right",
    "ignored": "is left aside", "success": "success", "failure": "failure",
}  # fmt: skip
_ROUND = frozenset({"update", "until", "progress", "output"})
"""Keys of containers that are computed inside of them."""
_MAPPED_TEXTS = frozenset({"output", "body"})
"""Keys that take any value and mostly hold a mapping."""
_PICKS = {
    "MapStep.over": "place", "LoopStep.progress": "place", "WaitStep.until": "value", "WaitStep.correlation": "value",
    "HttpCall.url": "value",
}  # fmt: skip
"""Texts in which a place may be read, and how it is written there."""
_ITEMS = {"catch": "Catch", "cases": "Case", "checks": "Check", "actions": "Action", "fallback": "Fallback"}
_ADDS = {
    "catch": "Add a catch", "cases": "Add a case", "checks": "Add a check", "actions": "Add an action",
    "fallback": "Add a fallback",
}  # fmt: skip
_DURATION = "As `500ms`, `30s`, `5m`, `12h` or `2d`."


def spec_of(model: type[Model], around: Around, takes: frozenset[str] = frozenset()) -> Spec:
    """The whole form of a step of this type, or of the workflow. `takes`: the names of the inputs that what it calls declares."""
    return Spec("object", "", "", properties=tuple(_Reader(around, takes).properties(model)))


@cache
def _hints(model: type[Model]) -> Mapping[str, Any]:
    return get_type_hints(model, include_extras=True)


@dataclass(frozen=True)
class _Reader:
    around: Around
    takes: frozenset[str]

    def properties(self, model: type[Model]) -> list[Spec]:
        left_out = NOT_HERE if issubclass(model, StepBase | Arm | Workflow) else frozenset()
        keys = ((field.alias or name, name) for name, field in model.model_fields.items())
        return [self.key(model, key, name) for key, name in keys if key not in left_out]

    def key(self, model: type[Model], key: str, name: str) -> Spec:
        field = model.model_fields[name]
        base = {
            "key": key,
            "label": _LABELS_OF.get(f"{model.__name__}.{key}") or _LABELS.get(key) or _label(key),
            "hint": _sentence(model, key),
            "required": field.is_required(),
        }
        return self.of(model, key, _hints(model)[name], field, base)

    def of(self, model: type[Model], key: str, hint: Any, field: Any, base: dict[str, Any]) -> Spec:
        kind = _bare(hint)
        if (offered := self.offered(model, key, kind)) is not None:
            options, blank = offered
            return _choice(options, base, blank)
        if kind == fields.Duration:
            words = f"{base['hint']} {_DURATION}" if model is not Retry else base["hint"]
            default = _default(field) and f"{_default(field)}s"
            return Spec("value", blank=default, look="short", **{**base, "hint": words})
        if kind == fields.Ref:
            return Spec("text", blank=_default(field), look="short", **base)
        if kind == fields.Schema:
            return Spec("either", way=Contract(), look="wide", **base)
        if kind == fields.Condition:
            offers = self._places(model, key)
            return Spec("either", way=Condition(offers, field.is_required()), look="wide", offers=offers, code="cel", **base)
        return self.made(model, key, kind, field, base)

    def made(self, model: type[Model], key: str, kind: Any, field: Any, base: dict[str, Any]) -> Spec:
        origin, args = get_origin(kind), get_args(kind)
        if isinstance(kind, type) and issubclass(kind, Model):
            properties = tuple(self.properties(kind))
            return Spec("object", properties=properties, implied=True, look="rung", **{**base, "required": False})
        if origin is tuple:
            return self.listed(key, args[0], base)
        if origin is dict and isinstance(args[1], type) and issubclass(args[1], Model):
            item = Spec("object", "", _singular(base["label"]), properties=tuple(self.properties(args[1])), look="part")
            return Spec("either", way=NamedParts(item), look="wide", **base)
        if origin is dict or (kind is Any and key in _MAPPED_TEXTS):
            takes = self.takes if key == "input" else frozenset()
            return Spec("either", way=NamedValues(origin is dict, self._places(model, key), takes), look="wide", **base)
        if origin is Literal:
            return _choice(tuple((arg, _WORDS.get(arg, str(arg))) for arg in args), base, _default(field))
        if origin is list:
            return Spec("list", item=Spec("text", "", "Path"), look="rows", **base)
        if kind in (int, float):
            return Spec(
                "number",
                blank=_default(field),
                whole=kind is int,
                look="short",
                **{**base, "hint": _bounded(base["hint"], field)},
            )
        offers, picks = self._places(model, key), _PICKS.get(f"{model.__name__}.{key}", "")
        picked: dict[str, Any] = {"offers": offers if picks else "", "picks": picks}
        if kind is str:
            code = "prompt" if key in TEXTS else ""
            look = "code" if code else ""
            return Spec("text", long=_is_long(model, key), blank=_default(field), look=look, code=code, **picked, **base)
        return Spec("value", blank=_default(field), look="short" if origin in (Union, UnionType) else "", **picked, **base)

    def listed(self, key: str, kind: Any, base: dict[str, Any]) -> Spec:
        if kind in (fields.RetryCode, fields.CatchCode):
            every = [("*", "any error but unknown")] if kind == fields.CatchCode else []
            codes = [*every, *((code.value, code.value.replace("_", " ")) for code in ErrorCode)]
            return Spec(
                "many", options=tuple(code for code, _ in codes), labels=tuple(words for _, words in codes), look="codes", **base
            )
        if kind == fields.Ref:
            return Spec(
                "many",
                options=tuple(name for name, _ in self.around.tools),
                labels=tuple(t for _, t in self.around.tools),
                look="codes",
                **base,
            )
        item = Spec("object", "", _ITEMS.get(key, "Item"), properties=tuple(self.properties(kind)), look=f"part-{key}")
        return Spec("list", item=item, look="rows", adds=_ADDS.get(key, ""), **base)

    def offered(self, model: type[Model], key: str, kind: Any) -> tuple[tuple[Offer, ...], str] | None:
        """What may be chosen for a name, and what choosing nothing means."""
        if kind == fields.VersionRef:
            return self.around.versions, ""
        if kind not in (fields.Ref, fields.LaterRef):
            return None
        around = self.around
        of = {
            "model": around.models, "tool": around.tools, "outcome": around.outcomes, "step": around.stand_ins,
            "provider": around.providers, "on_failure": around.failures,
        }  # fmt: skip
        if key == "queue":
            return None
        if model.__name__ == "Escalation":
            return around.outcomes, ""
        if key == "next":
            return around.targets, f"nowhere: {around.ends} ends" if around.ends else "nowhere yet"
        return of.get(key, around.targets), _NOWHERE.get(key, "")

    def _places(self, model: type[Model], key: str) -> str:
        """The list of places that may be read there, "" where none may."""
        if key == "params":
            return ""
        if model.__name__ == "HttpCall":
            return OFFERS_HTTP
        if model.__name__ == "Check":
            return OFFERS_OWN
        return OFFERS_INNER if model.__name__ in ("LoopStep", "MapStep", "Arm") and key in _ROUND else OFFERS


_NOWHERE = {"on_unknown": "a person is asked", "on_breach": "the run stops"}


def _choice(options: tuple[Offer, ...], base: dict[str, Any], blank: str) -> Spec:
    return Spec(
        "choice",
        options=tuple(name for name, _ in options),
        labels=tuple(t for _, t in options),
        look="short",
        blank=blank,
        **base,
    )


def _bare(hint: Any) -> Any:
    """The type without `None`, and without constraints that have no name of their own."""
    if hint in (fields.Duration, fields.Schema, fields.Condition, fields.Ref, fields.LaterRef, fields.VersionRef, fields.Need):
        return hint
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType) and type(None) in args:
        rest = [arg for arg in args if arg is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007
    return _bare(args[0]) if hasattr(hint, "__metadata__") and args else hint


def _is_long(model: type[Model], key: str) -> bool:
    """Whether it holds more than a line. A URL may be longer, and is one."""
    name = next(name for name, field in model.model_fields.items() if (field.alias or name) == key)
    told = (*model.model_fields[name].metadata, *_metadata(_hints(model)[name]))
    return key != "url" and any(isinstance(part, MaxLen) and part.max_length > LONG_TEXT for part in told)


def _metadata(hint: Any) -> tuple[Any, ...]:
    found: list[Any] = []
    for part in getattr(hint, "__metadata__", ()):
        found += getattr(part, "metadata", [part])
    return tuple(found)


def _sentence(model: type[Model], key: str) -> str:
    for base in model.__mro__:
        if key in described().get(base, {}):
            return described()[base][key]
    return format_words.ANYWHERE.get(key, "")


def _default(field: Any) -> str:
    if field.is_required() or field.default is None or field.default_factory is not None or field.default in ("", ()):
        return ""
    value = field.default
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bounded(sentence: str, field: Any) -> str:
    low = next((part.ge for part in field.metadata if isinstance(part, Ge)), None)
    high = next((part.le for part in field.metadata if isinstance(part, Le)), None)
    if low is not None and high is not None:
        return f"{sentence} {low:,} to {high:,}."
    return sentence


def _label(key: str) -> str:
    words = key.replace("_", " ")
    return words[:1].upper() + words[1:]


def _singular(label: str) -> str:
    return label[:-1] if label.endswith("s") else label
