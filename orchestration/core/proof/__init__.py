"""Publishing is a proof: what is wrong with a plan, that every run ends, where each failure goes, and the worst case.

`prove(plan)` gathers the problems that compiling found and its own, each with a stable code, a place and a sentence.
`ahead(plan)` tells the worst case of what is left of a run.

    graph          routes, levels, circles, what is reached
    names          outcomes, missing exits, unreachable steps, priorities
    support        what can be written and is not done yet
    waits          each is for one thing, and has an end
    assignment     nothing is read that has not been written on every path
    compatibility  contracts across edges
    promises       what is read from answers is in their contracts
    branches       cases that never hold
    effects        what can't be undone, under retries, fallbacks, loops and models; secrets
    outward        where a model could be told to carry private data out
    params         what a model's params say that another key says
    reach          calls that would be refused
    failures       what each step may fail with, and where that goes
    bound          what one visit may come to
    worst_case     what a run may come to
    derivation     that in words
    limits         that beside the workflow's limits
"""

from collections.abc import Iterable
from typing import Any

from orchestration.core.errors import Problem
from orchestration.core.frozen import dataclass, replace
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof import (
    assignment,
    branches,
    compatibility,
    effects,
    failures,
    graph,
    limits,
    names,
    outward,
    params,
    promises,
    reach,
    support,
    waits,
)
from orchestration.core.proof.bound import Bound
from orchestration.core.proof.derivation import Line, derive
from orchestration.core.proof.failures import ErrorRoute, Failures
from orchestration.core.proof.graph import Graph
from orchestration.core.proof.worst_case import WorstCases, with_breach
from orchestration.core.wording import listed

__all__ = ["Bound", "ErrorRoute", "Line", "OpenEnd", "Proof", "WorstCase", "ahead", "of_child", "prove"]


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """What nothing bounds, because a person decides it. `kinds`: `repetition`, that a person may have it done again as often as
    they choose; `wait`, that no deadline is set for the question whether it happened."""

    step: str
    kinds: tuple[str, ...]
    sentence: str

    def as_dict(self) -> dict[str, Any]:
        return {"step": self.step, "kinds": list(self.kinds), "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class WorstCase:
    """`bound` is what no run exceeds by itself: what people have done again, and what a worker that dies makes necessary, comes
    on top. Where a limit may be met, it may also leave no room for child runs at once, so that these count one after another.
    `derivation` adds up to it, but for what limits cut off. `open_ended` is what nothing bounds."""

    bound: Bound
    derivation: tuple[Line, ...]
    open_ended: tuple[OpenEnd, ...]

    def as_dict(self) -> dict[str, Any]:
        bound = self.bound
        return {
            "executions": bound.executions,
            "calls": bound.calls,
            "model_calls": bound.model_calls,
            "tokens_in": None if bound.uncapped else bound.tokens_in,
            "tokens_out": bound.tokens_out,
            "tokens": None if bound.uncapped else bound.tokens,
            "cost_usd": bound.cost_usd,
            "machine_seconds": bound.seconds,
            "waiting_seconds": bound.waiting,
            "human_seconds": bound.human,
            "open_ended": [end.as_dict() for end in self.open_ended],
            "derivation": [line.as_dict() for line in self.derivation],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """Problems stand in the order of the document. A plan may be published if none of them is an error."""

    problems: tuple[Problem, ...]
    worst: WorstCase
    error_routes: tuple[ErrorRoute, ...]

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """The proof for the API. `errors` is step → error → where it goes: a step, one that goes on around it, an outcome, or
        `escalation`."""
        errors: dict[str, dict[str, str]] = {}
        for route in self.error_routes:
            errors.setdefault(route.step, {})[route.code] = route.to
        return {"ok": self.ok, "worst": self.worst.as_dict(), "errors": errors}


_OF_READS = ("unknown_reference", "optional_unguarded", "expression_type")


def prove(plan: Plan) -> Proof:
    """The proof of a plan. It may hold problems; it never raises for a wrong definition. Takes no clock and no chance."""
    routes = graph.build(plan)
    failing = Failures(routes)
    assigned = assignment.Assignment(routes)
    cases = WorstCases(routes, failing)
    error_routes = tuple(failing.routes())
    if any(problem.code == "duplicate_id" for problem in plan.problems):
        # Whichever of the two is meant: what is read and where routes lead is not known.
        alone = [problem for problem in plan.problems if problem.code not in _OF_READS]
        return Proof(_in_order(plan, alone), _worst(routes, failing, cases), error_routes)
    found = [
        *promises.once(plan),
        *routes.problems,
        *names.check(routes, assigned.readers),
        *support.check(routes),
        *waits.check(routes),
        *assignment.check(routes, assigned),
        *compatibility.check(routes),
        *promises.check(routes),
        *branches.check(routes),
        *effects.check(routes),
        *outward.check(routes),
        *params.check(routes),
        *reach.check(routes),
        *failures.check(routes, failing),
        *limits.check(routes, cases.run.bound),
    ]
    return Proof(_in_order(plan, _causes(found, assigned)), _worst(routes, failing, cases), error_routes)


def ahead(plan: Plan) -> WorstCases:
    """What may come until a run of the plan ends, or asks a person: `beyond` tells it from where the run stands. Costs as much as
    a proof at most, for all that is asked of it together."""
    routes = graph.build(plan)
    return WorstCases(routes, Failures(routes), past_people=False)


def of_child(plan: Plan, body: str) -> Bound:
    """What a child run that runs this body may come to: an item of the map, or the arm, of that id."""
    routes = graph.build(plan)
    return WorstCases(routes, Failures(routes)).child(body).bound


def _causes(found: list[Problem], assigned: assignment.Assignment) -> list[Problem]:
    """Without what asks to guard the output of a step that is not there at all: the guard would never hold."""
    gone = [(missing.use.path, f"`steps.{missing.fact}") for missing in assigned.missing if missing.never]
    return [
        problem
        for problem in found
        if problem.code != "optional_unguarded"
        or not any(problem.path.startswith(path) and name in problem.message for path, name in gone)
    ]


def _in_order(plan: Plan, found: Iterable[Problem]) -> tuple[Problem, ...]:
    source = plan.definition.source
    located = [replace(problem, line=problem.line or source.line(problem.path)) for problem in dict.fromkeys(found)]
    order = {name: index for index, name in enumerate(plan.steps)}
    return tuple(sorted(located, key=lambda problem: (problem.line or 0, order.get(problem.step or "", -1))))


def _worst(routes: Graph, failing: Failures, cases: WorstCases) -> WorstCase:
    plan, bound, own = routes.plan, cases.run.bound, cases.own
    under = [f"the limit {limits.ON[name]}" for name, _ in limits.exceeded(plan, bound)]
    if under:
        bound = with_breach(plan, bound, cases.breached().bound).in_turn
        own = {name: each.in_turn for name, each in own.items()}
    ends = tuple(_open_end(plan, step) for step in failing.asking())
    return WorstCase(bound, derive(plan, cases.run.steps(bool(under)), own, listed(under)), ends)


def _open_end(plan: Plan, step: PlanStep) -> OpenEnd:
    words = f"{step.label}: where nobody knows whether it happened, a person may have it done again, as often as they choose"
    if plan.workflow.escalation.deadline is not None:
        return OpenEnd(step.id, ("repetition",), f"{words}.")
    return OpenEnd(step.id, ("repetition", "wait"), f"{words}; and has all the time there is, unless escalation.deadline is set.")
