"""Where in the text of a prompt a name is read that is not there, so that another can be put there, and nowhere else.

Jinja's tree knows no places in the text. So each place where the name is written is tried on its own with a word that is nowhere
in the text: it is read there if that word is missing then in just the same way.
"""

import re

from jinja2 import Environment, nodes

from orchestration.core.errors import Refused
from orchestration.core.prompt_check import INPUT, lacks
from orchestration.core.prompt_text import compile_prompt
from orchestration.core.schema import Schema

MOST = 40
"""Places that are tried. Where the name is written more often, none is."""
_PLAIN = Environment(autoescape=True)  # only parses


def renamed(source: str, schema: Schema, above: str, name: str, near: str) -> str:
    """A prompt over values of this schema, with `near` in each place that reads `name` of `above`, as `prompt_check.lacks` has it
    said."""
    other = next(word for number in range(len(source)) if (word := f"other{number}") not in source)
    found = list(re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", source))
    for each in reversed(found if len(found) <= MOST else []):
        before, after = source[: each.start()], source[each.end() :]
        tried = before + other + after
        if _says(tried, schema, lacks(above, other)) and not (above == INPUT and _is_variable(tried, other, name)):
            source = before + near + after
    return source


def _says(source: str, schema: Schema, words: str) -> bool:
    try:
        compile_prompt(source, schema)
    except Refused as refused:
        return any(problem.message.startswith(words) for problem in refused.problems)
    return False


def _is_variable(source: str, other: str, name: str) -> bool:
    """Whether `name` would be that of a loop around it where `other` stands."""
    loops = (loop for loop in _PLAIN.parse(source).find_all(nodes.For) if getattr(loop.target, "name", None) == name)
    return any(found.name == other for loop in loops for part in loop.body for found in part.find_all(nodes.Name))
