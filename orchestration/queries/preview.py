"""What a step of a draft would see and do in a run that is recorded, without a call: for who draws it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from orchestration.core import decision, prompt
from orchestration.core.errors import EvaluationError
from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.position import Frame, Position
from orchestration.core.prompt import Message
from orchestration.core.result import Failure, Result
from orchestration.core.state import environment
from orchestration.core.transition import Decision
from orchestration.models import Run, StepRecord
from orchestration.queries import around
from orchestration.queries.records import state_at
from orchestration.record.pack import unpack_all
from orchestration.steps.llm import prompt_tokens


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit of a step in a recorded run, by which a draft can be looked at."""

    run: str
    seq: int
    path: str
    at: datetime

    @property
    def name(self) -> str:
        return f"{self.run}.{self.seq}"


@dataclass(frozen=True, slots=True)
class Preview:
    """`given`: what it would be given, or compute. For a model the exact `messages` of the first ask, and about how many `tokens`
    these and its tools are; for a branch the `decision`. `error`: why it would fail before it did anything, "" where not."""

    visit: Visit
    given: Any = None
    messages: tuple[Message, ...] = ()
    tokens: int = 0
    decision: Decision | None = None
    error: str = ""


def visits(workflow: str, step: str, limit: int = 20) -> tuple[Visit, ...]:
    """The latest visits of a step in runs of the workflow, of child runs too, in whatever version. One query."""
    return _latest(_visits(workflow, step), limit)


def outputs(workflow: str, step: str, limit: int = 20) -> tuple[Visit, ...]:
    """Of these, the ones that gave something. One query."""
    return _latest(_visits(workflow, step).exclude(output="null"), limit)


def output(visit: Visit) -> Any:
    """What the step gave there. Two queries at most."""
    return unpack_all(StepRecord.objects.filter(run_id=visit.run, seq=visit.seq).values_list("output", flat=True))[0]


def _visits(workflow: str, step: str) -> "QuerySet[StepRecord]":
    own = Q(path=step) | Q(path__endswith=f"/{step}")
    return StepRecord.objects.filter(own, run__workflow_id=workflow, step=step)


def _latest(found: "QuerySet[StepRecord]", limit: int) -> tuple[Visit, ...]:
    return tuple(Visit(*row) for row in found.order_by("-id").values_list("run_id", "seq", "path", "finished")[:limit])


def preview(plan: Plan, step: PlanStep, visit: Visit) -> Preview:
    """What the step, as it is drawn now, would see where `visit` was. Six queries, and one for each output from around a child
    run. Raises `NotFound`."""
    names = [name.partition("[")[0] for name in visit.path.split("/")[:-1]]
    if names != [name for name in reversed(plan.chain(step.level)) if name and plan.steps[name].type != "parallel"]:
        return Preview(visit, error=f"{step.label} stands in other containers here than it did in that run.")
    try:
        env, position = _sight(plan, step, visit)
        if step.type == "branch":
            return Preview(visit, decision=decision.decide(plan, position, Result.done(None), env))
        given = _given(step, env)
        if step.prompt is None:
            return Preview(visit, given)
    except EvaluationError as error:
        return Preview(visit, error=str(error))
    try:
        asked = prompt.messages(step, given)
    except EvaluationError as error:
        return Preview(visit, given, error=str(error))
    return Preview(visit, given, asked, prompt_tokens(step, asked))


def _given(step: PlanStep, env: Mapping[str, Any]) -> Any:
    """Its input, or what it computes: the first of these that it has."""
    over = step.fan.over if step.fan else None
    computes = next((value for value in (step.input, step.values, step.show, over) if value is not None), None)
    return computes.evaluate(env) if computes is not None else {}


def _sight(plan: Plan, step: PlanStep, visit: Visit) -> tuple[dict[str, Any], Position]:
    """What expressions see there, and where that is. Outputs that were not there are left out, as in a run. Raises
    `EvaluationError` where a loop around it can't be entered."""
    before = state_at(visit.run, visit.seq - 1)
    names = visit.path.split("/")[:-1]
    scopes = {"": ""} | {name.partition("[")[0]: "/".join(names[:number]) for number, name in enumerate(names, 1)}
    around_it = [name.partition("[")[0] for name in names]
    needs = {
        name: plan.level_of[name] for each in (*around_it, step.id) for name in plan.steps[each].needs if name in plan.level_of
    }
    keys = {name: (scopes[level], name) for name, level in needs.items() if level in scopes}
    own = {name: before.outputs[key].value for name, key in keys.items() if key in before.outputs}
    outside = around.seen(visit.run, visit.path, {name: level for name, level in needs.items() if name not in own})
    outputs = {**(outside.outputs if outside else {}), **own}
    run, given, about = (outside.run, _input(outside.run), outside.about) if outside else (visit.run, before.input, {})
    position = before.position or Position(step.id, frames=_first_frames(plan, names))
    for name in around_it[len(position.frames) :]:
        entered = decision.enter(plan, position.at(name), environment(run, given, position, outputs, about))
        if isinstance(entered, Failure):
            raise EvaluationError(entered.message)
        position = entered
    return environment(run, given, position, outputs, about), position.at(step.id)


def _input(run: str) -> Any:
    return unpack_all(Run.objects.filter(id=run).values_list("input", flat=True))[0]


def _first_frames(plan: Plan, names: list[str]) -> tuple[Frame, ...]:
    """Those that a child run begins in: down to its own item or arm."""
    kinds = {"map": "item", "arm": "arm", "loop": "loop"}
    frames = []
    for name in names:
        step, _, number = name.rstrip("]").partition("[")
        frames.append(Frame(step, int(number or 0), kind=kinds[plan.steps[step].type]))  # type: ignore[arg-type]
    while frames and frames[-1].kind == "loop":
        frames.pop()
    return tuple(frames)
