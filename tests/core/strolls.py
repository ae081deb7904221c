"""A run in memory: the core's decisions one after another over scripted results, with the state folded from what was decided."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestration.core import decision as deciding
from orchestration.core import state
from orchestration.core.decision import Decision
from orchestration.core.errors import ErrorCode
from orchestration.core.plan import Plan
from orchestration.core.position import Position
from orchestration.core.result import Failure, Result
from orchestration.core.state import Record, State
from orchestration.steps import PURE
from tests.core.drawn import Data, planned

INPUT = {"ticket": "T-1", "text": "It is broken"}


def failed(code: str, message: str = "it broke") -> Result:
    return Result.failed(Failure(ErrorCode(code), message))


@dataclass
class Stroll:
    """`results`: what the visits of a step come back with, in order; the last one for all that follow. `decisions` and
    `paths` are what was decided, and where; `records` what the fold needs of it."""

    plan: Plan
    results: Mapping[str, list[Result]]
    input: Any = field(default_factory=lambda: dict(INPUT))
    decisions: list[Decision] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [record.path for record in self.records]

    @property
    def sentences(self) -> list[str]:
        return [taken.sentence for taken in self.decisions]

    @property
    def rules(self) -> list[str]:
        return [taken.rule for taken in self.decisions]

    @property
    def last(self) -> Decision:
        return self.decisions[-1]

    @property
    def state(self) -> State:
        return state.fold(self.input, self.records)

    def go(self, most: int = 200) -> "Stroll":
        position = Position(step=self.plan.workflow.start)
        left = {name: iter(results) for name, results in self.results.items()}
        while len(self.decisions) < most:
            step = self.plan.steps[position.step]
            if step.type == "loop" and position.close is None:
                entered = deciding.enter(self.plan, position, self.environment(position))
                if isinstance(entered, Position):
                    position = entered
                    continue
                result = Result.failed(entered)
            else:
                result = self.result(position, left)
            env = self.environment(position)
            if result.failure is None:
                env["steps"][step.id] = result.output
            taken = deciding.decide(self.plan, position, result, env)
            self.note(position, result, taken)
            if taken.kind in ("finish", "escalate"):
                return self
            assert taken.position is not None
            position = taken.position
        raise AssertionError(f"it did not end: {self.paths}")

    def result(self, position: Position, left: Mapping[str, Iterator[Result]]) -> Result:
        step = self.plan.steps[position.step]
        if step.id in left:
            found = next(left[step.id], None)
            return found if found is not None else self.results[step.id][-1]
        if step.type == "loop":
            return deciding.loop_result(self.plan, position, self.environment(position))
        if step.type in PURE:
            return PURE[step.type](step, self.environment(position))[1]
        raise AssertionError(f"nothing is scripted for {step.id}")

    def environment(self, position: Position) -> dict[str, Any]:
        """Folded anew each time: there is no other state."""
        levels = {name: found.level for name, found in self.plan.steps.items()}
        names = state.names_for(self.plan.steps, levels, position)
        found = self.state
        there = {step: found.outputs[(scope, step)].value for scope, step in names if (scope, step) in found.outputs}
        return state.environment("run1", self.input, position, there)

    def note(self, position: Position, result: Result, taken: Decision) -> None:
        self.decisions.append(taken)
        step = self.plan.steps[position.step]
        writes = (position.scope, step.id) if result.failure is None and step.type not in ("branch", "end") else None
        self.records.append(
            Record(len(self.records) + 1, position.path, position.number, result.output, writes, taken.to, taken.position)
        )


def stroll(definition: Data, input: Any = None, **results: list[Result] | Result) -> Stroll:
    """The definition from start to end. It must be sound."""
    plan = planned(definition)
    assert plan.ok, [problem.message for problem in plan.problems]
    listed = {name: found if isinstance(found, list) else [found] for name, found in results.items()}
    return Stroll(plan, listed, {**INPUT, **(input or {})}).go()
