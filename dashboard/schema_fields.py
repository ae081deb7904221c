"""What the template draws for a form of a schema: one tree of fields, read from the answer alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.schema_answer import ABSENT, Answer, below, item_places, write
from dashboard.schema_spec import LONG_TEXT, Spec, Way
from orchestration.core.errors import Problem, Unreadable
from orchestration.core.values import canonical, parse_json
from orchestration.core.wording import dotted, under, with_stop

MOST_RADIOS = 4
_INNERMOST = re.compile(r'(\.[^.\[\]"]*|\[("(?:[^"\\]|\\.)*"|[^\[\]"]*)\])\Z')
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})?\Z")


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    chosen: bool
    more: str = ""
    """What may stand in the field `more` beside the choice."""


@dataclass(frozen=True, slots=True)
class Field:
    """One control or group. `look` picks the markup: text long number date check select radio many object list json.
    `was` is the text of the proposal where this differs from it, None where it does not. `blank` is a list's next item with
    `token` where its key goes, None within a numbered item: the list around it has that in its own. `key` is the item's own,
    `stood` the name that it was shown with. `there` tells whether an object that may be left out is in. `turn`: the button that
    shows it the other way, as text or as rows; `unturned`: why it can't. `said`: what the place that it holds is called;
    `nowhere`: there is no such place; `whose`: what tells it from the others of a form that may hold one."""

    look: str
    name: str
    path: str
    label: str
    hint: str
    required: bool
    text: str = ""
    empty: str = ""
    options: tuple[Option, ...] = ()
    children: tuple["Field", ...] = ()
    blank: "Field | None" = None
    token: str = ""
    key: str = ""
    stood: str = ""
    errors: tuple[str, ...] = ()
    proposed: str | None = None
    was: str | None = None
    checked: bool = False
    there: bool = True
    more: str | None = None
    longest: int | None = None
    full: bool = False
    css: str = ""
    offers: str = ""
    code: str = ""
    picks: str = ""
    said: str = ""
    nowhere: bool = False
    whose: str = ""
    placeholder: str = ""
    adds: str = ""
    flips: str = ""
    mono: bool = False
    turn: str = ""
    turn_words: str = ""
    unturned: str = ""

    @property
    def id(self) -> str:
        return re.sub(r"\s", "_", self.name)

    def every(self) -> "Iterator[Field]":
        """This field and all below it, in their order."""
        yield self
        for child in self.children:
            yield from child.every()

    def wrong(self, inside: str = "") -> "Iterator[Field]":
        """Those in which something is wrong. Where it is of one of several, its label says of which."""
        label = f"{inside}, {self.label}" if inside and self.label else inside or self.label
        if self.errors and self.path:
            yield replace(self, label=label)
        for child in self.children:
            yield from child.wrong(label if self.key else inside)

    @property
    def anchor(self) -> str:
        """What a link to it leads to: its control, the group where it has several."""
        return self.id if self.look not in ("object", "list", "radio", "many") else f"{self.id}-group"

    @property
    def optional(self) -> bool:
        """An object that may be left out."""
        return self.look == "object" and not self.required

    @property
    def described(self) -> str:
        """Ids of what describes the control, for aria-describedby."""
        parts = [f"{self.id}-hint"] if self.hint else []
        parts += [f"{self.id}-said"] if self.picks else []
        return " ".join(parts + ([f"{self.id}-error"] if self.errors else []))

    @property
    def rows(self) -> int:
        return min(max(self.text.count("\n") + 1, 3 if self.look == "long" else 4), 24)


def fields_of(spec: Spec, answer: Answer, prefix: str, first: Answer | None, problems: Sequence[Problem]) -> Field:
    """The tree. A problem goes to the field of its path, else to the nearest around it, the root at last."""
    drawing = _Drawing(answer, first, problems)
    if f"{prefix}~json" in answer:
        return drawing.whole(spec, f"{prefix}~json")
    drawing.assign(spec, prefix)
    return drawing.field(spec, prefix, "")


class _Drawing:
    def __init__(self, answer: Answer, first: Answer | None, problems: Sequence[Problem]) -> None:
        self.answer, self.first, self.problems = answer, first, problems
        self.errors: dict[str, list[str]] = {}
        self.told: dict[str, str] = {}
        self.numbered = False
        """Whether it is within an item that only its number tells from the others of its list."""

    def assign(self, spec: Spec, prefix: str) -> None:
        places = dict(self.places(spec, prefix, ""))
        for problem in self.problems:
            path = rest = _below_root(problem.path)
            while rest and rest not in places:
                rest = _INNERMOST.sub("", rest, count=1) if _INNERMOST.search(rest) else ""
            if problem.severity == "info":
                self.told[places[rest]] = _sentence(problem.message)
                continue
            inside = "" if rest == path else f"{path.removeprefix(rest).lstrip('.')}: "
            self.errors.setdefault(places[rest], []).append(_sentence(inside + problem.message))

    def places(self, spec: Spec, name: str, path: str) -> Iterator[tuple[str, str]]:
        """Each place that a problem may have → the path of the field where it is shown."""
        yield path, path
        if spec.way is not None:
            yield from self.places(spec.way.rows, name, path)
        for child in spec.properties:
            yield from self.places(child, below(name, child.key), dotted(path, [child.key]))
        if spec.item is not None:
            keys = self.answer.get(f"{name}~item", ())
            for key, place in zip(keys, item_places(spec, self.answer, name, path), strict=True):
                yield from self.places(spec.item, f"{name}/{key}", place)
                if spec.stands is not None:
                    stands, field = spec.stands(_first(self.answer, f"{name}/{key}/name"))
                    yield under(path.removesuffix(f".{spec.key}"), stands), f"{place}.{field}"

    def whole(self, spec: Spec, name: str) -> Field:
        errors = tuple(_sentence(f"{_below_root(one.path)}: {one.message}".removeprefix(": ")) for one in self.problems)
        return Field("json", name, "", "Everything", "", True, _first(self.answer, name), errors=errors)

    def field(self, spec: Spec, name: str, path: str, label: str = "", key: str = "") -> Field:
        if spec.way is not None:
            return self._either(spec, spec.way, name, path, label or spec.label)
        text = _first(self.answer, name)
        proposed = _shown(spec, self.first, name)
        now = _shown(spec, self.answer, name)
        told: dict[str, Any] = {
            "name": name, "path": path, "label": label or spec.label, "hint": spec.hint, "required": spec.required,
            "text": text, "empty": _first(self.answer, f"{name}~empty"), "key": key,
            "stood": _first(self.answer, f"{name}~was"), "errors": tuple(self.errors.get(path, ())),
            "proposed": proposed, "was": proposed if self.first is not None and proposed != now else None,
            "longest": spec.longest, "css": spec.look, "offers": spec.offers, "picks": spec.picks, "code": spec.code,
            "placeholder": spec.blank,
            "adds": spec.adds, "flips": spec.flips,
        }  # fmt: skip
        match spec.kind:
            case "object":
                return self._object(spec, told)
            case "list":
                return self._list(spec, told)
            case "check":
                return Field("check", checked=name in self.answer, **told)
            case "choice" | "many":
                return self._choice(spec, told)
            case "value" | "typed":
                return Field("long" if "\n" in text or len(text) > LONG_TEXT // 3 else "text", mono=True, **told)
            case "text" if spec.long or "\n" in text or len(text) > LONG_TEXT // 2:
                return Field("long", **told)
            case "date" if not _DATE.match(text):
                return Field("text", **told)
        return Field(spec.kind, **told)

    def _either(self, spec: Spec, way: Way, name: str, path: str, label: str) -> Field:
        as_text = f"{name}~text" in self.answer
        turn, words = (f"rows {name}", way.words[1]) if as_text else (f"text {name}", way.words[0])
        if not as_text:
            rows = replace(way.rows, label=label, hint=spec.hint, required=spec.required or way.rows.kind == "object")
            drawn = self.field(rows, name, path, label)
            return replace(drawn, turn=turn, turn_words=words, required=spec.required or drawn.look == "object")
        text = _first(self.answer, f"{name}~text")
        told: dict[str, Any] = {"required": spec.required, "errors": tuple(self.errors.get(path, ()))}
        told |= {"turn": turn, "turn_words": words, "unturned": self.told.get(path, ""), "offers": spec.offers, "code": spec.code}
        return Field("long", f"{name}~text", path, label, spec.hint, text=text, mono=True, css=spec.look, **told)

    def _object(self, spec: Spec, told: dict[str, Any]) -> Field:
        name, path = told["name"], told["path"]
        children = tuple(self.field(each, below(name, each.key), dotted(path, [each.key])) for each in spec.properties)
        required = spec.implied or (spec.required and not spec.nullable)
        there = required or f"{name}~on" in self.answer
        more = self.answer.get(f"{name}~more")
        return Field("object", children=children, there=there, more=more[0] if more else None, **{**told, "required": required})

    def _list(self, spec: Spec, told: dict[str, Any]) -> Field:
        name, path, item = told["name"], told["path"], spec.item
        assert item is not None
        one = item.label or _singular(told["label"])
        keys = self.answer.get(f"{name}~item", ())
        numbered, self.numbered = self.numbered, self.numbered or not spec.keyed
        children = tuple(
            self.field(item, f"{name}/{key}", place, f"{one} {index + 1}", key)
            for index, (key, place) in enumerate(zip(keys, item_places(spec, self.answer, name, path), strict=True))
        )
        self.numbered = numbered
        token = f"__{name.count('__')}__"
        full = spec.most is not None and len(keys) >= spec.most
        blank = None if numbered else self._blank(item, name, f"{path}[]", one, token)
        return Field("list", children=children, blank=blank, token=token, full=full, **told)

    @staticmethod
    def _blank(item: Spec, name: str, path: str, one: str, token: str) -> Field:
        drawing = _Drawing(write(item, ABSENT, f"{name}/{token}"), None, ())
        return drawing.field(item, f"{name}/{token}", path, f"{one} {token}", token)

    def _choice(self, spec: Spec, told: dict[str, Any]) -> Field:
        chosen = dict.fromkeys(self.answer.get(told["name"], ())).keys()
        labels = spec.labels or [_label(one) for one in spec.options]
        pairs = zip(spec.options, labels, strict=True)
        options = [Option(canonical(one), label, canonical(one) in chosen) for one, label in pairs]
        if spec.kind == "many":
            # Browsers send what is ticked in the order of the page, so a value's own order has to be that order.
            order = {text: index for index, text in enumerate(chosen)}
            options.sort(key=lambda option: order.get(option.value, len(order)))
            return Field("many", options=tuple(options), **told)
        odd = chosen - {option.value for option in options} - {""}
        options += [Option(text, _odd(text), True) for text in odd]
        if spec.required and not spec.nullable and len(options) <= MOST_RADIOS and not spec.look:
            return Field("radio", options=tuple(options), **told)
        blank = "Choose one" if spec.required and not spec.nullable else "None" if spec.nullable else "Not given"
        return Field("select", options=(Option("", spec.blank or blank, not chosen - {""}), *options), **told)


def _shown(spec: Spec, answer: Answer | None, name: str) -> str | None:
    """A control's content as one text, to compare it with the proposal's; None for groups, and where there is no answer."""
    if answer is None or spec.kind in ("object", "list"):
        return None
    if spec.kind == "check":
        return "yes" if name in answer else "no"
    if name not in answer:
        return None
    texts = answer[name]
    if spec.kind in ("choice", "many"):
        labels = {canonical(one): _label(one) for one in spec.options}
        return ", ".join(labels.get(text, text) for text in texts)
    return "\n".join(texts).replace("\r\n", "\n")


def _first(answer: Answer, name: str) -> str:
    found = answer.get(name) or [""]
    return found[0]


def _below_root(path: str) -> str:
    """`values.items[0]` → `items[0]`; `values` → ``."""
    return re.sub(r"\A[A-Za-z_]+\.?", "", path, count=1)


def _sentence(words: str) -> str:
    return with_stop(words[:1].upper() + words[1:])


def _label(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return value if isinstance(value, str) and value.strip() else canonical(value)


def _odd(text: str) -> str:
    """What was sent and is not offered: a name that is gone, or anything that a client makes up."""
    try:
        return _label(parse_json(text).value)
    except Unreadable:
        return text


def _singular(label: str) -> str:
    """`Lines` → `Line`, for the label of one item; words that are no plain plural stay."""
    return label[:-1] if len(label) > 3 and label.endswith("s") and not label.endswith("ss") else label or "Item"
