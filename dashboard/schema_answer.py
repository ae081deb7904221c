"""The answer that a browser sends for a form of a schema: written from a value, and read back as one.

`Reading(write(spec, value, name)).value(spec, name)` is the value again, where controls can hold it. How controls are named is
told in `schema_form`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dashboard.schema_spec import Spec, Way
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.values import canonical, dump, parse_json
from orchestration.core.wording import dotted, under

Answer = Mapping[str, Sequence[str]]

ABSENT: Any = object()
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_EXACT = 2**53
_SHORT = 200
"""Characters of a value that stands on one line."""
_EMPTY: dict[str, Any] = {"null": None, '""': "", "[]": []}


def pretty(value: Any) -> str:
    """JSON over several lines where it has parts, for editing."""
    return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict | list) and value else dump(value)


def write(spec: Spec, value: Any, name: str) -> dict[str, list[str]]:
    """What a browser sends of this place. A value of another type than the place is left out, and shown as not given."""
    if value is ABSENT and spec.default:
        value = spec.default[0]
    if value is ABSENT and spec.kind == "choice" and len(spec.options) == 1 and spec.required:
        value = spec.options[0]
    if spec.way is not None:
        return _either(spec.way, value, name)
    if spec.kind == "value":
        return {name: ["" if value is ABSENT else value_text(value)]}
    answer: dict[str, list[str]] = {}
    if value is None or value == "" or value == []:
        answer[f"{name}~empty"] = [dump(value)]
    match spec.kind:
        case "object":
            answer |= _object(spec, value, name)
        case "list":
            items = value if isinstance(value, list) else [ABSENT] * spec.least if spec.required else []
            answer[f"{name}~item"] = [str(index) for index in range(len(items))]
            for index, item in enumerate(items):
                answer |= write(spec.item, item, f"{name}/{index}") if spec.item else {}
                answer |= {f"{name}/{index}~was": [item["name"]]} if spec.keyed and isinstance(item, dict) else {}
        case "many":
            answer[name] = [canonical(item) for item in value] if isinstance(value, list) else []
        case "check":
            answer |= {name: ["on"]} if value is True else {}
        case "choice":
            unsaid = value is ABSENT or value is None or (value == "" and "" not in spec.options)
            answer[name] = [""] if unsaid else [canonical(value)]
        case "json":
            answer[name] = [""] if value is ABSENT or value is None else [pretty(value)]
        case _:
            answer[name] = [_plain(value)]
    return answer


def _either(way: Way, value: Any, name: str) -> dict[str, list[str]]:
    """As rows where they can show it."""
    if value is ABSENT:
        return write(way.rows, ABSENT, name)
    try:
        return write(way.rows, way.shown(value), name)
    except Refused:
        return {f"{name}~text": [way.text(value)]}


def value_text(value: Any) -> str:
    """A value as one types it: text as it is, all else as JSON. Text that would be read as something else stands in quotes."""
    if isinstance(value, str) and value.strip() and read_value(value) == value:
        return value
    short = dump(value)
    return short if len(short) <= _SHORT else pretty(value)


def read_value(text: str) -> Any:
    """The value that was typed: what is JSON is taken for that, the rest is text."""
    try:
        return parse_json(text).value if text.strip() else text
    except Unreadable:
        return text


def _plain(value: Any) -> str:
    """As one would type it: 620, not 620.0. The contract makes it a number of its type again."""
    if value is ABSENT or value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return value if isinstance(value, str) else dump(value)


def _object(spec: Spec, value: Any, name: str) -> dict[str, list[str]]:
    given = value if isinstance(value, dict) else {}
    there = isinstance(value, dict) or (value is ABSENT and spec.required)
    answer: dict[str, list[str]] = {f"{name}~on": ["on"]} if there else {}
    for child in spec.properties:
        each = given.get(child.key, ABSENT)
        # A key that a given value leaves out stays out: its default is for those who begin.
        blank = replace(child, default=()) if isinstance(value, dict) and each is ABSENT else child
        answer |= write(blank, each, below(name, child.key))
    known = {child.key for child in spec.properties}
    if more := {key: each for key, each in given.items() if key not in known}:
        answer[f"{name}~more"] = [pretty(more)]
    return answer


def below(name: str, key: str) -> str:
    return f"{name}/{key.replace('~', '~0').replace('/', '~1')}"


def item_at(spec: Spec, place: str) -> Spec | None:
    """The spec of the items of the list at a place such as `/orders/0/lines`, None where there is none."""
    here = spec_at(spec, place)
    return here.item if here is not None else None


def spec_at(spec: Spec, place: str, rows: bool = True) -> Spec | None:
    """The spec at a place; of what may be rows or text, that of its rows."""
    here: Spec | None = spec
    for part in place.split("/")[1:]:
        here = here.way.rows if here is not None and here.way is not None else here
        if here is None:
            return None
        key = part.replace("~1", "/").replace("~0", "~")
        here = here.item if here.kind == "list" else next((one for one in here.properties if one.key == key), None)
    return here.way.rows if rows and here is not None and here.way is not None else here


def path_at(spec: Spec, answer: Answer, prefix: str, name: str) -> str:
    """The place in the value that the control of this name is for."""
    here, path, at = spec, "", prefix
    for part in name.removeprefix(prefix).split("/")[1:]:
        here = here.way.rows if here.way is not None else here
        key = part.replace("~1", "/").replace("~0", "~")
        if here.kind == "list" and here.item is not None:
            listed = list(answer.get(f"{at}~item", ()))
            index = listed.index(part) if part in listed else 0
            path, here = (item_places(here, answer, at, path) or [f"{path}[0]"])[index], here.item
        else:
            path, here = dotted(path, [key]), next((one for one in here.properties if one.key == key), here)
        at = f"{at}/{part}"
    return path


def row_places(path: str, names: Sequence[str]) -> list[str]:
    """Of items that are found by their names; one without a name, or with that of one before it, is found by its number."""
    return [
        dotted(path, [name]) if name and name not in names[:index] else f"{path}[{index}]" for index, name in enumerate(names)
    ]


def item_places(spec: Spec, answer: Answer, name: str, path: str) -> list[str]:
    """The places of the items of the list of this name."""
    keys = answer.get(f"{name}~item", ())
    if not spec.keyed:
        return [f"{path}[{index}]" for index in range(len(keys))]
    return row_places(path, [(answer.get(f"{name}/{key}/name") or [""])[0] for key in keys])


class Reading:
    """Reads an answer. `problems` gathers what could not be read at all, `marks` where JSON text was mended; whether a value fits
    is for the contract."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.problems: list[Problem] = []
        self.marks: list[str] = []

    def value(self, spec: Spec, name: str, path: str = "") -> Any:
        """The value at this place, ABSENT where there is none. What is no number stays text."""
        match spec.kind:
            case "object":
                return self._object(spec, name, path)
            case "list":
                return self._list(spec, name, path)
            case "many":
                chosen = [self._option(text) for text in self.answer.get(name, ())]
                return chosen or self._empty(spec, name)
            case "check":
                return name in self.answer
            case "json":
                return self.json(name, path, spec)
            case "either":
                return self._either(spec.way, name, path) if spec.way else ABSENT
        text = self.text(name)
        if spec.kind == "value":
            return read_value(text) if text.strip() else "" if spec.required else ABSENT
        if not text.strip() if spec.kind == "number" else not text:
            return self._empty(spec, name)
        if spec.kind == "choice":
            return self._option(text)
        return _number(text) if spec.kind == "number" else text

    def text(self, name: str) -> str:
        """What was typed. Browsers send line ends as CR LF, whatever was there."""
        found = self.answer.get(name) or [""]
        return found[0].replace("\r\n", "\n")

    def json(self, name: str, path: str, spec: Spec | None = None) -> Any:
        text = self.text(name)
        if not text.strip():
            return ABSENT if spec is None else self._empty(spec, name)
        try:
            found = parse_json(text)
            self.marks += found.under(path)
            return found.value
        except Unreadable as error:
            self._unreadable(error, path)
            return text

    def _either(self, way: Way, name: str, path: str) -> Any:
        try:
            if f"{name}~text" in self.answer:
                return self._text(way, self.text(f"{name}~text"), path)
            shown = self.value(way.rows, name, path)
            return way.unsaid if shown is ABSENT or shown is None else way.value(shown)
        except Refused as refused:
            self.problems += [replace(problem, path=under(path, problem.path)) for problem in refused.problems]
            return ABSENT

    def _text(self, way: Way, text: str, path: str) -> Any:
        try:
            return way.read(text) if text.strip() else way.unsaid
        except Unreadable as error:
            self._unreadable(error, path)
            return ABSENT

    def _unreadable(self, error: Unreadable, path: str) -> None:
        for problem in error.problems:
            where = f" (at {problem.path})" if problem.path else ""
            self.problems.append(replace(problem, message=problem.message + where, path=path))

    def _object(self, spec: Spec, name: str, path: str) -> Any:
        if not spec.implied and (not spec.required or spec.nullable) and f"{name}~on" not in self.answer:
            return self._empty(spec, name)
        found = {}
        for child in spec.properties:
            each = self.value(child, below(name, child.key), dotted(path, [child.key]))
            if each is not ABSENT:
                found[child.key] = each
        more = self.json(f"{name}~more", path) if self.answer.get(f"{name}~more") else ABSENT
        if spec.implied and not found and more is ABSENT:
            return ABSENT
        if isinstance(more, dict):
            return {**more, **found}
        if more is not ABSENT and not self.problems:
            self.problems.append(Problem("wrong_type", 'the other keys must be a JSON object, as {"key": 1}', path))
        return found

    def _list(self, spec: Spec, name: str, path: str) -> Any:
        found = []
        keys = self.answer.get(f"{name}~item", ())
        for key, where in zip(keys, item_places(spec, self.answer, name, path), strict=True):
            each = self.value(spec.item, f"{name}/{key}", where) if spec.item else ABSENT
            if each is ABSENT:
                self.problems.append(Problem("missing", "is empty; fill it in or take it away", where))
            found.append("" if each is ABSENT else each)
        return found or self._empty(spec, name)

    def _empty(self, spec: Spec, name: str) -> Any:
        """What an empty control means: what it opened with where that was empty too, else null or nothing."""
        said = self.text(f"{name}~empty")
        if said in _EMPTY:
            return _EMPTY[said]
        if spec.required and spec.nullable:
            return None
        return [] if spec.required and spec.kind in ("list", "many") else ABSENT

    @staticmethod
    def _option(text: str) -> Any:
        """Choices are sent as JSON; anything else was not offered, and the contract will say so."""
        try:
            return parse_json(text).value
        except Unreadable:
            return text


def _number(text: str) -> Any:
    if _NUMBER.match(text.strip()):
        try:
            return parse_json(text.strip()).value
        except Unreadable:
            return text
    return text
