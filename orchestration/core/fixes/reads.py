"""What an expression or a prompt reads, and there is nothing of that name."""

import re
from collections.abc import Callable, Iterator

from orchestration.core.cel_spots import Root, Unclear
from orchestration.core.editing.keys import at, read_key
from orchestration.core.editing.mentions import Mention, TooLong, mentions
from orchestration.core.fixes.case import Case, Fix
from orchestration.core.fixes.inputs import given
from orchestration.core.prompt_spots import renamed

_BELOW = re.compile(r'(`[^`]+`|the step\'s input) has no "([^"]+)"; did you mean (\w+)\?')
_FIRST = re.compile(r"`([^`]+)` is not in sight here; did you mean (\w+)\?")


def _misspelt(case: Case) -> Iterator[Fix]:
    """The name that is near, wherever this text reads that place by the wrong one."""
    below, first = _BELOW.search(case.problem.message), _FIRST.search(case.problem.message)
    above, name, near = below.groups() if below else ("", *first.groups()) if first else ("", "", "")
    if not near:
        return
    text, mention = case.value, _mention(case)
    if mention is not None:
        new = _in_expressions(mention, tuple(filter(None, above.strip("`").split("."))), {name: near})
    elif case.step is not None and case.step.type == "llm" and below and isinstance(text, str):
        new = renamed(text, given(case.step), above, name, near)
    else:
        return
    if new != text:
        yield case.put(f"Read {near} instead", new)


def _in_expressions(mention: Mention, root: Root, names: dict[str, str]) -> str:
    try:
        return mention.renamed(names, root).text
    except (Unclear, TooLong):
        return mention.text


def _mention(case: Case) -> Mention | None:
    """The text that has the problem, None where it is a prompt or no text at all."""
    *above, last = read_key(case.problem.path)
    holder = case.plan.definition.data
    for part in above:
        holder = at(holder, part)
    return next((each for each in mentions(case.plan.definition.data) if each.holder is holder and each.key == last), None)


BY_CODE: dict[str, Callable[[Case], Iterator[Fix]]] = {"unknown_reference": _misspelt}
