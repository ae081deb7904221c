"""The sentences of decisions: one way to say each, the same on screens, in the API and in exports.

Each is complete, in the past tense, names steps by their titles, and gives the values that mattered.
"""

import re
from typing import TYPE_CHECKING, Any

from orchestration.core.limits import most
from orchestration.core.proof.derivation import duration, money
from orchestration.core.routes import BREAK, CONTINUE
from orchestration.core.wording import Sized, abbreviate, item_at, listed

if TYPE_CHECKING:
    from orchestration.core.plan import Plan, PlanStep
    from orchestration.core.position import Fan, Frame
    from orchestration.core.result import Came, Failure, Result

_SHOWN = 80
"""Characters of a text that a sentence shows."""


def name(plan: "Plan", to: str, step: "PlanStep | None" = None) -> str:
    """How a target is called: a step's title, an outcome's, or the words for `break` and `continue` where `step` goes there."""
    if to == BREAK:
        return "the end of the loop"
    if to == CONTINUE:
        return f"the end of the {_part(plan, step)}"
    if to in plan.steps:
        label = plan.steps[to].label
        return f"“{label}”" if label[-1] in "?!." else label  # a title that ends a sentence would end ours
    outcome = plan.workflow.outcomes.get(to)
    return (outcome.title or to.replace("_", " ")) if outcome else to


def name_in(step: "PlanStep", outcome: str) -> str:
    """How an outcome is called by the workflow that the step calls."""
    called = step.fan.called if step.fan is not None else None
    return (called.titles.get(outcome) if called is not None else None) or outcome.replace("_", " ")


def show(value: Any) -> str:
    """A value as a person would read it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list) and value and not any(isinstance(item, list | dict) for item in value):
        return listed([show(item) for item in value], most=6)
    if isinstance(value, Sized):
        return f"{'an' if value.startswith('object') else 'a'} {value}"
    if isinstance(value, str):
        return f"“{value}”" if len(value) <= _SHOWN else f"“{value[:_SHOWN]}…”"
    return str(value) if isinstance(value, int) else abbreviate(value)


def _part(plan: "Plan", step: "PlanStep | None") -> str:
    """What the body in which a step stands is one of."""
    around = plan.steps[step.level].type if step is not None and step.level else "loop"
    return {"map": "item", "arm": "arm"}.get(around, "round")


def _way(plan: "Plan", step: "PlanStep", to: str, verb: str = "Went on to") -> str:
    if to in (CONTINUE, BREAK):
        return "Left the loop" if to == BREAK else f"Ended the {_part(plan, step)}"
    return f"{verb} {name(plan, to)}"


def went(plan: "Plan", step: "PlanStep", to: str, note: str = "", checks: int = 0) -> str:
    """`checks` of the step held."""
    words = _way(plan, step, to)
    held = {0: "", 1: "; its check held", 2: "; both checks held"}.get(checks, f"; all {checks} checks held")
    return f"{note}{words}{held}."


def degraded(plan: "Plan", step: "PlanStep", result: "Result") -> str:
    return f"{step.label} was answered by a fallback. "


def ended(plan: "Plan", outcome: str) -> str:
    kind = plan.workflow.outcomes[outcome].kind
    return f"The run ended as {name(plan, outcome)}, a {kind}."


_HELD = {">=": "at least {}", ">": "above {}", "<=": "at most {}", "<": "below {}", "!=": "not {}", "in": "one of {}"}
_MISSED = {">=": "below {}", ">": "not above {}", "<=": "above {}", "<": "not below {}", "==": "not {}", "in": "not one of {}"}
"""What is said of a comparison's right side; nothing where the value alone says it."""


def comparisons(explained: dict[str, Any], held: bool) -> str:
    """The comparisons that made a condition (not) hold, with their values: `confidence was 0.62 (below 0.8)`."""
    said = [_compared(item, held) for item in explained["comparisons"] if item["held"] is held]
    if not said:
        said = [f"{short(o['path'])} was {show(o['value']) if o['present'] else 'absent'}" for o in explained["operands"]]
    more = f" (and {len(said) - 3} more)" if len(said) > 3 else ""
    return listed(said[:3], join="and") + more


