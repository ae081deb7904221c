"""Why nobody knows what a run may cost: what has no price or no bound, and so where one has to be given."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.core.plan import Plan, PlanStep, Rung
from orchestration.core.proof.bound import Bound
from orchestration.core.wording import counted


@dataclass(frozen=True, slots=True)
class Gap:
    """`kind`: model, prompt or workflow; `name` is that of the model, the step or the called workflow in the definition, and
    `title` what people call it. `provider`: where a model's price may stand, "" where there is no such provider. Of kind `since`
    it was missing when a version was proved, and is there by now."""

    kind: str
    name: str = ""
    title: str = ""
    provider: str = ""

    @property
    def said(self) -> str:
        if self.kind == "since":
            return "a price was missing when it was published"
        if self.kind == "prompt":
            return f"the prompt of {self.title} has no cap on its tokens"
        return f"the {self.kind} {self.title} has no price"

    @property
    def short(self) -> str:
        if self.kind == "since":
            return "publish it again to count it"
        if self.kind == "prompt":
            return f"{self.title}: no cap on its prompt"
        return f"{self.name if self.kind == 'model' else self.title} has no price"


def gaps(plan: Plan, worst: Mapping[str, Any]) -> tuple[Gap, ...]:
    """`worst` as in a proof. None where the cost is known."""
    if worst["cost_usd"] is not None:
        return ()
    open_ = [plan.steps[line["step"]] for line in worst["derivation"] if line["cost_usd"] is None and line["step"] in plan.steps]
    return tuple(dict.fromkeys(gap for step in open_ for gap in _of(plan, step))) or (Gap("since"),)


def short(found: tuple[Gap, ...]) -> str:
    """On one line: the first, and how many more there are."""
    if not found:
        return ""
    return found[0].short + (f", and {counted(len(found) - 1, 'more reason')}" if found[1:] else "")


def _of(plan: Plan, step: PlanStep) -> Iterator[Gap]:
    called = step.fan.called if step.fan is not None else None
    if called is not None and Bound._make(called.bound).cost_usd is None:  # type: ignore[arg-type]
        yield Gap("workflow", called.workflow, called.title or called.workflow)
    yield from _asking(plan, step, step.rungs)
    for rung in step.rungs:
        if rung.step is not None and (other := plan.steps.get(rung.step)) is not None:
            yield from _asking(plan, other, other.rungs[:1])  # in its place it climbs no further


def _asking(plan: Plan, step: PlanStep, rungs: Iterable[Rung]) -> Iterator[Gap]:
    if step.type != "llm":
        return
    for model in (rung.model for rung in rungs):
        if model is not None and model.price is None:
            provider = model.provider if model.provider in plan.catalog.providers else ""
            yield Gap("model", model.name, f"{model.name} ({model.model})" if model.model else model.name, provider)
    if step.model.max_input_tokens is None:
        yield Gap("prompt", step.id, step.label)
