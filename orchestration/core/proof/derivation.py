"""The worst case in words: one line for each step on the worst paths, which add up to it, quantity by quantity."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from orchestration.core.definition import MAX_TOOL_CALLS_PER_ROUND
from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.bound import NANO, Bound, at_once, tool_call, wait_of
from orchestration.core.wording import listed


@dataclass(frozen=True, slots=True)
class Line:
    """`times`: how often a run comes to the step at most. The rest is for all of these together, each quantity on the path that
    is worst for it, so that it adds up over the lines; tokens and dollars None where unknown."""

    step: str
    title: str
    times: int
    executions: int
    calls: int
    tokens: int | None
    cost_usd: float | None
    seconds: float
    waiting: float
    human: float
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}  # type: ignore[attr-defined]


def derive(plan: Plan, paths: Mapping[str, Counter[str]], own: Mapping[str, Bound], under: str = "") -> tuple[Line, ...]:
    """The lines, in the order of the definition. `paths`: for each quantity, how often its worst path comes to each step.
    `under`: the limits that may have child runs run one after another."""
    in_turn = f"one after another, since {under} may leave no room for more at once" if under else ""
    return tuple(_lines(plan, paths, own, in_turn))


def _lines(plan: Plan, paths: Mapping[str, Counter[str]], own: Mapping[str, Bound], in_turn: str) -> Iterator[Line]:
    most: Counter[str] = Counter()
    for path in paths.values():
        most |= path
    for step in plan.steps.values():
        if not (times := most[step.id]):
            continue
        mine = own[step.id]
        come = {name: getattr(mine, name) * path[step.id] for name, path in paths.items()}
        open_price = bool(mine.unpriced or mine.uncapped)
        if any(come.values()) or open_price:
            yield Line(
                step.id,
                step.label,
                times,
                come["executions"],
                come["calls"],
                None if mine.uncapped else come["tokens"],
                None if open_price else come["cost"] / NANO,
                come["seconds"],
                come["waiting"],
                come["human"],
                _sentence(plan, step, times, most, mine * times, in_turn),
            )


def _sentence(plan: Plan, step: PlanStep, times: int, path: Counter[str], come: Bound, in_turn: str) -> str:
    words = _visit(plan, step, times, path, in_turn if at_once(step) else "")
    if come.calls:
        priced = come.model_calls and come.cost_usd is not None
        cost = f", {money(come.cost)}" if priced else ""
        words += f" = {_count(come.calls, 'call')}, {duration(come.seconds)}{cost} at most"
        words += ", at an unknown price" if come.cost_usd is None else ""
    if come.waiting and step.type != "wait":
        words += f"; {duration(come.waiting)} between tries at most"
    if come.doubts:
        words += f"; {_doubt(plan, come)}"
    return f"{step.label}: {words}."


def _doubt(plan: Plan, come: Bound) -> str:
    often = "" if come.doubts == 1 else f", up to {come.doubts} times"
    deadline = plan.workflow.escalation.deadline
    limit = f"who has {duration(deadline)}" if deadline else "without a deadline"
    return f"where nobody knows whether it happened, a person is asked, {limit}{often}"


def _visit(plan: Plan, step: PlanStep, times: int, path: Counter[str], in_turn: str) -> str:
    often = f"{times} × " if times > 1 else ""
    if step.type == "loop":
        rounds = f"at most {_count(step.model.max, 'round')} of {_count(sum(1 for n in plan.levels[step.id] if path[n]), 'step')}"
        return f"{often}({rounds})" if often else rounds
    if step.type == "map":
        steps = _count(sum(1 for n in plan.levels[step.id] if path[n]), "step")
        items = f"at most {_count(step.model.max_items, 'item')} of {steps}, {in_turn or f'{step.model.concurrency} at once'}"
        return f"{often}({items})" if often else items
    if step.type == "workflow":
        return f"{often}a run of {step.model.workflow}{f', its child runs {in_turn}' if in_turn else ''}"
    if step.type == "parallel":
        arms = f"{_count(len(step.model.branches), 'arm')}{f', {in_turn}' if in_turn else ' at once'}"
        return f"{often}({arms})" if often else arms
    if step.type == "human":
        return f"{often}waits for a person, {duration(step.model.deadline)} at most"
    if step.type == "wait":
        return (
            f"{often}waits {f'for {step.model.event}' if step.model.event else 'for a moment'}, {duration(wait_of(step))} at most"
        )
    if step.type not in ("llm", "tool"):
        return f"{often}1 step" if often else "1 step"
    first = _rounds(step) if step.tools else _asks(step)
    below = [f"{rung.model.name} ({_asks(step)})" for rung in step.rungs[1:] if rung.model and not step.tools]
    below += [f"{plan.steps[rung.step].label} in its place" for rung in step.rungs if rung.step and rung.step in plan.steps]
    whole = ", then ".join([first, *below])
    return f"{often}({whole})" if often and whole != "1 ask" else f"{often}{whole}"


def _rounds(step: PlanStep) -> str:
    most, models = step.model.max_rounds or 1, [rung.model.name for rung in step.rungs if rung.model is not None]
    shared = f" over {listed(models, join='and')} together" if len(models) > 1 else ""
    retries = (step.model.retry.attempts - 1) * min(most, len(models))
    rounds = " + ".join([f"{_count(most, 'round')}{shared}", *([_count(retries, "retry")] if retries else [])])
    parts = [f"{_count(most + retries, 'ask')} × {duration(step.timeout)}"]
    if most > 1:
        one = tool_call(step)
        asking = ", asking each time whether it happened" if one.calls > 1 else ""
        parts.append(f"{most - 1} × {MAX_TOOL_CALLS_PER_ROUND} tool calls × {duration(one.seconds)}{asking}")
    return f"{rounds}, {' + '.join(parts)}"


def _asks(step: PlanStep) -> str:
    model, parts = step.model, ["1 ask"]
    if model.repair.attempts:
        parts.append(_count(model.repair.attempts, "repair"))
    if model.retry.attempts > 1:
        parts.append(_count(model.retry.attempts - 1, "retry"))
    if step.tool is not None and step.tool.effect == "reconcilable":
        parts.append("asking each time whether it happened")
    return " + ".join(parts)


def _count(number: int, word: str) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number} retries" if word == "retry" else f"{number} {word}s"


def duration(seconds: float) -> str:
    """`2 days`, `1 h 30 min`, `45 s`: two parts at most."""
    units = (("day", 86400), ("h", 3600), ("min", 60))
    for index, (unit, size) in enumerate(units):
        if seconds >= size:
            whole, rest = divmod(round(seconds), size)
            first = _count(whole, unit) if unit == "day" else f"{whole} {unit}"
            below, smaller = units[index + 1] if index + 1 < len(units) else ("s", 1)
            return f"{first} {rest // smaller} {below}" if rest // smaller else first
    return f"{seconds:g} s"


def money(nano: int) -> str:
    """Dollars for people: cents, or as many digits as a small sum needs, never as a power of ten."""
    dollars = Decimal(f"{nano / NANO:.4g}") if nano < NANO else Decimal(nano) / NANO
    places = max(2, -int(dollars.normalize().as_tuple().exponent)) if 0 < dollars < 1 else 2
    return f"${dollars:,.{places}f}"
