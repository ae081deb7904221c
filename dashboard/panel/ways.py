"""Values that are edited as rows or as text: named values and conditions. Each into the other where it can."""

from dataclasses import dataclass, field
from typing import Any

from dashboard.panel.rows import listed, named, refuse, unlisted, wrong
from dashboard.schema_answer import ABSENT, pretty, read_value, value_text
from dashboard.schema_spec import Spec
from orchestration.core import rows as condition_rows
from orchestration.core.cel_expression import read_tree
from orchestration.core.errors import Problem, Refused
from orchestration.core.rows import ALONE, ORDER, Comparison, Place
from orchestration.core.values import parse_json

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
            raise refuse("Only a mapping of names to values can be shown as rows")
        return [{"name": name, "value": each} for name, each in value.items()]

    def value(self, shown: Any) -> Any:
        rows = named(shown, "A value").items()
        found = {name: rest.get("value", "") for name, rest in rows if "value" in rest or name not in self.takes}
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
            raise refuse("Only a mapping of ids can be shown as rows")
        return [{"name": name, **each} for name, each in value.items()]

    def value(self, shown: Any) -> Any:
        return named(shown, self.item.label) or ABSENT

    def text(self, value: Any) -> str:
        return pretty(value)

    def read(self, text: str) -> Any:
        return parse_json(text).value


# Conditions


_WORDS: dict[str, str] = {
    "==": "is", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is greater than", ">=": "is at least",
    "in": "is one of", "contains": "contains", "startsWith": "begins with", "endsWith": "ends with", "matches": "matches",
    "there": "is there", "absent": "is not there", "true": "is true", "false": "is not true",
}  # fmt: skip
_JOINS = ("all", "any")
_LOOK_FOR = ("contains", "startsWith", "endsWith", "matches")
"""What stands behind these is text, whatever it looks like."""


@dataclass(frozen=True)
class Condition:
    """A condition as rows `place operator value`, all of which hold or any of which does, or as one text of CEL. A value is what
    was typed, and its operator says whether that is text or may be JSON; `${place}` is another place. One that is `needed` and
    not said yet is "", which a draft may hold."""

    offers: str = ""
    needed: bool = False
    words: tuple[str, str] = ("As CEL", "As rows")
    rows: Spec = field(init=False)

    def __post_init__(self) -> None:
        told = tuple(_WORDS[one] for one in ORDER)
        comparison = (
            Spec("text", "place", "Place", look="grow", offers=self.offers, picks="place", blank="steps.sort.label"),
            Spec("choice", "operator", "Is", options=ORDER, labels=told, default=("==",), look="short"),
            Spec("typed", "value", "Value", required=False, look="grow", offers=self.offers, picks="value"),
        )
        alternative = Spec("object", "", "One more", properties=comparison, look="row")
        others = Spec(
            "list", "others", "alternatives", required=False, item=alternative, look="others", adds="Or …", flips="And …"
        )
        item = Spec("object", "", "Row", properties=(*comparison, others), look="row")
        least = 1 if self.needed else 0
        items = Spec("list", "items", "Rows", required=self.needed, least=least, item=item, look="rows", adds="Add a row")
        join = Spec(
            "choice", "join", "Holds where", options=_JOINS, labels=("all hold", "any holds"), default=("all",), look="short"
        )
        object.__setattr__(self, "rows", Spec("object", "", "", properties=(join, items), implied=True, look="condition"))

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
            raise refuse("This is more than rows can say. It stays as CEL")
        items = [
            {**_row(first), **({"others": [_row(one) for one in others]} if others else {})} for first, *others in found.items
        ]
        return {"join": found.join, "items": items}

    def value(self, shown: Any) -> Any:
        items, problems = [], list[Problem]()
        for index, row in enumerate(shown.get("items", ())):
            at = f"items[{index}]"
            placed = [(at, row), *((f"{at}.others[{number}]", other) for number, other in enumerate(row.get("others", ())))]
            whole = [_read(one, place, problems) for place, one in placed]
            items.append([one for one in whole if one is not None])
        if problems:
            raise Refused(*problems)
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
        row["value"] = listed([_written(each) for each in one.value])
    elif one.operator in _LOOK_FOR:
        row["value"] = _sought_text(_written(one.value))
    elif one.operator not in ALONE:
        row["value"] = value_text(_written(one.value))
    return row


def _written(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("${"):
        raise refuse("A text that looks like a place can't be told from one in a row. It stays as CEL")
    return f"${{{value.text}}}" if isinstance(value, Place) else value


def _sought(text: str) -> str:
    """The text to look for: as it was typed, `1.50` too; without its quotes where it stands in some."""
    found = read_value(text)
    return found if isinstance(found, str) else text


def _sought_text(value: str) -> str:
    return value if value.strip() and _sought(value) == value else value_text(value)


def _read(row: dict[str, Any], place: str, problems: list[Problem]) -> Comparison | None:
    """Adds what is wrong with it, at its field."""
    try:
        return _comparison(row)
    except Refused as refused:
        problems += [wrong(problem.message, f"{place}.{problem.path}") for problem in refused.problems]
        return None


def _comparison(row: dict[str, Any]) -> Comparison | None:
    """None for a row in which nothing stands."""
    place, operator, text = row.get("place", "").strip(), row.get("operator", "=="), row.get("value", "")
    text = text if text.strip() else ""
    if not place and not text:
        return None
    if not condition_rows.is_place(place):
        raise refuse(f"{place or 'Nothing'} is no place. Write one, as run.input.text, or write the condition as CEL", "place")
    if operator in ("there", "absent") and not condition_rows.is_field(place):
        raise refuse(f"{place} is no field, so it can't be asked whether it is there. Write the condition as CEL", "place")
    if operator in ALONE:
        return Comparison(place, operator)
    if operator in _LOOK_FOR:
        return Comparison(place, operator, _compared(_sought(text)))
    if operator == "in":
        return Comparison(place, operator, tuple(map(_compared, unlisted(text))) or ("",))
    return Comparison(place, operator, _compared(read_value(text)))


def _compared(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("${") and value.endswith("}") and condition_rows.is_place(value[2:-1]):
        return Place(value[2:-1])
    if isinstance(value, list | dict):
        raise refuse("A row compares with one value, or with several by “is one of”. Write what is more as CEL", "value")
    return value


__all__ = ["Condition", "NamedParts", "NamedValues"]
