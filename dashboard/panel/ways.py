"""Values that are edited as rows or as text: named values, contracts, conditions. Each into the other where it can."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.schema_answer import ABSENT, pretty, read_value, value_text
from dashboard.schema_spec import Spec
from orchestration.core import rows as condition_rows
from orchestration.core.cel_expression import read_tree
from orchestration.core.errors import Problem, Refused
from orchestration.core.rows import ALONE, ORDER, Comparison, Place
from orchestration.core.values import canonical, parse_json


def _refuse(message: str) -> Refused:
    return Refused(Problem("rows", message))


def _named(listed: Sequence[Any], what: str) -> dict[str, Any]:
    """The rows by their names. A row in which nothing stands is none."""
    found: dict[str, Any] = {}
    for row in listed:
        name, rest = row.get("name", ""), {key: each for key, each in row.items() if key != "name"}
        if not name and not any(each not in (ABSENT, "", False) for each in rest.values()):
            continue
        if not name:
            raise _refuse(f"{what} has no name. Write one, or take the row away")
        if name in found:
            raise _refuse(f"{name} stands here twice. Take one of them away")
        found[name] = rest
    return found


# Named values


_VALUE = "Text, or `${…}` for an expression."


@dataclass(frozen=True)
class NamedValues:
    """A mapping as rows of name and value; as text it is JSON, or, where any value may stand there, that value. A row for one of
    `takes` is there to be filled in: without a value it is none."""

    only: bool = True
    offers: str = ""
    takes: frozenset[str] = frozenset()
    unsaid: Any = ABSENT
    words: tuple[str, str] = ("As JSON", "As rows")
    rows: Spec = field(init=False)

    def __post_init__(self) -> None:
        name = Spec("text", "name", "Name", look="name")
        value = Spec(
            "value", "value", "Value", required=False, look="grow", offers=self.offers, picks="value" if self.offers else ""
        )
        item = Spec("object", "", "Value", properties=(name, value), look="row")
        object.__setattr__(
            self, "rows", Spec("list", "", "", required=False, item=item, keyed=True, look="rows", adds="Add a value")
        )

    def shown(self, value: Any) -> Any:
        if not isinstance(value, dict) or not all(isinstance(name, str) and name.strip() == name != "" for name in value):
            raise _refuse("Only a mapping of names to values can be shown as rows")
        return [{"name": name, "value": each} for name, each in value.items()]

    def value(self, shown: Any) -> Any:
        named = _named(shown, "A value").items()
        found = {name: rest.get("value", "") for name, rest in named if "value" in rest or name not in self.takes}
        return found or ABSENT

    def text(self, value: Any) -> str:
        return pretty(value) if self.only else value_text(value)

    def read(self, text: str) -> Any:
        return parse_json(text).value if self.only else read_value(text)


@dataclass(frozen=True)
class NamedParts:
    """A mapping of ids to things that have a form of their own, each a row."""

    item: Spec
    unsaid: Any = ABSENT
    words: tuple[str, str] = ("As JSON", "As rows")
    rows: Spec = field(init=False)

    def __post_init__(self) -> None:
        name = Spec("text", "name", "Id", look="name")
        item = Spec("object", "", self.item.label, properties=(name, *self.item.properties), look=self.item.look or "part")
        object.__setattr__(self, "rows", Spec("list", "", "", required=False, item=item, keyed=True, look="rows", adds="Add one"))

    def shown(self, value: Any) -> Any:
        if not isinstance(value, dict) or not all(isinstance(each, dict) and "name" not in each for each in value.values()):
            raise _refuse("Only a mapping of ids can be shown as rows")
        return [{"name": name, **each} for name, each in value.items()]

    def value(self, shown: Any) -> Any:
        return _named(shown, self.item.label) or ABSENT

    def text(self, value: Any) -> str:
        return pretty(value)

    def read(self, text: str) -> Any:
        return parse_json(text).value


# Contracts


KINDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("text", "text", {"type": "string"}),
    ("number", "a number", {"type": "number"}),
    ("integer", "a whole number", {"type": "integer"}),
    ("boolean", "yes or no", {"type": "boolean"}),
    ("texts", "a list of text", {"type": "array", "items": {"type": "string"}}),
    ("array", "a list", {"type": "array"}),
    ("object", "an object", {"type": "object"}),
    ("any", "not said", {}),
)
_SPLIT = ("type", "items")


def _contract_rows() -> Spec:
    kinds, labels = tuple(name for name, _, _ in KINDS), tuple(words for _, words, _ in KINDS)
    row = (
        Spec("text", "name", "Name", look="name"),
        Spec("choice", "kind", "Kind", options=kinds, labels=labels, default=("text",), look="short"),
        Spec("check", "required", "required", default=(True,), look="check"),
        Spec("text", "enum", "One of", required=False, blank="any", look="grow"),
        Spec("text", "description", "What it is", required=False, look="grow"),
        Spec("value", "more", "More", required=False, blank='{"maxLength": 200}', look="grow"),
    )
    item = Spec("object", "", "Field", properties=row, look="row")
    fields = Spec("list", "fields", "Fields", required=False, item=item, keyed=True, look="rows", adds="Add a field")
    more = Spec("value", "more", "More keywords", required=False, blank='{"additionalProperties": false}')
    return Spec("object", "", "", properties=(fields, more), implied=True, look="contract")


@dataclass(frozen=True)
class Contract:
    """The schema of an object as rows, one for each of its fields; each keeps as JSON what a row has no place for."""

    unsaid: Any = ABSENT
    words: tuple[str, str] = ("As JSON Schema", "As rows")
    rows: Spec = field(init=False, default=_contract_rows())

    def shown(self, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("type") != "object" or not isinstance(value.get("properties", {}), dict):
            raise _refuse("Only the schema of an object can be shown as rows")
        required, properties = value.get("required", []), value.get("properties", {})
        if not isinstance(required, list) or any(name not in properties for name in required):
            raise _refuse("It requires fields that it does not declare; rows can't say that")
        rest = {key: each for key, each in value.items() if key not in ("type", "properties", "required")}
        fields = [_field(name, part, name in required) for name, part in properties.items()]
        return {"fields": fields, **({"more": rest} if rest else {})}

    def value(self, shown: Any) -> Any:
        given = [{key: each for key, each in row.items() if key not in ("kind", "required")} for row in shown.get("fields", ())]
        named = _named(given, "A field")
        rows = {row["name"]: row for row in shown.get("fields", ()) if row.get("name")}
        if not named and not shown.get("more"):
            return ABSENT
        more = shown.get("more", {})
        if not isinstance(more, dict):
            raise _refuse('What is more has to be JSON keywords, as {"additionalProperties": false}')
        required = [name for name in named if rows[name].get("required")]
        properties = {name: _schema(name, rows[name]) for name in named}
        return {"type": "object", **({"required": required} if required else {}), "properties": properties, **more}

    def text(self, value: Any) -> str:
        return pretty(value)

    def read(self, text: str) -> Any:
        return parse_json(text).value


def _field(name: str, part: Any, required: bool) -> dict[str, Any]:
    if not isinstance(part, dict) or not isinstance(part.get("enum", []), list) or not name.strip():
        raise _refuse("A field of it is no schema that a row could show")
    kind, said = _kind(part)
    row: dict[str, Any] = {"name": name, "kind": kind, "required": required}
    if part.get("enum"):
        row["enum"] = _listed(part["enum"])
    elif "enum" in part:
        raise _refuse("A field may be none of no values; rows can't say that")
    if isinstance(part.get("description"), str) and part["description"] and "\n" not in part["description"]:
        row["description"] = part["description"]
    rest = {key: each for key, each in part.items() if key not in said | ({"enum", "description"} & row.keys())}
    return {**row, **({"more": rest} if rest else {})}


def _kind(part: dict[str, Any]) -> tuple[str, set[str]]:
    """The kind, and the keywords that it stands for: the one that says most."""
    own = {key: part[key] for key in _SPLIT if key in part}
    for name, _, said in sorted(KINDS, key=lambda kind: -len(kind[2])):
        if said.items() <= own.items() and all(canonical(own[key]) == canonical(each) for key, each in said.items()):
            return name, set(said)
    return "any", set()


def _schema(name: str, row: dict[str, Any]) -> dict[str, Any]:
    said = next((said for kind, _, said in KINDS if kind == row.get("kind")), {})
    more = row.get("more", {})
    if not isinstance(more, dict):
        raise _refuse(f'What is more of {name} has to be JSON keywords, as {{"maxLength": 200}}')
    enum = {"enum": _unlisted(row["enum"])} if row.get("enum") else {}
    description = {"description": row["description"]} if row.get("description") else {}
    return {**said, **enum, **description, **more}


def _listed(values: list[Any]) -> str:
    """`refund, bug`, where that is read as these values again, else a list in JSON."""
    plain = ", ".join(value_text(value) for value in values)
    return plain if "\n" not in plain and canonical(_unlisted(plain)) == canonical(values) else json.dumps(values)


def _unlisted(text: str) -> list[Any]:
    if text.strip().startswith("["):
        found = read_value(text)
        if isinstance(found, list):
            return found
    return [read_value(part.strip()) for part in text.split(",") if part.strip()]


# Conditions


_WORDS: dict[str, str] = {
    "==": "is", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is greater than", ">=": "is at least",
    "in": "is one of", "contains": "contains", "startsWith": "begins with", "endsWith": "ends with", "matches": "matches",
    "there": "is there", "absent": "is not there", "true": "is true", "false": "is not true",
}  # fmt: skip
_JOINS = ("all", "any")


@dataclass(frozen=True)
class Condition:
    """A condition as rows `place operator value`, all of which hold or any of which does, or as one text of CEL. A value is text,
    or JSON, or `${place}`. One that is `needed` and not said yet is "", which a draft may hold."""

    offers: str = ""
    needed: bool = False
    words: tuple[str, str] = ("As CEL", "As rows")
    rows: Spec = field(init=False)

    def __post_init__(self) -> None:
        told = tuple(_WORDS[one] for one in ORDER)
        comparison = (
            Spec("text", "place", "Place", look="grow", offers=self.offers, picks="place", blank="steps.sort.label"),
            Spec("choice", "operator", "Is", options=ORDER, labels=told, default=("==",), look="short"),
            Spec("value", "value", "Value", required=False, look="grow", offers=self.offers, picks="value"),
        )
        alternative = Spec("object", "", "Or", properties=comparison, look="row")
        others = Spec("list", "others", "alternatives", required=False, item=alternative, look="others", adds="Or …")
        item = Spec("object", "", "Row", properties=(*comparison, others), look="row")
        least = 1 if self.needed else 0
        listed = Spec("list", "items", "Rows", required=self.needed, least=least, item=item, look="rows", adds="Add a row")
        join = Spec(
            "choice", "join", "Holds where", options=_JOINS, labels=("all hold", "any holds"), default=("all",), look="short"
        )
        object.__setattr__(self, "rows", Spec("object", "", "", properties=(join, listed), implied=True, look="condition"))

    @property
    def unsaid(self) -> Any:
        return "" if self.needed else ABSENT

    def shown(self, value: Any) -> Any:
        if value == "":
            return ABSENT  # as a new one
        found = condition_rows.rows(value)
        if found is None:
            if isinstance(value, str):
                read_tree(value, "")  # what can't be read is refused for that
            raise _refuse("This is more than rows can say. It stays as CEL")
        items = [
            {**_row(first), **({"others": [_row(one) for one in others]} if others else {})} for first, *others in found.items
        ]
        return {"join": found.join, "items": items}

    def value(self, shown: Any) -> Any:
        items = []
        for row in shown.get("items", ()):
            whole = [_comparison(one) for one in (row, *row.get("others", ()))]
            items.append([one for one in whole if one is not None])
        found = condition_rows.joined(shown.get("join", "all"), items)
        return self.unsaid if found is None else condition_rows.condition(found)

    def text(self, value: Any) -> str:
        if value == "":
            return ""
        try:
            return condition_rows.text(value) or pretty(value)
        except Refused:
            return pretty(value)

    def read(self, text: str) -> Any:
        if text.strip().startswith("{"):
            found = read_value(text)
            return found if isinstance(found, dict) else text
        return text.strip()


def _row(one: Comparison) -> dict[str, Any]:
    row: dict[str, Any] = {"place": one.place, "operator": one.operator}
    if one.operator == "in":
        row["value"] = _listed([_written(each) for each in one.value])
    elif one.operator not in ALONE:
        row["value"] = _written(one.value)
    return row


def _written(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("${"):
        raise _refuse("A text that looks like a place can't be told from one in a row. It stays as CEL")
    return f"${{{value.text}}}" if isinstance(value, Place) else value


def _comparison(row: dict[str, Any]) -> Comparison | None:
    """None for a row in which nothing stands."""
    place, operator, value = row.get("place", "").strip(), row.get("operator", "=="), row.get("value", ABSENT)
    if not place and value is ABSENT:
        return None
    if not condition_rows.is_place(place):
        raise _refuse(f"{place or 'Nothing'} is no place. Write one, as run.input.text, or write the condition as CEL")
    if operator in ALONE:
        return Comparison(place, operator)
    if operator == "in":
        listed = value if isinstance(value, list) else _unlisted(value) if isinstance(value, str) else [value]
        return Comparison(place, operator, tuple(_compared(each) for each in listed) or ("",))
    if operator in ("contains", "startsWith", "endsWith", "matches"):
        return Comparison(place, operator, value if isinstance(value, str) else "" if value is ABSENT else value_text(value))
    return Comparison(place, operator, _compared("" if value is ABSENT else value))


def _compared(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("${") and value.endswith("}") and condition_rows.is_place(value[2:-1]):
        return Place(value[2:-1])
    if isinstance(value, list | dict):
        raise _refuse("A row compares with one value, or with several by “is one of”. Write what is more as CEL")
    return value


__all__ = ["Condition", "Contract", "NamedParts", "NamedValues"]
