"""What the texts of a step that asks a model may read, how long they are, and what they change in those that runs follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboard.schema_words import FieldWords
from dashboard.schema_words import fields as words_of
from dashboard.text_diff import Line, text_diff
from orchestration.core.editing.draft import Draft
from orchestration.core.matching import matched
from orchestration.core.plan import Plan, PlanStep
from orchestration.llm.tokens import estimate

Json = dict[str, Any]
TEXTS = {"prompt": "prompt", "system": "system text"}
"""Keys of the texts of a step that asks a model, and what people call them."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text of the step that is not as it was published."""

    what: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Prompting:
    """`variables`: of the step's own input, all that its texts may read. `tokens` of the texts as they stand, an estimate that is
    rather too high; `cap` of the whole question, None where there is none."""

    variables: tuple[FieldWords, ...]
    tokens: int
    cap: int | None
    rewritten: tuple[Rewritten, ...] = ()


def prompting(plan: Plan, step: PlanStep, published: Json | None) -> Prompting | None:
    """None where a step asks no model. `published` is the definition that runs follow, None where there is none."""
    if step.type != "llm":
        return None
    given = words_of(dict(step.input.schema)) if step.input else ()
    texts = tuple(_rewritten(plan, step, published)) if published else ()
    return Prompting(given, estimate(step.model.system + step.model.prompt), step.model.max_input_tokens, texts)


def _rewritten(plan: Plan, step: PlanStep, published: Json) -> Iterator[Rewritten]:
    """Nothing of a step that is new, or asked no model."""
    old = Draft(published)
    name = next((one for one, two in matched(old, Draft(plan.definition.data)).items() if two == step.id), "")
    was = old.ids().get(name)
    if was is None or was.type != "llm":
        return
    for key, what in TEXTS.items():
        lines = text_diff(was.step.get(key) or "", getattr(step.model, key))
        if lines:
            yield Rewritten(what, lines)
