"""Where in the text of an expression the fields of one place stand, as `customer` in `steps.customer.tier`, so that they can be
called something else and all around them stays as it is written.

The engine's parser says where each part of its tree begins, in characters. From there it is a short way over spaces, comments and
closing brackets to the field itself; what does not stand where it should be raises `Unclear`, and is never guessed at.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestration.core.cel_engine import Rejected, parsed, plain_place
from orchestration.core.cel_tree import message

_SPACE = r"(?:[ \t\r\n\f]|//[^\n]*(?:\n|\Z))*"
_CLOSED = rf"(?:{_SPACE}\))*{_SPACE}"
_FIELD = re.compile(rf"{_CLOSED}\.{_SPACE}(?:`([^`\n]+)`|([A-Za-z_][A-Za-z0-9_]*))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TICKED = re.compile(r"[A-Za-z0-9_.\-/ ]+\Z")
_BEFORE = re.compile(rf"\.{_SPACE}\Z")
_UNREAD = frozenset({"in", "true", "false", "null"})
"""Words that no expression reads after a dot."""
_BRACKET = re.compile(rf"{_CLOSED}\]")
_STRING = re.compile(
    r"""(?: [rR]'''((?:[^'])*?)''' | [rR]\"\"\"((?:[^"])*?)\"\"\" | [rR]'([^'\n\r]*)' | [rR]"([^"\n\r]*)"
    | '''((?:\\.|[^\\])*?)''' | \"\"\"((?:\\.|[^\\])*?)\"\"\" | '((?:\\.|[^'\\\n\r])*)' | "((?:\\.|[^"\\\n\r])*)" )""",
    re.VERBOSE | re.DOTALL,
)
_CONST, _IDENT, _SELECT, _CALL, _LIST, _STRUCT, _FOLD = 3, 4, 5, 6, 7, 8, 9
"""The field of an expression that says what it is (cel.expr.Expr)."""


Root = tuple[str, ...]
"""A place whose fields are looked for, as ("steps",); of () they are the names that places begin with."""


class Unclear(Exception):
    """The text can't be parsed, or a part of it does not stand where the parser says."""


class Spot(NamedTuple):
    """`text[start:end]` is the field as it is written (without quotes); `name` what it means."""

    start: int
    end: int
    name: str


class Spots(NamedTuple):
    """`fields` in the order of the text. `open`: the place is read as a whole too, or at a key that is computed, so that which of
    its fields are read is not to be seen."""

    fields: tuple[Spot, ...]
    open: bool


def spots(text: str, root: Root) -> Spots:
    """Where fields of the place `root` stand in an expression; a macro's variable of its name is another thing. Raises
    `Unclear`."""
    if names := tuple(plain_place(text)):
        end = len(root)
        start = sum(map(len, root)) + end
        fields = (Spot(start, start + len(names[end]), names[end]),) if names[:end] == root and len(names) > end else ()
        return Spots(fields, open=not fields and root[: len(names)] == names)
    try:
        whole = dict(message(dict(message(parsed(text)))[2]))
    except Rejected as error:
        raise Unclear(str(error)) from None
    search = _Search(text, root, _positions(whole[3]))
    search.expression(whole[2], frozenset())
    return Spots(tuple(sorted(search.found)), search.open)


def is_word(name: str) -> bool:
    """Whether an expression reads a field of this name as it stands."""
    return bool(_NAME.fullmatch(name)) and name not in _UNREAD


def renamed(text: str, found: Spots, names: Mapping[str, str]) -> str:
    """The text with the fields that were found in it called what `names` says."""
    for spot in reversed(found.fields):
        if spot.name in names:
            text = _put(text, spot, names[spot.name])
    return text


def _put(text: str, spot: Spot, name: str) -> str:
    """A name that is no word stands in backticks; one that may not stand there either is a key in brackets."""
    before, after = text[: spot.start], text[spot.end :]
    if before[-1:] in ("'", '"'):
        name = json.dumps(name, ensure_ascii=False)[1:-1].replace("'", r"\'")
    elif not is_word(name):
        before, after = (before[:-1], after[1:]) if before[-1:] == "`" else (before, after)
        key = f"[{json.dumps(name, ensure_ascii=False)}]"
        before, name = (before, f"`{name}`") if _TICKED.match(name) else (_BEFORE.sub("", before), key)
    return before + name + after


def _positions(source: bytes) -> dict[int, int]:
    """The number of a part → the character that it begins at."""
    entries = (dict(message(value)) for number, value in message(source) if number == 4)
    return {entry[1]: entry.get(2, 0) for entry in entries}


class _Search:
    def __init__(self, text: str, root: Root, positions: Mapping[int, int]) -> None:
        self.text, self.root, self.positions = text, root, positions
        self.found: set[Spot] = set()
        self.open = False

    def expression(self, data: bytes, bound: frozenset[str]) -> None:
        """Goes over a part and all below it. `bound`: the variables of the macros around it."""
        part = _Part.of(data)
        place = part.place()
        if place is not None:
            if place[:1] == (self.root or place)[:1] and place[0] not in bound:
                self.place(part, place)
        elif part.kind == _FOLD:
            self.fold(message(part.held), bound)
        else:
            for inner in part.inner():
                self.expression(inner, bound)

    def fold(self, fields: list[tuple[int, Any]], bound: frozenset[str]) -> None:
        """A macro, as the parser has spelled it out: what it goes over is outside of the sight of its variables."""
        inside = bound | {value.decode() for number, value in fields if number in (1, 3, 8)}
        for number, value in fields:
            if number in (2, 4, 5, 6, 7):
                self.expression(value, bound if number == 2 else inside)

    def place(self, part: "_Part", place: Root) -> None:
        depth = len(self.root)
        if place[:depth] == self.root and len(place) > depth:
            while len(place) > depth + 1:
                part, place = part.operand(), place[:-1]
            match = self.own(part)
            self.found.add(Spot(*match.span(match.lastindex or 0), place[-1]))
        else:
            self.open |= self.root[: len(place)] == place

    def own(self, part: "_Part") -> re.Match[str]:
        """The last name of a place, as it stands in the text: a field behind its operand, a literal between brackets, or what
        it begins with."""
        name: str | None
        if part.kind == _IDENT:
            match, name = _NAME.match(self.text, self.positions[part.number]), part.name()
        elif part.kind == _CALL:
            match, name = _STRING.match(self.text, self.positions[part.key().number]), part.key().string()
        else:
            match, name = _FIELD.match(self.text, self.end(part.operand())), part.field()
        written = match[match.lastindex or 0] if match else None
        if match is None or written is None or not (written == name or "\\" in written):
            raise Unclear(f"{name} does not stand where it should")
        return match

    def end(self, part: "_Part") -> int:
        """Where a place ends in the text, without the brackets that may be around it."""
        end = self.own(part).end()
        closed = _BRACKET.match(self.text, end) if part.kind == _CALL else None
        return closed.end() if closed else end


class _Part(NamedTuple):
    """An expression: its number, what it is, and what it holds."""

    number: int
    kind: int
    held: bytes

    @classmethod
    def of(cls, data: bytes) -> "_Part":
        fields = message(data)
        number = next((value for key, value in fields if key == 2), 0)
        kind, held = next(((key, value) for key, value in fields if key != 2), (0, b""))
        return cls(number, kind, held)

    def place(self) -> Root | None:
        """`a.b["c"]` as its names, None of anything else."""
        if self.kind == _IDENT:
            return (self.name(),)
        name = self.field() if self.kind == _SELECT else self.key().string() if self.is_index() else None
        above = self.operand().place() if name is not None else None
        return None if above is None or name is None else (*above, name)

    def name(self) -> str:
        return _text(self.held, 1)

    def field(self) -> str:
        return _text(self.held, 2)

    def is_index(self) -> bool:
        return self.kind == _CALL and _text(self.held, 2) == "_[_]"

    def operand(self) -> "_Part":
        """What a field or an index is of."""
        return _Part.of(next(value for number, value in message(self.held) if number == (1 if self.kind == _SELECT else 3)))

    def key(self) -> "_Part":
        return _Part.of([value for number, value in message(self.held) if number == 3][1])

    def string(self) -> str | None:
        """The text of a string literal, None of anything else."""
        found = dict(message(self.held)).get(6) if self.kind == _CONST else None
        return found.decode() if found is not None else None

    def inner(self) -> Iterator[bytes]:
        """The expressions that it is made of."""
        fields = message(self.held) if self.kind != _CONST else []
        if self.kind == _STRUCT:
            entries = (dict(message(value)) for number, value in fields if number == 2)
            yield from (entry[number] for entry in entries for number in (3, 4) if number in entry)
        else:
            wanted = {_SELECT: (1,), _CALL: (1, 3), _LIST: (1,)}.get(self.kind, ())
            yield from (value for number, value in fields if number in wanted)


def _text(held: bytes, number: int) -> str:
    return bytes(dict(message(held)).get(number, b"")).decode()
