"""What becomes of a step that fails, in one sentence: what is tried, then where each error leads."""

from collections.abc import Iterator, Mapping

from dashboard.outline import Route, error_routes
from orchestration.core.plan import Plan, PlanStep, Rung
from orchestration.core.proof.derivation import duration


def failing(plan: Plan, step: PlanStep, errors: Mapping[str, str]) -> str:
    """`errors`: where each goes, as the proof has it, so that the sentence says what the draft does, and not what is written."""
    tried, led = ", ".join(_tried(plan, step)), list(_led(error_routes(plan, step, errors)))
    if not led:
        return _sentence(tried) if tried else "Nothing in it can fail."
    return _sentence("; ".join([*([tried, f"then {led[0]}"] if tried else led[:1]), *led[1:]]))


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _tried(plan: Plan, step: PlanStep) -> Iterator[str]:
    model = step.model
    if not step.rungs:
        return
    if "timeout" in model.model_fields_set:
        yield f"waits at most {duration(step.timeout)}"
    if model.repair.attempts:
        yield f"asks {_times(model.repair.attempts)} more where the answer is wrong"
    if (more := model.retry.attempts - 1) > 0:
        again, first = "asks again" if step.type == "llm" else "tries again", ", first" if more > 1 else ""
        yield f"{again} {_times(more)}{first} after {duration(model.retry.backoff)}"
    yield from (f"then {_stands_in(plan, rung)}" for rung in step.rungs[1:])


def _times(number: int) -> str:
    return "once" if number == 1 else f"up to {number} times"


def _stands_in(plan: Plan, rung: Rung) -> str:
    if rung.step is not None:
        found = plan.steps.get(rung.step)
        return f"takes {found.label if found else rung.step} instead"
    return f"asks {rung.model.name if rung.model else 'another model'} instead"


_WAYS = {
    "step": "leads to {}", "round": "leads to {}", "break": "leaves the loop", "around": "ends there, and {}",
    "person": "asks a person", "success": "ends as {}", "failure": "ends as {}",
}  # fmt: skip


def _led(routes: Iterator[Route]) -> Iterator[str]:
    for route in routes:
        cause = route.words.removeprefix("on ")
        way = _WAYS[route.to.kind].format(route.to.name)
        yield f"{cause}, it {way}" if cause.startswith(("if ", "where ")) else f"{cause} {way}"
