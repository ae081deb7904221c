"""Where a step leads, and should not or does not."""

from collections.abc import Callable, Iterator

from orchestration.core.fixes.case import Case, Command, Fix, above, put, take
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.routes import ENDS
from orchestration.core.wording import nearest

Mend = Callable[[Case], Iterator[Fix]]
_MAY_BE_ABSENT = ("on_unknown", "on_exhausted", "on_stalled", "limits.on_breach", "catch", "fallback")
"""Routes, or lists of them, without which a step still is one. Without `next` another problem would take this one's place."""


def _connect(case: Case, to: str) -> Command:
    return {"do": "connect", "step": case.owner, "route": case.key or "next", "to": to}


def _lead(case: Case, to: str) -> Fix:
    return Fix(f"Lead it to {case.plan.steps[to].label}", (_connect(case, to),))


def _away(case: Case) -> Iterator[Fix]:
    """Takes a route away, where that leaves nothing open."""
    head = case.key.split("[")[0]
    if case.key.startswith("cases["):
        if len(case.step.model.cases if case.step else ()) > 1:
            yield case.take("Take this case away", above(case.key))
    elif head in _MAY_BE_ABSENT:
        yield case.take("Take this route away", above(case.key) if "[" in case.key else case.key)


def _ends(plan: Plan, level: str) -> Iterator[PlanStep]:
    for name in plan.levels[level]:
        if plan.steps[name].type == "end":
            yield plan.steps[name]


def _new_end(case: Case, outcome: str, route: str) -> Fix:
    found = case.plan.workflow.outcomes[outcome]
    step = {"type": "end", "outcome": outcome, "title": found.title or outcome.replace("_", " ").capitalize()}
    command: Command = {"do": "add", "step": step, "into": "", "before": None, "from": {"step": case.owner, "route": route}}
    return Fix(f"Add an end as {step['title']}", (command,))


def _elsewhere(case: Case) -> Iterator[Fix]:
    """To what stands after it, or to an end; for the start, to what stands first."""
    level = case.plan.levels[case.step.level if case.step else ""]
    after = level[level.index(case.step.id) + 1 :][:1] if case.step else level[:1]
    ends = [end.id for end in _ends(case.plan, case.step.level) if end.id not in after][:1] if case.step else []
    for name in (*after, *ends):
        if _may_lead(case, name):
            yield _lead(case, name)


def _or_elsewhere(mend: Mend) -> Mend:
    """Where nothing is meant in particular, something that works."""

    def both(case: Case) -> Iterator[Fix]:
        found = list(mend(case))
        yield from found or _elsewhere(case)

    return both


def _unknown_step(case: Case) -> Iterator[Fix]:
    level = case.step.level if case.step else ""
    to, route = str(case.value), not case.key.startswith("fallback")
    if to in case.plan.workflow.outcomes and route and not level:
        for end in _ends(case.plan, level):
            if end.model.outcome == to and end.id != case.owner:
                yield _lead(case, end.id)
                break
        else:
            yield _new_end(case, to, case.key)
    elif (near := nearest(to, [name for name in case.plan.levels[level] if _may_lead(case, name)])) is not None:
        yield _lead(case, near)
    yield from _away(case)


def _may_lead(case: Case, to: str) -> bool:
    """Whether a route of the problem's step to `to` leads forward."""
    return case.step is None or (to != case.step.id and case.step.id not in _reached(case.plan, to))


def _reached(plan: Plan, start: str) -> set[str]:
    found, open_ = {start}, [start]
    while open_:
        step = plan.steps[open_.pop()]
        new = {way.to for way in step.exits if way.to in plan.steps} - found
        found |= new
        open_.extend(new)
    return found


def _no_exit(case: Case) -> Iterator[Fix]:
    """`next` is not there yet."""
    assert case.step is not None
    ends = [end.model.outcome for end in _ends(case.plan, case.step.level)]
    yield from _elsewhere(case)
    outcomes = case.plan.workflow.outcomes.items()
    successes = [name for name, found in outcomes if found.kind == "success" and not ends]
    if successes:
        yield _new_end(case, successes[0], "next")


