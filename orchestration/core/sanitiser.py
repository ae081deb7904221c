"""The one sanitiser: what may be kept, and how what came from outside is brought to it.

Everything that enters the engine (a model's answer, a tool's, a form, a run's input) passes here, so that later code may
rely on it: only the seven JSON types, integers within 64 bits, no NaN or infinity, no negative zero, no NUL and no lone
surrogate in any string, no more than `max_depth` levels. Both databases then keep the same.

What can be mended without guessing is mended and marked (`Clean.marks`); everything else raises `Unreadable`.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from orchestration.core.errors import Problem, Unreadable
from orchestration.core.frozen import dataclass, replace
from orchestration.core.wording import abbreviate, dotted, under

MAX_BYTES = 4_000_000
MAX_DEPTH = 100
MAX_NODES = 200_000
INT_MIN, INT_MAX = -(2**63), 2**63 - 1

_BAD_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_MARK_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{},]', re.DOTALL)
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Clean:
    """A value that may be kept. `marks` are the dotted places where a NUL or a lone surrogate was replaced by U+FFFD."""

    value: Any
    marks: tuple[str, ...] = ()

    def under(self, root: str) -> tuple[str, ...]:
        """The marks as places below `root`: `text` as `input.text`, `[0]` as `input[0]`."""
        return tuple(under(root, mark) for mark in self.marks)


def parse_json(text: str | bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> Clean:
    """Read strict JSON. Raises `Unreadable` with one problem: `not_json`, `too_large` (bytes or nodes), `too_deep`,
    `duplicate_key`, `not_a_number` (NaN, Infinity, 1e400) or `number_too_large` (an integer beyond 64 bits).

    A node is any value, containers included. The cost is linear in the text, whatever it holds; a value that can't be kept is
    looked for once more, so that its place can be told.
    """
    content = _decoded(text, max_bytes)
    opened, commas = content.count("[") + content.count("{"), content.count(",")
    if max(opened, commas + 1) > max_nodes:
        _check_nodes(content, max_nodes, max_depth)
    try:
        value = _strict(content)
    except Unreadable:
        if opened > max_depth:
            _check_depth(content, max_depth)
        raise
    # Commas, brackets and one: never fewer than the nodes there are. Escapes are the only way to a bad character here,
    # raw ones aside, so most texts need no second look.
    shallow, few = opened <= max_depth, commas + opened + 1 <= max_nodes
    if shallow and few and "\\u" not in content and not _BAD_CHARACTER.search(content):
        return Clean(value)
    try:
        return _Cleaner(max_depth, max_nodes, max_bytes).clean(value)
    except Unreadable as error:
        if error.problems[0].code == "too_deep":
            _check_depth(content, max_depth)
        raise


def clean(value: Any, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_NODES) -> Clean:
    """The same rules for a Python value that did not come as JSON text. Tuples become lists; subclasses of str, int,
    float, dict and list become plain; any other type raises `Unreadable` (`not_json`). `max_bytes` counts the UTF-8 of all
    strings and keys. The value that was given is never changed.
    """
    return _Cleaner(max_depth, max_nodes, max_bytes).clean(value)


def clean_text(text: str) -> Clean:
    """The text with NUL and lone surrogates replaced; marks hold "" where something was."""
    if not _BAD_CHARACTER.search(text):
        return Clean(text)
    return Clean(_BAD_CHARACTER.sub(_REPLACEMENT, text), ("",))


def _decoded(text: str | bytes, max_bytes: int) -> str:
    size = len(text) if isinstance(text, bytes) else _size(text)
    if size > max_bytes:
        raise unreadable("too_large", f"it has {size:,} bytes; at most {max_bytes:,} are read. Send less")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable("not_json", f"it is not UTF-8 text: byte {error.start} can't be read. Send JSON in UTF-8") from None


def _size(text: str) -> int:
    """Bytes of the text in UTF-8, a lone surrogate counted as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _strict(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise unreadable("not_json", f"it is not JSON: {fault(error)}") from None
    except RecursionError:
        raise unreadable("too_deep", "it is nested too deep to read. Send a flatter value") from None
    except Unreadable as error:
        raise Unreadable(replace(error.problems[0], path=_place(text))) from None


_FAULTS = {
    "Expecting value": "a value is missing",
    "Expecting property name": "a key in double quotes is missing",
    "Expecting ':'": "a colon is missing",
    "Expecting ','": "a comma is missing, or a bracket",
    "Illegal trailing comma": "a comma stands before the end",
    "Unterminated string": "a text is not closed that begins",
    "Invalid control character": "a line break, or another control character, stands bare inside a text",
    "Invalid": "a backslash begins nothing that JSON knows",
    "Extra data": "something more stands after the end",
}
"""How Python's parser begins what it says, and what is said to people."""


def fault(error: json.JSONDecodeError) -> str:
    """What is wrong with a text that is no JSON, and where."""
    words = next((words for begins, words in _FAULTS.items() if error.msg.startswith(begins)), error.msg.removesuffix(" at"))
    return f"{words} at line {error.lineno}, column {error.colno}"


def _check_nodes(text: str, max_nodes: int, max_depth: int) -> None:
    """Refuse what must hold more values than are kept before anything is made of it: made, they need twenty times their text."""
    commas = opened = closed = 0
    for token in _MARK_OR_STRING.finditer(text):
        character = text[token.start()]
        commas, opened, closed = commas + (character == ","), opened + (character in "[{"), closed + (character in "]}")
        if opened - closed > max_depth:
            _check_depth(text, max_depth)
        if max(opened, commas + 1) > max_nodes:
            raise unreadable("too_large", f"it holds more than {max_nodes:,} values. Send less")


def _check_depth(text: str, max_depth: int) -> None:
    """Count brackets outside strings, so that what is said of a bad and deep text never depends on the stack that is left."""
    depth = 0
    for token in _BRACKET_OR_STRING.finditer(text):
        character = text[token.start()]
        if character in "[{":
            depth += 1
            if depth > max_depth:
                line, column = text.count("\n", 0, token.start()) + 1, token.start() - text.rfind("\n", 0, token.start())
                where = f"at line {line}, column {column}"
                raise unreadable("too_deep", f"it is nested more than {max_depth} levels deep {where}. Send a flatter value")
        elif character in "]}":
            depth -= 1


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise unreadable("duplicate_key", f"the key {abbreviate(key)} stands twice in one object. Keep one of them")
            seen.add(key)
    return result


def _integer(digits: str) -> int:
    # 64 bits need at most 19 digits and a sign; longer ones are not even converted (that is quadratic).
    number = int(digits) if len(digits) <= 20 else INT_MAX + 1
    if not INT_MIN <= number <= INT_MAX:
        raise unreadable(
            "number_too_large",
            f"the number {digits[:30]}{'…' if len(digits) > 30 else ''} does not fit in 64 bits. Send it as text",
        )
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise unreadable("not_a_number", f"the number {digits[:30]} is too large for a double. Send it as text")
    return number + 0.0  # -0.0 + 0.0 is 0.0


def _constant(name: str) -> NoReturn:
    raise unreadable("not_a_number", f"{name} is not a JSON number. Send a number or null")


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant)
"""Reads JSON text by the rules above, except depth, nodes and bad characters. Raises JSONDecodeError and `Unreadable`."""


