"""What each step may fail with, and where each failure goes. Together they say that no failure is without a place to go.

A step fails with what the last rung of its ladder fails with: the first catch that takes it, else the container's, else the
workflow's `on_failure`. A container that goes on without an item or an arm takes what that fails with, and fails itself only
where too few are done. An unknown effect is not caught: it goes to `on_unknown`, else to a person.
"""

from collections.abc import Iterator
from typing import NamedTuple

from orchestration.core.errors import ErrorCode, Problem
from orchestration.core.plan import PlanStep
from orchestration.core.plan.enough import leaves_out, passes_on
from orchestration.core.proof.bound import UNSURE
from orchestration.core.proof.graph import Graph, at, taken
from orchestration.core.wording import listed

PERSON = "escalation"
_LISTED = tuple(ErrorCode)
_CALL = frozenset(
    (
        ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED, ErrorCode.AUTH, ErrorCode.NOT_FOUND,
        ErrorCode.REFUSED, ErrorCode.INVALID_OUTPUT, ErrorCode.TOO_LARGE, ErrorCode.EXPRESSION,
    )
)  # fmt: skip


class ErrorRoute(NamedTuple):
    """`to` is a step, an outcome (by `on_failure`), or `escalation`: a person is asked. A step that `step` stands in goes on
    without it. `rule` is its place."""

    step: str
    code: str
    to: str
    rule: str


class Failures:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.plan = graph, graph.plan
        self._codes: dict[str, frozenset[ErrorCode]] = {}
        self._caught: dict[str, dict[str, tuple[str, str]]] = {}

    def routes(self) -> Iterator[ErrorRoute]:
        """Where each failure of each step goes, in the order of the definition and of the list of errors."""
        for step in self.plan.steps.values():
            codes = self.codes(step)
            for code in _LISTED:
                if code in codes:
                    to, rule = self.route(step, code)
                    yield ErrorRoute(step.id, code.value, to, rule)

    def codes(self, step: PlanStep) -> frozenset[ErrorCode]:
        """What a visit of the step may fail with, its ladder used up."""
        if step.id not in self._codes:
            self._codes[step.id] = frozenset(self._find(step))
        return self._codes[step.id]

    def _find(self, step: PlanStep) -> Iterator[ErrorCode]:
        if step.uses or step.checks or getattr(step.model, "until", None) is not None:  # which may lie too far ahead
            yield ErrorCode.EXPRESSION
        if step.model.expects is not None:
            yield ErrorCode.REFUSED
        if step.type == "workflow":  # whatever the called run has failed with
            yield from (code for code in ErrorCode if code != ErrorCode.UNKNOWN)
        if step.output is not None and step.type in ("set", "end", "wait"):
            yield ErrorCode.INVALID_OUTPUT
        if step.type in ("llm", "tool"):
            yield from self._ladder(step)
        if step.id in self.graph.levels:
            yield from self._container(step)

    def _ladder(self, step: PlanStep) -> Iterator[ErrorCode]:
        yield ErrorCode.EXPRESSION
        own = self._rung(step)
        if ErrorCode.UNKNOWN in own:
            yield ErrorCode.UNKNOWN  # there is no fallback after it
        for index, rung in enumerate(step.rungs):
            other = self.plan.steps.get(rung.step or "")
            found = self._in_place(other) if other else own
            if index == len(step.rungs) - 1:
                yield from found
            elif ErrorCode.UNKNOWN in found:
                yield ErrorCode.UNKNOWN
            if rung.step and step.output is not None:
                yield ErrorCode.INVALID_OUTPUT

    def _in_place(self, step: PlanStep) -> frozenset[ErrorCode]:
        """What a step gives up with that runs in place of another: no fallback to a further step is followed."""
        found = self._rung(step) if step.type in ("llm", "tool") else self.codes(step)
        return found | {ErrorCode.EXPRESSION} if step.uses else found

    @staticmethod
    def _rung(step: PlanStep) -> frozenset[ErrorCode]:
        """What one rung's own calls may fail with."""
        found = set(_CALL)
        if step.type == "tool":
            found.add(ErrorCode.TOOL_ERROR)
        if step.tools:
            found.add(ErrorCode.LIMIT)
        if _leaves_doubt(step):
            found.add(ErrorCode.UNKNOWN)
        return frozenset(found)

    def _container(self, step: PlanStep) -> Iterator[ErrorCode]:
        if step.fan is not None:
            yield from self._fan(step)
            return
        if step.loop and (_endless(step, "progress", "on_stalled") or _endless(step, "until", "on_exhausted")):
            yield ErrorCode.LIMIT
        yield from self._uncaught(step)

    def _fan(self, step: PlanStep) -> Iterator[ErrorCode]:
        """What its children pass on, if it may fail by them at all. That they fail otherwise is that somebody stopped one."""
        if step.type == "map":
            yield from (ErrorCode.EXPRESSION, ErrorCode.LIMIT, ErrorCode.TOO_LARGE)
        if passes_on(step):
            yield ErrorCode.REFUSED
            yield from self._uncaught(step)

    def _uncaught(self, container: PlanStep) -> Iterator[ErrorCode]:
        """What the steps in its body fail with and don't catch."""
        for name in self.plan.levels[container.id]:
            inner = self.plan.steps[name]
            if name in self.graph.reached:
                yield from (code for code in self.codes(inner) if self._catch(inner, code) is None and code != ErrorCode.UNKNOWN)

    def _catch(self, step: PlanStep, code: ErrorCode) -> tuple[str, str] | None:
        if step.id not in self._caught:
            self._caught[step.id] = {each: (found.to, found.path) for found, codes in taken(step) for each in codes}
        caught = self._caught[step.id]
        return None if code == ErrorCode.UNKNOWN else caught.get(code) or caught.get("*")

    def route(self, step: PlanStep, code: ErrorCode) -> tuple[str, str]:
        """Where a failure ends up: through the containers around the step, as far as nothing catches it."""
        if code == ErrorCode.UNKNOWN:
            decides = step if step.id in self.graph.reached else next(iter(self._hosts(step)), step)
            named = next((found for found in decides.exits if found.kind == "unknown"), None)
            return (named.to, named.path) if named else (PERSON, PERSON)
        if caught := self._catch(step, code):
            return caught
        if step.id not in self.graph.reached and (hosts := self.graph.hosts.get(step.id)):
            return hosts[0], f"{self.plan.steps[hosts[0]].place}.fallback"
        if step.level:
            return self._outward(self.plan.steps[step.level], code)
        return self.plan.workflow.on_failure, "on_failure"

    def _outward(self, around: PlanStep, code: ErrorCode) -> tuple[str, str]:
        """Where it goes from a body that nothing in it caught it in."""
        if around.fan is not None and leaves_out(around):
            return around.id, f"{around.place}.{'join' if around.type == 'parallel' else 'on_item_error'}"
        return self.route(around, code)

    def asking(self) -> Iterator[PlanStep]:
        """The steps of which a person may be asked whether they happened: no step is named for that. What a model asked for is
        a person's in any case."""
        for step in self.plan.steps.values():
            by_route = [step] if step.id in self.graph.reached else []
            deciding = [*by_route, *self._hosts(step)]
            if _leaves_doubt(step) and any(step.tools or each.model.on_unknown is None for each in deciding):
                yield step

    def _hosts(self, step: PlanStep) -> list[PlanStep]:
        """The steps that it may answer in place of."""
        return [self.plan.steps[name] for name in self.graph.hosts.get(step.id, ()) if name in self.graph.reached]

    def uncaught(self, step: PlanStep) -> bool:
        """Whether some failure of the step is its container's."""
        return any(self._catch(step, code) is None for code in self.codes(step) if code != ErrorCode.UNKNOWN)