def _late(case: Case) -> Iterator[Fix]:
    """Where nobody answers: to an end that is a failure. In a body there is none."""
    if case.key != "on_deadline" or case.step is None or case.step.level:
        return
    kinds = {name: found.kind for name, found in case.plan.workflow.outcomes.items()}
    ends = [end.id for end in _ends(case.plan, "") if kinds.get(end.model.outcome) == "failure"]
    yield from (_lead(case, name) for name in ends[:1])
    if not ends and kinds.get(case.plan.workflow.on_failure) == "failure":
        yield _new_end(case, case.plan.workflow.on_failure, case.key)


def _wrong_level(case: Case) -> Iterator[Fix]:
    target = case.plan.steps.get(str(case.value))
    level = case.step.level if case.step else ""
    if target is None or case.key.startswith("fallback") or case.step is None:
        yield from _away(case)
        return
    chain = _containers(case.plan, target)
    if level in ("", *chain):
        outermost = next(name for name in chain if case.plan.steps[name].level == level)
        if _may_lead(case, outermost):
            yield _lead(case, outermost)
    else:
        yield _leave(case, case.plan.steps[level])
    yield from _away(case)


def _leave(case: Case, around: PlanStep) -> Fix:
    """Out of what the step stands in."""
    words = {"loop": f"Leave {around.label}", "map": "End the item"}.get(around.type, "End the arm")
    return Fix(words, (_connect(case, ENDS[around.type][0]),))


def _outside_loop(case: Case) -> Iterator[Fix]:
    if case.step is not None and case.step.level:
        yield _leave(case, case.plan.steps[case.step.level])
    yield from _away(case)


def _containers(plan: Plan, step: PlanStep) -> list[str]:
    found, level = [], step.level
    while level:
        found.append(level)
        level = plan.steps[level].level
    return found


def _unreachable(case: Case) -> Iterator[Fix]:
    assert case.step is not None
    level = case.plan.levels[case.step.level]
    if len(level) > 1:
        yield Fix(f"Remove {case.step.label}", ({"do": "remove", "steps": [case.step.id]},))


def _bad_fallback(case: Case) -> Iterator[Fix]:
    yield case.take("Take this fallback away", above(case.key))


def _shadowed_case(case: Case) -> Iterator[Fix]:
    assert case.step is not None
    if len(case.step.model.cases) > 1:
        yield case.take("Remove this case", above(case.key))


def _shadowed_catch(case: Case) -> Iterator[Fix]:
    yield case.take("Remove this catch")


def _catch_unknown(case: Case) -> Iterator[Fix]:
    """What it was meant to take goes the way that there is for it."""
    assert case.step is not None
    errors = [code for code in case.value or () if code != "unknown"]
    commands: list[Command] = []
    if case.step.type in ("llm", "tool") and case.step.model.on_unknown is None:
        at = int(case.key.split("[")[1].split("]")[0])
        commands.append(put(case.owner, "on_unknown", case.step.model.catch[at].to))
    commands.append(put(case.owner, case.key, errors) if errors else take(case.owner, above(case.key)))
    yield Fix("Lead it there in on_unknown" if len(commands) == 2 else "Take unknown out of it", tuple(commands))


BY_CODE: dict[str, Mend] = {
    "unfinished": _late,
    "unknown_step": _or_elsewhere(_unknown_step),
    "no_exit": _no_exit,
    "wrong_level": _wrong_level,
    "outside_loop": _or_elsewhere(_outside_loop),
    "cycle": _or_elsewhere(_away),
    "unreachable": _unreachable,
    "bad_fallback": _bad_fallback,
    "shadowed_case": _shadowed_case,
    "shadowed_catch": _shadowed_catch,
    "catch_unknown": _catch_unknown,
}
