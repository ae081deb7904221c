"""Values of a definition: JSON whose strings may hold `${…}`.

A string that is wholly `${…}` is an expression and keeps its type; `${…}` inside other text becomes text; `$${` is a literal
`${`. Everything else is what it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal
from urllib.parse import quote as percent_encode

from orchestration.core.cel_expression import Expression, Read, Sight, compile_expression
from orchestration.core.cel_types import TEXT, of_json, one_of
from orchestration.core.errors import EvaluationError, Problem, Refused, Unreadable
from orchestration.core.frozen import dataclass
from orchestration.core.sanitiser import MAX_BYTES, clean
from orchestration.core.schema import Schema
from orchestration.core.values import dump
from orchestration.core.wording import abbreviate, dotted

Quote = Literal["url"] | None

_OPEN = re.compile(r"\$?\$\{")
_BRACE = re.compile(
    r"""
    (?: [rR][bB]?(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")       # raw strings: a backslash is one
    | '''(?:\\.|[^\\])*?''' | \"\"\"(?:\\.|[^\\])*?\"\"\"
    | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*"
    | //[^\n]*
    | [A-Za-z0-9_]+ | [^{}]
    )*+ ([{}])
    """,
    re.VERBOSE | re.DOTALL,
)
"""Up to the next brace that stands in no string and no comment."""


@dataclass(frozen=True, slots=True)
class Value:
    """A compiled value. `schema` is what is known of what it gives, `reads` the places it reads."""

    reads: tuple[Read, ...]
    schema: Schema
    _give: Callable[[Mapping[str, Any]], Any] = field(repr=False, compare=False)

    def evaluate(self, env: Mapping[str, Any]) -> Any:
        """The value on these, plain JSON. What was read is shared with `env`, and must not be changed. Raises EvaluationError,
        also where what is put together is larger or deeper than may be kept: data that comes round a loop nests and grows."""
        value = self._give(env)
        if not self.reads or not isinstance(value, list | dict):
            return value
        try:
            return clean(value).value
        except Unreadable as error:
            raise EvaluationError(f"the value that was put together can't be kept: {error.problems[0].message}") from None


def compile_value(value: Any, sight: Sight, path: str = "", *, quote: Quote = None) -> Value:
    """Compile a JSON value. Raises `Refused` with all problems, each at its place below `path`.

    `quote="url"`: what is filled into text is percent-encoded, slashes and all, so that data can't change the host, the path or
    the query of the URL around it; a string that is wholly `${…}` is then filled in as text too.
    """
    problems: list[Problem] = []
    compiled = _compile(value, sight, path, quote, problems)
    if problems:
        raise Refused(*problems)
    return compiled


def _compile(value: Any, sight: Sight, path: str, quote: Quote, problems: list[Problem]) -> Value:
    if isinstance(value, str):
        return _compile_text(value, sight, path, quote, problems)
    if isinstance(value, list):
        parts = [_compile(item, sight, f"{path}[{index}]", quote, problems) for index, item in enumerate(value)]
        items = one_of([part.schema for part in parts]) if parts else {}
        return Value(_reads(parts), {"type": "array", "items": items}, _constant(value) if _fixed(parts) else _list(parts))
    if isinstance(value, dict):
        named: dict[str, Value] = {}
        for name, item in value.items():
            if _OPEN.search(name):
                problems.append(
                    Problem("expression_syntax", "keys can't be computed. Write the key itself", dotted(path, [name]))
                )
            named[name] = _compile(item, sight, dotted(path, [name]), quote, problems)
        properties = {name: part.schema for name, part in named.items()}
        schema: Schema = {"type": "object", "properties": properties, "required": list(named), "additionalProperties": False}
        parts = list(named.values())
        return Value(_reads(parts), schema, _constant(value) if _fixed(parts) else _object(named))
    return Value((), of_json(value), _constant(value))


def _reads(parts: list[Value]) -> tuple[Read, ...]:
    return tuple(dict.fromkeys(read for part in parts for read in part.reads))


def _fixed(parts: list[Value]) -> bool:
    return all(isinstance(part._give, _Constant) for part in parts)


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any

    def __call__(self, env: Mapping[str, Any]) -> Any:
        return self.value


def _constant(value: Any) -> _Constant:
    return _Constant(value)


def _list(parts: list[Value]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda env: [part._give(env) for part in parts]


def _object(parts: dict[str, Value]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda env: {name: part._give(env) for name, part in parts.items()}


# Text


def _compile_text(text: str, sight: Sight, path: str, quote: Quote, problems: list[Problem]) -> Value:
    try:
        pieces = split(text, path)
        parts = [piece if isinstance(piece, str) else compile_expression(piece[0], sight, path=path) for piece in pieces]
    except Refused as error:
        problems.extend(error.problems)
        return Value((), {}, _constant(None))
    match parts:
        case [Expression() as whole] if quote is None:
            return Value(whole.reads, whole.schema, whole.evaluate)
        case [str() as plain]:
            return Value((), of_json(plain), _constant(plain))
    reads = tuple(dict.fromkeys(read for part in parts if isinstance(part, Expression) for read in part.reads))
    return Value(reads, TEXT, _text(parts, _percent_encoded if quote == "url" else as_text))


def _text(parts: Sequence[str | Expression], spell: Callable[[Any], str]) -> Callable[[Mapping[str, Any]], str]:
    def give(env: Mapping[str, Any]) -> str:
        pieces: list[str] = []
        size = 0
        for part in parts:
            pieces.append(part if isinstance(part, str) else spell(part.evaluate(env)))
            size += len(pieces[-1])
            if size > MAX_BYTES:
                raise EvaluationError(f"the text that was put together has more than {MAX_BYTES:,} characters. Put less into it")
        return "".join(pieces)

    return give


def split(text: str, path: str = "") -> list[str | tuple[str]]:
    """The pieces of a template: plain text as str, the text of an expression as a tuple of one. Raises `Refused` where a `${`
    isn't closed."""
    pieces: list[str | tuple[str]] = []
    at = 0
    for start, end in spans(text, path):
        if plain := text[at : start - 2]:
            pieces.append(plain.replace("$${", "${"))
        pieces.append((text[start:end],))
        at = end + 1
    plain = text[at:].replace("$${", "${")
    return [*pieces, plain] if plain or not pieces else pieces


def spans(text: str, path: str = "") -> list[tuple[int, int]]:
    """Where the expressions of a template stand, from the first character to behind the last, without the braces. Raises as
    `split` does."""
    found: list[tuple[int, int]] = []
    at = 0
    while (opened := _OPEN.search(text, at)) is not None:
        at = opened.end()
        if opened[0] == "$${":
            continue
        end = _closing(text, at)
        if end is None:
            shown = abbreviate(text[opened.start() : opened.start() + 60])
            message = f"the ${{ in {shown} is not closed. Close it with }}, or write $${{ for the characters themselves"
            raise Refused(Problem("expression_syntax", message, path))
        found.append((at, end))
        at = end + 1
    return found


def _closing(text: str, at: int) -> int | None:
    """Where the brace stands that closes an expression; braces of maps and in strings and comments are its own."""
    depth = 0
    while (found := _BRACE.match(text, at)) is not None:
        at = found.end()
        if found[1] == "}" and depth == 0:
            return at - 1
        depth += 1 if found[1] == "{" else -1
    return None


def as_text(value: Any) -> str:
    """How a value reads inside text: whole numbers without a point, true and false, null as nothing, lists and objects as
    JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return dump(value)


def _percent_encoded(value: Any) -> str:
    return percent_encode(as_text(value), safe="")