def _compared(item: dict[str, Any], held: bool) -> str:
    left = short(item["text"].partition(f" {item['op']} ")[0])
    beside = (_HELD if held else _MISSED).get(item["op"], "").format(show(item["right"]))
    return f"{left} was {show(item['left'])}" + (f" ({beside})" if beside else "")


_ROOTS = re.compile(r"\b(?:steps|run\.input)\.(?=[a-z_])")


def short(path: str) -> str:
    """`steps.classify.confidence` → `classify.confidence`, `run.input.text` → `text`, inside of calls too."""
    return _ROOTS.sub("", path.strip())


def case(plan: "Plan", step: "PlanStep", case: Any, explained: dict[str, Any]) -> str:
    why = comparisons(explained, True)
    label = f" ({case.label})" if case.label else ""
    to = name(plan, case.to, step)
    return f"Went to {to}{label} because {why}." if why else f"Went to {to}{label}."


def default(plan: "Plan", step: "PlanStep", tried: list[dict[str, Any]]) -> str:
    why = "; ".join(filter(None, (comparisons(item, False) for item in tried[:3])))
    to = name(plan, step.model.default, step)
    return f"Went to {to} because {why}." if why else f"Went to {to}: no case held."


def action(plan: "Plan", step: "PlanStep", action: Any, by: str) -> str:
    return f"Went to {name(plan, action.to, step)} because {by} chose “{action.label}”."


def overdue(plan: "Plan", step: "PlanStep", to: str) -> str:
    return f"Went to {name(plan, to, step)} because nobody answered {step.label} in time."


def waited(plan: "Plan", step: "PlanStep", to: str, given: dict[str, Any], came: "Came | None") -> str:
    """What a wait waited for has come."""
    where = _way(plan, step, to)
    if came is None:
        return f"{where} because {given['until']} had come."
    if came.waited < 0:
        return f"{where} because {came.name} had come already, {duration(round(-came.waited))} before."
    when = f"{duration(round(came.waited))} after it began to wait" if came.waited >= 1 else "as soon as it began to wait"
    return f"{where} because {came.name} came, {when}."


def expired(plan: "Plan", step: "PlanStep", given: dict[str, Any], to: str) -> str:
    what = given.get("event") or given["until"]
    where = _way(plan, step, to, "Went to")
    return f"{where} because {what} had not come after {duration(step.model.deadline)}."


def failed(plan: "Plan", step: "PlanStep", failure: "Failure") -> str:
    message = failure.message if len(failure.message) <= 200 else failure.message[:200] + "…"
    return f"{step.label} failed with {failure.code.value}: {message.rstrip('.')}."


def caught(plan: "Plan", step: "PlanStep", failure: "Failure", to: str) -> str:
    return f"Went to {name(plan, to, step)} because {failed(plan, step, failure)[:-1]}."


def uncaught(plan: "Plan", step: "PlanStep", failure: "Failure", container: str) -> str:
    return f"{failed(plan, step, failure)} Nothing in the body catches that, so {name(plan, container)} failed."


def unknown(plan: "Plan", step: "PlanStep", failure: "Failure") -> str:
    return f"Asked a person whether {step.label} happened, since {failure.message.rstrip('.')}."


def returned(plan: "Plan", inner: str, outer: "PlanStep", result: "Result") -> str:
    if result.failure is None:
        return f"{name(plan, inner)} answered in place of {outer.label}."
    return f"{name(plan, inner)}, in place of {outer.label}, failed with {result.failure.code.value}."


def _progress(series: tuple[float, ...]) -> str:
    return f"; progress {' → '.join(f'{value:.10g}' for value in series[-4:])}" if series else ""


def again(plan: "Plan", step: "PlanStep", frame: "Frame", until: dict[str, Any] | None, series: tuple[float, ...]) -> str:
    why = f" because {comparisons(until, False)}" if until else ""
    return f"Began round {frame.round + 1} of at most {step.model.max} of {step.label}{why}{_progress(series)}."


