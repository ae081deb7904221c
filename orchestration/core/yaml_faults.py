"""What is wrong with a text that is no YAML, in words, and the line where it went wrong.

A parser notices late: a quote that is never closed swallows lines until the next quote, and is reported there. So the text is
looked through once more, up to where the parser stopped, for a quoted text that ends just there and began on another line.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from orchestration.core.frozen import dataclass

_TAB = "A tab stands here, and YAML is indented by spaces alone. Put spaces in its place."
_COLON = "A colon stands where none can be. A text that holds one needs quotes; a key, the indentation of the keys beside it."
_INDENTED = "This line is indented like nothing around it. Begin it where those beside it begin."
_WORDS = {
    "could not find expected ':'": "There is text where a key and its colon should be. Write `key: value`.",
    "mapping values are not allowed": _COLON,
    "did not find expected key": _INDENTED,
    "did not find expected '-' indicator": _INDENTED,
    "expected node content": "A value should stand here: a list or mapping is not closed, or a comma is too many.",
    "unknown escape character": "This backslash begins no escape. Write \\\\ for the sign itself, or use single quotes.",
    "control characters are not allowed": "There is a control character here, which nobody can see. Remove it.",
}
"""By what libyaml says. Of the rest it is passed on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1; None where the parser names none."""

    sentence: str
    line: int | None


def explain(error: yaml.YAMLError, text: str, loader: Any) -> Fault:
    """Why `text`, on which `loader` raised `error`, is no YAML."""
    if not isinstance(error, yaml.MarkedYAMLError):
        said = str(error).splitlines()[0]
        return Fault(next((words for key, words in _WORDS.items() if key in said), f"{said[:1].upper()}{said[1:]}."), None)
    lines = text.split("\n")
    problem, mark, context = error.problem or str(error), error.problem_mark or error.context_mark, error.context_mark
    if "quoted scalar" in (error.context or "") and "end of stream" in problem and context:
        return Fault("The quote that opens in this line is never closed. Close it.", context.line + 1)
    if mark is None:
        return Fault(f"{problem}.", None)
    here = min(mark.line, len(lines) - 1)
    before, rest = lines[here][: mark.column], lines[here][mark.column :]
    if "tab character" in problem or ("start any token" in problem and rest.startswith("\t")):
        return Fault(_TAB, here + 1)
    if "start any token" in problem:
        return Fault(f"A value can't begin with {rest[:1]}. Put it in quotes.", here + 1)
    if quoted := _quote_before(text, loader, mark):
        return quoted
    if ("expected ',' or" in problem or "expected key" in problem) and f"{before}{rest[:1]}".endswith("${"):
        return Fault('Between braces or brackets, an expression needs quotes: write "${…}".', here + 1)
    if "expected ',' or" in problem and context:
        sign = problem.rstrip(".").rsplit(" ", 1)[-1].strip("'")
        opened = f"what opens in line {context.line + 1}" if context.line != here else "what opens here"
        return Fault(f"A comma is missing, or the {sign} of {opened}.", here + 1)
    line = context.line if "could not find expected ':'" in problem and context else here
    return Fault(
        next((words for key, words in _WORDS.items() if key in problem), f"{problem[:1].upper()}{problem[1:]}."), line + 1
    )


def _quote_before(text: str, loader: Any, mark: Any) -> Fault | None:
    """The text in quotes that ends in the line of `mark`, before it, where it is likely that the quote was meant otherwise."""
    last = None
    for token in _tokens(text, loader):
        if token.start_mark.index > mark.index:
            break
        if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"') and token.end_mark.line == mark.line:
            last = token
    if last is None:
        return None
    opens, closes = last.start_mark.line + 1, last.end_mark.line + 1
    if opens != closes:
        message = f"The quote that opens in this line is closed in line {closes} only, where another was to open. Close it here."
        return Fault(message, opens)
    if last.end_mark.index == mark.index:
        twice = "''" if last.style == "'" else '\\"'
        return Fault(f"A quote is closed in this line, and text follows it. A quote within quotes is written {twice}.", closes)
    return None


def _tokens(text: str, loader: Any) -> Iterator[Any]:
    """As far as there are any."""
    try:
        yield from yaml.scan(text, Loader=loader)
    except yaml.YAMLError:
        return
