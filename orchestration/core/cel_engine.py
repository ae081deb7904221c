"""The engine behind expressions: Google's C++ CEL. This file alone knows it.

What the engine does in ways one would not guess: an error at run time comes back as a value; numbers of different kinds compare
but do not add; a NUL cuts a string and a lone surrogate raises (values come through the sanitiser, so neither gets here); the
Python values given to it are copied whole at each evaluation. It stops by itself after 10,000 iterations of macros and at 32
levels of nesting. Its objects may be used from several threads, and can't be pickled.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_strings

from orchestration.core.cel_tree import Tree, Unsupported, decode, place

MOST_CHARACTERS = 4_000
MOST_PLACES = 64

_EXTENSIONS = [ext_strings.ExtStrings(), ext_math.ExtMath()]
_READER = cel.NewEnv(extensions=_EXTENSIONS)
_ENVIRONMENTS: dict[str, cel.Env] = {}
_PLACE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){0,9}\Z")
_WORDS = {
    *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace"),
    *("null", "package", "return", "true", "var", "void", "while"),
}
"""What the engine's parser does not take as a name."""
_PATTERN = cel.NewEnv(variables={"pattern": cel.Type.STRING}).compile("''.matches(pattern)")
_UNEXPECTED = re.compile(r"(?:input|alternative at input|recognition error at:) '(.*?)'(?: expecting.*)?$")
_POSITION = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")
_STATUS = re.compile(r"^[A-Z_]+: ")


class Rejected(Exception):
    """The engine does not take the text. `code` is that of the problem, the message a part of its sentence."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Failed(Exception):
    """The evaluation ended with an error. The message is the engine's, its status code cut off."""


def read(text: str) -> Tree:
    """The tree of the text. Raises `Rejected`."""
    if names := plain_place(text):
        return place(names)  # most expressions are that and nothing else
    try:
        return decode(parsed(text))
    except Unsupported as error:
        raise Rejected("expression_syntax", f"{error} can't be used here") from None


def plain_place(text: str) -> list[str]:
    """The names of a text that is one place, as `a.b.c`, and nothing else; [] of any other."""
    names = text.split(".") if _PLACE.match(text) else []
    return names if _WORDS.isdisjoint(names) else []


@lru_cache(maxsize=4096)
def parsed(text: str) -> bytes:
    """What the engine's parser makes of the text: a serialised cel.expr.ParsedExpr in its Any envelope. Raises `Rejected`. An
    edit of a draft has all of its texts read again, most of which are as they were."""
    try:
        return bytes(_READER.compile(text, disable_check=True).serialize())
    except (RuntimeError, ValueError) as error:
        raise Rejected(*_explain(str(error))) from None


@lru_cache(maxsize=4096)
def program(text: str, prefix: str) -> "Program":
    """The program of a text, some kilobytes. Places are stand-in names in it, so that expressions of one kind share one. Raises
    `Rejected`."""
    return Program(text, prefix)


class Program:
    """A compiled text over stand-in names: `{prefix}v0` … for values, `{prefix}h0` … for presence."""

    __slots__ = ("_expression",)

    def __init__(self, text: str, prefix: str) -> None:
        try:
            self._expression = _environment(prefix).compile(text)
        except (RuntimeError, ValueError) as error:
            raise Rejected(*_explain(str(error))) from None

    def run(self, data: Mapping[str, Any]) -> Any:
        """The value, of Python's plain types. Raises `Failed`."""
        try:
            result = self._expression.eval(data=data)
            value = result.plain_value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise Failed(_sentence(str(error))) from None
        if type(value) is str and result.type() == cel.Type.ERROR:
            raise Failed(_sentence(value))
        return value


def _environment(prefix: str) -> cel.Env:
    if prefix not in _ENVIRONMENTS:
        variables = {f"{prefix}v{index}": cel.Type.DYN for index in range(MOST_PLACES)}
        variables |= {f"{prefix}h{index}": cel.Type.BOOL for index in range(MOST_PLACES)}
        _ENVIRONMENTS[prefix] = cel.NewEnv(variables=variables, extensions=_EXTENSIONS)
    return _ENVIRONMENTS[prefix]


def _explain(error: str) -> tuple[str, str]:
    """The engine's message as (code, sentence)."""
    if "recursion" in error:
        return "expression_too_long", "it is nested more than 32 levels deep. Split it over two steps"
    found = _POSITION.search(error)
    if found is None:
        return "expression_syntax", _STATUS.sub("", error.splitlines()[0])[:200]
    line, column, message = int(found[1]), int(found[2]), found[3]
    if message.startswith("reserved identifier: "):
        return "reserved_word", f"`{message.rpartition(' ')[2]}` is a reserved word. Use another name"
    if message.startswith(("found no matching overload", "undeclared reference")):
        return "expression_type", message
    message = message.removeprefix("Syntax error: ")
    if unexpected := _UNEXPECTED.search(message):
        sign = unexpected[1].strip()
        hint = "; did you mean `==`?" if sign == "=" else ""
        message = "it ends too early" if sign == "<EOF>" else f"`{sign}` is not expected{hint}"
    return "expression_syntax", f"{message} (line {line}, column {column})"


def is_bad_pattern(pattern: str) -> bool:
    """Whether the engine refuses a regular expression."""
    return bool(_PATTERN.eval(data={"pattern": pattern}).type() == cel.Type.ERROR)


def _sentence(error: str) -> str:
    return re.sub(r" \[[A-Z_]+\]$", "", _STATUS.sub("", error))[:300]