def _leaves_doubt(step: PlanStep) -> bool:
    """Whether nobody may know of one of its calls whether it happened."""
    return any(tool.effect in UNSURE for tool in (*step.tools, *([step.tool] if step.tool else ())))


def _endless(step: PlanStep, rule: str, way_on: str) -> bool:
    return getattr(step.model, rule) is not None and getattr(step.model, way_on) is None


def check(graph: Graph, failures: Failures) -> Iterator[Problem]:
    for step in graph.plan.steps.values():
        yield from _catches(step)
        unknown = next((found for found in step.exits if found.kind == "unknown"), None)
        if unknown and ErrorCode.UNKNOWN not in failures.codes(step):
            message = f"{step.label} always knows whether it happened, so on_unknown is never taken. Remove it."
            yield at(step, "never_taken", message, "on_unknown", "warning")


def _catches(step: PlanStep) -> Iterator[Problem]:
    live = {found.path for found, _ in taken(step)}
    for index, catch in enumerate(getattr(step.model, "catch", ())):
        key = f"catch[{index}]"
        if "unknown" in catch.errors:
            message = f"{step.label} catches unknown, which no catch takes: nobody knows whether it happened. "
            message += "Name a step in on_unknown." if "on_unknown" in type(step.model).model_fields else "Remove it here."
            yield at(step, "catch_unknown", message, f"{key}.errors")
        elif f"{step.place}.{key}.to" not in live:
            codes = listed(catch.errors, join="and")
            message = f"An earlier catch of {step.label} takes {codes} already. Move this one up, or remove it."
            yield at(step, "shadowed_catch", message, key, "warning")
