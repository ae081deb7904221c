"""Trying a step: what its form opens with, and what came of it, ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from dashboard import conversation, decision_card
from dashboard.conversation import Shown
from dashboard.decision_card import Card
from dashboard.outline import target
from orchestration import samples
from orchestration.core.contract import example
from orchestration.core.errors import EvaluationError
from orchestration.core.plan import Plan, PlanStep
from orchestration.queries.dossier import root_of
from orchestration.queries.records import CallView

ALONE = ("llm", "tool", "branch", "set", "wait", "end")
"""The types of steps that can be tried by themselves."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tried:
    """`seconds` is what it took in all; `tokens` and `cost` (nano-dollars) are the sums over its calls. `state`: whether the
    output met its contract."""

    kind: str
    error: Mapping[str, Any]
    problems: tuple[Mapping[str, Any], ...]
    output: Any
    card: Card | None
    calls: tuple[Shown, ...]
    tokens_in: int
    tokens_out: int
    cost: int
    seconds: float
    contract: bool


def choices(plan: Plan) -> tuple[PlanStep, ...]:
    return tuple(step for step in plan.steps.values() if step.type in ALONE)


def opening(plan: Plan, step: PlanStep) -> Any:
    """An input to begin with: its own for a step that calls, else the state that it reads. Made from the contracts, and from the
    first example of a sample."""
    env = _environment(plan, step)
    if step.type not in ("llm", "tool"):
        return {name: env[name] for name in ("run", "steps", "carry", "item", "index") if name in env}
    if step.input is not None:
        try:
            return step.input.evaluate({**env, "iter": {"index": 1}, "error": {"code": "", "message": "", "step": ""}})
        except EvaluationError:
            return example(step.input.schema) or {}
    return example(step.expects.schema) if step.expects else {}


def _environment(plan: Plan, step: PlanStep) -> dict[str, Any]:
    paths = [read.path for use in step.uses for read in use.reads]
    named = dict.fromkeys(path[1] for path in paths if path[0] == "steps" and len(path) > 1)
    given = next((each["input"] for each in samples.examples(plan.definition.id)), None)
    run_input = given if given is not None else example(plan.input.schema) if plan.input else {}
    env: dict[str, Any] = {
        "run": {"input": run_input},
        "steps": {name: example(plan.steps[name].output_schema) for name in named if name in plan.steps},
    }
    if any(path[0] == "carry" for path in paths):
        inner = next((plan.steps[level].loop for level in plan.chain(step.level) if level and plan.steps[level].loop), None)
        env["carry"] = example(inner.carry_schema) if inner else {}
    if any(path[0] in ("item", "index") for path in paths):
        over = next((fan.over for level in plan.chain(step.level) if level and (fan := plan.steps[level].fan) and fan.over), None)
        item = (over.schema.get("items") if over else None) or {}
        env |= {"item": example(item) if isinstance(item, dict) else None, "index": 0}
    return env


def mocks(step: PlanStep) -> dict[str, Any]:
    """A mocked answer for each tool of the step that is not called in a trial, and for the event that it waits for."""
    if getattr(step.model, "event", None):
        return {step.id: {"output": example(step.output_schema)}}
    tools = [tool for tool in (step.tool, *step.tools) if tool is not None and tool.effect == "irreversible"]
    return {tool.name: {"output": example(tool.output)} for tool in tools}


def alone_not(plan: Plan) -> tuple[PlanStep, ...]:
    """Those that are left out of the choice."""
    return tuple(step for step in plan.steps.values() if step.type not in (*ALONE, "arm"))


def tried(plan: Plan, step: PlanStep, answer: Mapping[str, Any], mocks: Mapping[str, Any], seconds: float) -> Tried:
    result, calls = answer["result"], [_shown(plan, _call(call), mocks) for call in answer["calls"]]
    error = result.get("error") or {}
    decision = answer["decision"]
    return Tried(
        kind=result["kind"],
        error=error,
        problems=tuple(error.get("problems", ())),
        output=answer["output"],
        card=decision_card.card(decision, lambda path: (_source(path), None), lambda to: target(plan, to).name)
        if decision
        else None,
        calls=tuple(calls),
        tokens_in=sum(call.call.tokens_in for call in calls),
        tokens_out=sum(call.call.tokens_out for call in calls),
        cost=sum(call.call.cost for call in calls),
        seconds=seconds,
        contract=result["kind"] == "done" and step.output is not None,
    )


def _shown(plan: Plan, call: CallView, mocks: Mapping[str, Any]) -> Shown:
    """A mocked answer is neither a model's nor a script's. A tool that a model asks for is mocked by its own name alone."""
    part = call.path.rpartition("/")[2]
    name = part.removeprefix("fallback.") if part.startswith("fallback.") else root_of(call.path).rpartition("/")[2]
    by_step = name in mocks and (call.is_model or (name in plan.steps and plan.steps[name].type == "tool"))
    found = conversation.shown(call)
    mocked = by_step or (not call.is_model and call.target in mocks)
    return replace(found, mocked=mocked, scripted=found.scripted and not mocked)


def _source(path: str) -> str:
    return "your input" if path.startswith(("run.", "steps.", "input", "carry", "item", "index")) else "this trial"


def _call(call: Mapping[str, Any]) -> CallView:
    tokens, request = call.get("tokens") or {}, call["request"]
    came = call["response"] is not None or call["error"] is not None
    return CallView(
        path=call["path"],
        visit=1,
        n=call["n"],
        ask=call["n"],
        rung=0,
        kind=call["kind"],
        protocol=request["protocol"],
        target=request["target"],
        effect="none",
        key=call["key"],
        intended=_EPOCH,
        deadline=_EPOCH,
        finished=_EPOCH if came else None,
        tokens_in=tokens.get("in") or 0,
        tokens_out=tokens.get("out") or 0,
        cost=round((call["cost"] or 0) * 1_000_000_000),
        request=request,
        response=call["response"],
        output=None,
        error=call["error"],
        late=None,
    )
