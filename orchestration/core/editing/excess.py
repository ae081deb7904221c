"""What nobody may bring into a draft, by a command or as text: an expression longer than any may be, and a prompt that does what
none may, as to loop over what it makes itself. Nothing could ever be done with it."""

from collections.abc import Iterator
from typing import Any

from orchestration.core.cel_engine import MOST_CHARACTERS
from orchestration.core.cel_spots import Unclear
from orchestration.core.editing.draft import walk
from orchestration.core.editing.mentions import mentions
from orchestration.core.errors import Problem, Refused
from orchestration.core.prompt_text import MOST_SOURCE, compile_prompt

PROMPTS = ("system", "prompt")


def excesses(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Problem]:
    """Each at its place in the document. What stood in it before is left alone, wherever it stands by now."""
    known = {text for text, _, _ in _texts(before)}
    for text, path, step in _texts(after):
        if text not in known:
            yield from _too_long(text, path, step) if path.rpartition(".")[2] not in PROMPTS else _forbidden(text, path, step)


def _texts(data: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(text, its place, the step): the longest expression of each that holds one too long, and all prompts."""
    for mention in mentions(data):
        if mention.kind in ("template", "cel") and len(mention.text) > MOST_CHARACTERS:
            try:
                longest = max(mention.spans(), key=lambda span: span[1] - span[0], default=(0, 0))
            except Unclear:
                continue
            if longest[1] - longest[0] > MOST_CHARACTERS:
                yield mention.text[slice(*longest)], mention.path, mention.step
    for spot in walk(data):
        for key in PROMPTS:
            if isinstance(text := spot.step.get(key), str):
                yield text, f"{spot.place}.{key}", spot.id


def _too_long(text: str, path: str, step: str) -> Iterator[Problem]:
    message = f"The expression has {len(text):,} characters; at most {MOST_CHARACTERS:,} are taken. Split it over two steps."
    yield Problem("expression_too_long", message, path, step or None)


def _forbidden(text: str, path: str, step: str) -> Iterator[Problem]:
    if len(text) > MOST_SOURCE:
        yield Problem("template_too_long", f"A prompt is text of at most {MOST_SOURCE:,} characters.", path, step)
        return
    try:
        compile_prompt(text, None, path)
    except Refused as error:
        for problem in error.problems:
            if problem.code == "template_forbidden":
                yield Problem(problem.code, problem.message, path, step, line=problem.line)