def _place(text: str) -> str:
    """Where the value stands that `DECODER` refuses first. "" where the text can't be read even without it."""
    wrong: list[object] = []

    def marked(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def hook(given: Any) -> Any:
            try:
                return read(given)
            except Unreadable:
                if wrong:
                    return dict(given) if isinstance(given, list) else None
                wrong.append(object())
                return wrong[0]

        return hook

    decoder = json.JSONDecoder(
        object_pairs_hook=marked(_pairs),
        parse_int=marked(_integer),
        parse_float=marked(_float),
        parse_constant=marked(_constant),
    )
    try:
        return dotted("", _way(decoder.decode(text), wrong[0]) or ())
    except (ValueError, RecursionError):
        return ""


def _way(value: Any, wanted: object) -> list[str | int] | None:
    """The keys and indices that lead to this very object."""
    if value is wanted:
        return []
    parts: Iterable[Any] = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if (part is wanted or isinstance(part, dict | list)) and (way := _way(part, wanted)) is not None:
            return [key, *way]
    return None


def unreadable(code: str, message: str, path: str = "") -> Unreadable:
    """The exception for one problem with what came in."""
    return Unreadable(Problem(code, message, path))


class _Cleaner:
    """One walk over one value. `_fine` is the quick look that most values pass; `_copy` mends, and knows the path."""

    def __init__(self, max_depth: int, max_nodes: int, max_bytes: int) -> None:
        self.max_depth, self.max_nodes, self.max_bytes = max_depth, max_nodes, max_bytes
        self.nodes = self.bytes = 0
        self.marks: list[str] = []

    def clean(self, value: Any) -> Clean:
        if self._fine(value):
            return Clean(value)
        return Clean(self._copy(value, []), tuple(self.marks))

    def _fine(self, value: Any) -> bool:
        """Whether the value is clean as it stands. Goes level by level, so the number of levels is the depth."""
        level, levels, nodes, size = [value], 0, 0, 0
        while level:
            nodes += len(level)
            if nodes > self.max_nodes:
                return False
            below: list[Any] = []
            containers = False
            for item in level:
                kind = type(item)
                if kind is str:
                    if _BAD_CHARACTER.search(item):
                        return False
                    size += _size(item)
                elif kind is dict:
                    containers = True
                    for key in item:
                        if type(key) is not str or _BAD_CHARACTER.search(key):
                            return False
                        size += _size(key)
                    below.extend(item.values())
                elif kind is list:
                    containers = True
                    below.extend(item)
                elif kind is int:
                    if not INT_MIN <= item <= INT_MAX:
                        return False
                elif kind is float:
                    if not math.isfinite(item) or (item == 0.0 and math.copysign(1.0, item) < 0):
                        return False
                elif item is not None and kind is not bool:
                    return False
                if len(below) > self.max_nodes:
                    return False
            levels += containers
            if levels > self.max_depth:
                return False
            level = below
        return size <= self.max_bytes

    def _copy(self, value: Any, path: list[str | int]) -> Any:
        self.nodes += 1
        if self.nodes > self.max_nodes:
            raise unreadable("too_large", f"it holds more than {self.max_nodes:,} values. Send less")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, int):
            number = int(value)
            if not INT_MIN <= number <= INT_MAX:
                raise unreadable("number_too_large", "the number does not fit in 64 bits. Send it as text", dotted("", path))
            return number
        if isinstance(value, float):
            if not math.isfinite(value):
                raise unreadable("not_a_number", f"{float(value)} is not a JSON number. Send a number or null", dotted("", path))
            return float(value) + 0.0
        if not isinstance(value, (dict, list, tuple)):
            raise unreadable(
                "not_json",
                f"a value of type {type(value).__name__} can't be kept as JSON. Give text, a number, "
                "true or false, null, a list or an object",
                dotted("", path),
            )
        if len(path) >= self.max_depth:
            raise unreadable("too_deep", f"it is nested more than {self.max_depth} levels deep. Send a flatter value")
        if isinstance(value, dict):
            return self._object(value, path)
        return [self._copy(item, [*path, index]) for index, item in enumerate(value)]

    def _object(self, value: dict[Any, Any], path: list[str | int]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise unreadable("not_json", f"the key {str(key)[:80]} is not text. Keys of an object must be", dotted("", path))
            name = self._text(key, [*path, _BAD_CHARACTER.sub(_REPLACEMENT, key)])
            if name in result:
                raise unreadable(
                    "duplicate_key", f"the key {abbreviate(name)} stands twice in one object. Keep one of them", dotted("", path)
                )
            result[name] = self._copy(item, [*path, name])
        return result

    def _text(self, value: str, path: Sequence[str | int]) -> str:
        text = str.__str__(value)
        self.bytes += _size(text)
        if self.bytes > self.max_bytes:
            raise unreadable("too_large", f"it holds more than {self.max_bytes:,} bytes of text. Send less")
        if not _BAD_CHARACTER.search(text):
            return text
        self.marks.append(dotted("", path))
        return _BAD_CHARACTER.sub(_REPLACEMENT, text)
