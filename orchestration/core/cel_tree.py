"""The tree of a CEL expression: read from what the engine's own parser made of the text, and written back as text.

The engine offers its tree only as serialised protobuf messages (cel.expr.ParsedExpr). The few fields that matter are read here
by hand; macros, which the parser has expanded into folds by then, are recognised by their shapes.
"""

import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from orchestration.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """`kind` is null, bool, int, uint, double, string or bytes."""

    value: Any
    kind: str


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """`operand.name`; with `test` it is has(operand.name)."""

    operand: "Tree"
    name: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator (`_&&_`, `_[_]`, `!_` …); a method has a target."""

    function: str
    args: tuple["Tree", ...]
    target: "Tree | None" = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list literal."""

    items: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A map literal."""

    entries: tuple[tuple["Tree", "Tree"], ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """`over.kind(variable, [where,] body)`; kind is all, exists, exists_one, map or filter. `where` is for map alone."""

    kind: str
    over: "Tree"
    variable: str
    body: "Tree"
    where: "Tree | None" = None


Tree = Literal | Name | Field | Call | Items | Entries | Macro


class Unsupported(Exception):
    """The expression holds a construct of CEL that isn't taken here. The text says which."""


Path = tuple[str | int, ...]


def chain(tree: Tree) -> Path | None:
    """`a.b[0]["c d"]` as ("a", "b", 0, "c d"): a name, then fields and literal indices; None for anything else."""
    parts: list[str | int] = []
    while not isinstance(tree, Name):
        if isinstance(tree, Field) and not tree.test:
            parts.append(tree.name)
            tree = tree.operand
            continue
        match tree:
            case Call("_[_]", (operand, Literal(key, "int" | "string")), None):
                parts.append(key)
                tree = operand
            case _:
                return None
    return (tree.name, *reversed(parts))


def place(names: Sequence[str]) -> Tree:
    """The tree of `a.b.c`."""
    tree: Tree = Name(names[0])
    for name in names[1:]:
        tree = Field(tree, name)
    return tree