def until(plan: "Plan", step: "PlanStep", frame: "Frame", explained: dict[str, Any]) -> str:
    return f"{step.label} was done after round {frame.round} because {comparisons(explained, True)}."


def stalled(plan: "Plan", step: "PlanStep", frame: "Frame", series: tuple[float, ...]) -> str:
    return f"{step.label} stopped after round {frame.round} because it made no progress: {series[-2]:.10g} → {series[-1]:.10g}."


def exhausted(plan: "Plan", step: "PlanStep", frame: "Frame", until: dict[str, Any] | None) -> str:
    why = f": {comparisons(until, False)}" if until else ""
    return f"{step.label} stopped after round {frame.round} of {step.model.max}, its last{why}."


def round_failed(plan: "Plan", step: "PlanStep", frame: "Frame", failure: "Failure") -> str:
    return f"{step.label} failed {failure.message.rstrip('.')}."


def left(plan: "Plan", step: "PlanStep", frame: "Frame", reason: str, to: str) -> str:
    words = {"until": "was done", "break": "was left", "stalled": "stalled", "exhausted": "used up its rounds"}[reason]
    return f"Went to {name(plan, to)} after {frame.round} round{'s' if frame.round > 1 else ''}: {step.label} {words}."


def no_way_on(plan: "Plan", step: "PlanStep", frame: "Frame", reason: str) -> str:
    words = "it made no progress" if reason == "stalled" else f"it was not done after round {frame.round}, its last"
    return f"{words}, and on_{reason} names no step"


def child(step: "PlanStep", frame: "Frame") -> str:
    """How an item or an arm is called in a sentence: the third `item 3 of Each`, an arm `the arm Legal`."""
    return f"the arm {step.label}" if frame.kind == "arm" else f"{item_at(frame.round)} of {step.label}"


def ended_child(plan: "Plan", step: "PlanStep", frame: "Frame") -> str:
    words = child(step, frame)
    return f"{words[0].upper()}{words[1:]} was done."


def failed_child(plan: "Plan", step: "PlanStep", failure: "Failure", frame: "Frame") -> str:
    return f"{failed(plan, step, failure)} Nothing in the body catches that, so {child(plan.steps[frame.step], frame)} failed."


def joined(step: "PlanStep", fan: "Fan", result: "Result") -> str:
    """What became of the items or the arms, or of the called workflow."""
    if step.type == "workflow":
        return f"{step.model.workflow} ended as {name_in(step, result.output['outcome'])}. "
    what = "item" if step.type == "map" else "arm"
    if fan.total == fan.done:
        every = {0: f"There was no {what}", 1: f"The one {what} was done"}.get(fan.total, f"All {fan.total} {what}s were done")
        return f"{every}. "
    parts = [f"{number} {word}" for number, word in ((fan.failed, "failed"), (fan.cancelled, "cancelled")) if number]
    unbegun = [f"{fan.total - fan.begun} not begun"] if fan.total > fan.begun else []
    return f"{fan.done} of {fan.total} {what}s were done, {listed([*parts, *unbegun], join='and')}. "


def breach(plan: "Plan", limit: str, spent: Any) -> str:
    allowed = most(plan, spent, limit) or 0
    if limit == "cost_usd":
        return f"The next call could cost more than is left of {money(round(allowed))}: {money(spent.cost)} is spent."
    if limit == "steps":
        return f"All {allowed:.0f} steps that the run may take are taken."
    return f"{spent.seconds:.0f} s of machine time are spent, of {allowed:.0f} s at most."


def lifted(limit: str, by: str) -> str:
    words = {"cost_usd": "on what it may cost", "steps": "on its steps", "machine_time": "on its machine time"}
    return f"{by} lifted the limit {words[limit]}."


def to_breach(plan: "Plan", words: str, to: str) -> str:
    return f"{words} Went to {name(plan, to)}."
