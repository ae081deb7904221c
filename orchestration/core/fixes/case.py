"""What a fix is looked for in, and what one is."""

from typing import Any

from orchestration.core.editing.keys import at, read_key
from orchestration.core.errors import Problem
from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof import WorstCase

Command = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fix:
    """`label` says what it does, as a button does: `Lead it to Done`. The commands are made together."""

    label: str
    commands: tuple[Command, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"label": self.label, "commands": list(self.commands)}


@dataclass(frozen=True, slots=True)
class Case:
    """`step` is None where the problem is the workflow's own."""

    plan: Plan
    worst: WorstCase
    problem: Problem
    step: PlanStep | None

    @property
    def owner(self) -> str:
        """What commands call the place that `key` is in: the step's id, "" for the workflow."""
        return self.step.id if self.step else ""

    @property
    def key(self) -> str:
        """The place of the problem within the step, or within the workflow."""
        return self.problem.path.removeprefix(self.step.place).lstrip(".") if self.step else self.problem.path

    @property
    def value(self) -> Any:
        """What is written there, None where nothing is."""
        found: Any = self.plan.definition.data
        for part in read_key(self.problem.path):
            found = at(found, part)
        return found

    def put(self, label: str, value: Any, key: str | None = None) -> Fix:
        return Fix(label, (put(self.owner, self.key if key is None else key, value),))

    def take(self, label: str, *keys: str) -> Fix:
        """Takes away what stands at `keys`, at the problem's own place without."""
        return Fix(label, tuple(take(self.owner, key) for key in keys or (self.key,)))


def put(step: str, key: str, value: Any) -> Command:
    return {"do": "set", "step": step, "key": key, "value": value}


def take(step: str, key: str) -> Command:
    return {"do": "unset", "step": step, "key": key}


def above(key: str) -> str:
    """`catch[0].errors` → `catch[0]`."""
    return key[: max(key.rfind("."), key.rfind("["))]