def children(tree: Tree) -> tuple[Tree, ...]:
    match tree:
        case Literal() | Name():
            return ()
        case Field(operand, _, _):
            return (operand,)
        case Call(_, args, target):
            return args if target is None else (target, *args)
        case Items(items):
            return items
        case Entries(entries):
            return tuple(part for entry in entries for part in entry)
        case Macro(_, over, _, body, where):
            return (over, body) if where is None else (over, where, body)


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and all below it, parents first."""
    todo = [tree]
    while todo:
        one = todo.pop()
        yield one
        todo.extend(reversed(children(one)))


# Reading


def decode(serialised: bytes) -> Tree:
    """The tree of a serialised ParsedExpr (inside its Any envelope). Raises `Unsupported`."""
    parsed = dict(message(serialised))[2]
    return _tree(dict(message(parsed))[2])


def message(data: bytes) -> list[tuple[int, Any]]:
    """The fields of a message as (number, value): int for varints, bytes for the rest."""
    found: list[tuple[int, Any]] = []
    at = 0
    while at < len(data):
        key, wire = data[at], data[at] & 7  # a key is one byte: none of these fields has a number above 15
        value: Any
        if wire == 1:
            value, at = data[at + 1 : at + 9], at + 9
        else:
            value, at = _varint(data, at + 1) if data[at + 1] > 127 else (data[at + 1], at + 2)
        if wire == 2:
            value, at = data[at : at + value], at + value
        found.append((key >> 3, value))
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _tree(data: bytes) -> Tree:
    """An expression has an id, and then, up to its end, the one field that says what it is."""
    at = _past(data, 1)
    if at >= len(data):
        raise Unsupported("an empty expression")
    return _KINDS[data[at] >> 3](data[_past(data, at + 1) :])


def _past(data: bytes, at: int) -> int:
    """Where the varint that begins there has ended."""
    while data[at] > 127:
        at += 1
    return at + 1


def _literal(data: bytes) -> Literal:
    for number, value in message(data):
        match number:
            case 2:
                return Literal(bool(value), "bool")
            case 3:
                return Literal(value - (1 << 64) if value >= 1 << 63 else value, "int")
            case 4:
                return Literal(value, "uint")
            case 5:
                return Literal(struct.unpack("<d", value)[0], "double")
            case 6:
                return Literal(value.decode(), "string")
            case 7:
                return Literal(value, "bytes")
    return Literal(None, "null")


def _name(data: bytes) -> Name:
    return Name(data[_past(data, 1) :].decode())


def _field(data: bytes) -> Field:
    fields = dict(message(data))
    return Field(_tree(fields[1]), fields[2].decode(), bool(fields.get(3)))


def _call(data: bytes) -> Call:
    function, target = "", None
    args: list[Tree] = []
    for number, value in message(data):
        if number == 1:
            target = _tree(value)
        elif number == 2:
            function = value.decode()
        else:
            args.append(_tree(value))
    return Call(function, tuple(args), target)


def _items(data: bytes) -> Items:
    return Items(tuple(_tree(value) for number, value in message(data) if number == 1))


def _entries(data: bytes) -> Entries:
    fields = message(data)
    if name := dict(fields).get(1):
        raise Unsupported(f"the message type {name.decode()}")
    entries = [dict(message(value)) for number, value in fields if number == 2]
    return Entries(tuple((_tree(entry[3]), _tree(entry[4])) for entry in entries))


def _macro(data: bytes) -> Macro:
    """A fold back into the macro that it came from: told apart by its first value and its step."""
    fields = dict(message(data))
    variable, accumulator = fields[1].decode(), Name(fields[3].decode())
    over, start, step = (_tree(fields[number]) for number in (2, 4, 6))
    where: Tree | None = None
    if isinstance(step, Call) and step.function == "_?_:_":
        where, step = step.args[0], step.args[1]
    match start, step:
        case Literal(False, "bool"), Call("_||_", (_, body)):
            return Macro("exists", over, variable, body)
        case Literal(True, "bool"), Call("_&&_", (_, body)):
            return Macro("all", over, variable, body)
        case Literal(0, "int"), Call("_+_", (first, Literal(1, "int"))) if first == accumulator and where is not None:
            return Macro("exists_one", over, variable, where)
        case Items(()), Call("_+_", (first, Items((body,)))) if first == accumulator:
            if where is not None and body == Name(variable):
                return Macro("filter", over, variable, where)
            return Macro("map", over, variable, body, where)
    raise Unsupported("a macro of this kind")


_KINDS: dict[int, Callable[[bytes], Tree]] = {
    3: _literal,
    4: _name,
    5: _field,
    6: _call,
    7: _items,
    8: _entries,
    9: _macro,
}
"""By the number of the field that an expression holds beside its id."""


# Writing

_BINARY = {
    "_||_": ("||", 2),
    "_&&_": ("&&", 3),
    "@in": ("in", 4),
    **{f"_{sign}_": (sign, 4) for sign in ("<", "<=", ">", ">=", "==", "!=")},
    **{f"_{sign}_": (sign, 5) for sign in ("+", "-")},
    **{f"_{sign}_": (sign, 6) for sign in ("*", "/", "%")},
}
_UNARY = {"!_": "!", "-_": "-"}
_EXPANDED = {"@max": "greatest", "@min": "least"}  # math.greatest and math.least are macros over these
_TERNARY, _PREFIX, _MEMBER = 1, 7, 8

SIGNS = {function: sign for function, (sign, _) in _BINARY.items()} | _UNARY


def write(tree: Tree) -> str:
    """CEL text that parses to this tree again, with no more brackets than it needs (the parser's depth is limited)."""
    return _write(tree, 0)


def _write(tree: Tree, binding: int) -> str:
    text, strength = _written(tree)
    return f"({text})" if strength < binding else text


def _written(tree: Tree) -> tuple[str, int]:
    """The text and how strongly it binds."""
    match tree:
        case Literal():
            text = _write_literal(tree)
            return text, _PREFIX if text.startswith("-") else _MEMBER
        case Name(name):
            return name, _MEMBER
        case Field(operand, name, test):
            text = f"{_write(operand, _MEMBER)}.{_write_field(name)}"
            return (f"has({text})" if test else text), _MEMBER
        case Call():
            return _write_call(tree)
        case Items(items):
            return f"[{_write_all(items)}]", _MEMBER
        case Entries(entries):
            return "{" + ", ".join(f"{write(key)}: {write(value)}" for key, value in entries) + "}", _MEMBER
        case Macro(kind, over, variable, body, where):
            parts = _write_all((body,) if where is None else (where, body))
            return f"{_write(over, _MEMBER)}.{kind}({variable}, {parts})", _MEMBER


def _write_call(call: Call) -> tuple[str, int]:
    function, args = call.function, call.args
    if function in _BINARY and call.target is None and len(args) == 2:
        sign, strength = _BINARY[function]
        flat = strength <= 3  # && and || hold in any order, so a chain needs no brackets
        return f"{_write(args[0], strength)} {sign} {_write(args[1], strength + (not flat))}", strength
    if function in _UNARY and call.target is None:
        return f"{_UNARY[function]}{_write_operand(args[0])}", _PREFIX
    if function == "_?_:_":
        return f"{_write(args[0], 2)} ? {_write(args[1], 2)} : {_write(args[2], _TERNARY)}", _TERNARY
    if function == "_[_]":
        return f"{_write(args[0], _MEMBER)}[{write(args[1])}]", _MEMBER
    if call.target is not None:
        return f"{_write(call.target, _MEMBER)}.{_EXPANDED.get(function, function)}({_write_all(args)})", _MEMBER
    owner, _, last = function.rpartition(".")
    return f"{owner + '.' if owner else ''}{_EXPANDED.get(last, last)}({_write_all(args)})", _MEMBER


def _write_operand(tree: Tree) -> str:
    """What stands after `!` or `-`. The parser folds signs into numbers and drops pairs of them: brackets keep them apart."""
    text = _write(tree, _PREFIX)
    is_number = isinstance(tree, Literal) and tree.kind in ("int", "double")
    return f"({text})" if is_number or text[0] in "-!" else text


def _write_all(trees: tuple[Tree, ...]) -> str:
    return ", ".join(map(write, trees))


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TAKEN = frozenset({"true", "false", "null", "in"})


def _write_field(name: str) -> str:
    return name if _NAME.match(name) and name not in _TAKEN else f"`{name}`"


def _write_literal(literal: Literal) -> str:
    match literal.kind:
        case "null":
            return "null"
        case "bool":
            return "true" if literal.value else "false"
        case "uint":
            return f"{literal.value}u"
        case "bytes":
            return 'b"' + "".join(f"\\x{byte:02x}" for byte in literal.value) + '"'
        case "string":
            text = json.dumps(literal.value, ensure_ascii=False)
            return text if "'" in text else "'" + text[1:-1].replace('\\"', '"') + "'"
    return repr(literal.value)
