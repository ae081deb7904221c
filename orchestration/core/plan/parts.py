"""What a plan is made of. Frozen; the engine, the proof and the pages read it, and nobody writes it."""

from collections.abc import Mapping
from typing import Any, Literal

from orchestration.core.catalog import Called, Catalog, Price, Tool
from orchestration.core.contract import Contract
from orchestration.core.definition import Definition
from orchestration.core.errors import Problem
from orchestration.core.expression import Condition, Read, Value
from orchestration.core.frozen import dataclass
from orchestration.core.prompt_text import PromptText
from orchestration.core.routes import CONTINUE, Exit

Moment = Literal["enter", "leave", "round"]


@dataclass(frozen=True, slots=True)
class Use:
    """`broken`: it could not be compiled, and `reads` are the steps that it names."""

    path: str
    moment: Moment
    reads: tuple[Read, ...]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """One model of the definition's `models`, resolved. `price` None: dollars are unknown."""

    name: str
    provider: str
    protocol: str
    model: str
    params: Mapping[str, Any]
    price: Price | None


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of a ladder: this step's own call (on `model`, for an `llm`), or another step in its place."""

    model: ModelPlan | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Loop:
    carry: Value | None
    update: Value | None
    until: Condition | None
    progress: Value | None
    output: Value | None
    carry_schema: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fan:
    """What a step runs in child runs: for each item of a list, each of its arms, or a called workflow. `over`: the list; `arms`:
    their ids; `called`: None where there is no such version."""

    over: Value | None = None
    arms: tuple[str, ...] = ()
    called: Called | None = None


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step, compiled. Which of the optional parts are there depends on its type."""

    id: str
    type: str
    place: str
    level: str
    model: Any
    exits: tuple[Exit, ...]
    uses: tuple[Use, ...]
    fingerprint: str
    output_schema: dict[str, Any]
    output: Contract | None = None
    expects: Contract | None = None
    input: Value | None = None
    values: Value | None = None
    show: Value | None = None
    prompt: PromptText | None = None
    system: PromptText | None = None
    checks: tuple[Condition, ...] = ()
    cases: tuple[Condition, ...] = ()
    rungs: tuple[Rung, ...] = ()
    tool: Tool | None = None
    tools: tuple[Tool, ...] = ()
    loop: Loop | None = None
    fan: Fan | None = None
    gives: Value | None = None
    """What an item of a map, or an arm, gives at its end."""
    needs: frozenset[str] = frozenset()
    """Names of the steps whose outputs it reads."""

    @property
    def label(self) -> str:
        return str(self.model.label)

    @property
    def roots(self) -> frozenset[str]:
        """What it reads of all that is in sight; `run` and `steps` in any case. `expects` is about these."""
        return frozenset(("run", "steps", *(str(read.path[0]) for use in self.uses for read in use.reads)))

    @property
    def timeout(self) -> float:
        """Seconds that one call of it may take in all."""
        own = getattr(self.model, "timeout", None)
        return float(own or (self.tool.timeout if self.tool else 60.0))


@dataclass(frozen=True, slots=True)
class Plan:
    definition: Definition
    catalog: Catalog
    steps: Mapping[str, PlanStep]
    levels: Mapping[str, tuple[str, ...]]
    """Level → the ids of its steps, in the order written; the first of a body is where a round begins."""
    level_of: Mapping[str, str]
    """Step → its level."""
    models: Mapping[str, ModelPlan]
    input: Contract | None
    problems: tuple[Problem, ...] = ()

    @property
    def workflow(self) -> Any:
        return self.definition.workflow

    @property
    def ok(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)

    def first(self, level: str) -> str:
        return str(self.workflow.start) if level == "" else self.levels[level][0]

    def entries(self, level: str) -> tuple[str, ...]:
        """The steps of a body that are come to first: all arms of a `parallel`, else one."""
        return self.levels[level] if self.steps[level].type == "parallel" else self.levels[level][:1]

    def last(self, level: str) -> tuple[str, ...]:
        """The steps by which an item or an arm may end well, and all arms of a `parallel`: what they give, it gives."""
        if self.steps[level].type in ("parallel", "workflow"):
            return self.levels.get(level, ())
        return tuple(
            name
            for name in self.levels[level]
            if any(found.to == CONTINUE and not found.abnormal for found in self.steps[name].exits)
        )

    def chain(self, level: str) -> tuple[str, ...]:
        """`level` and the levels around it, innermost first, the root last."""
        found = [level]
        while level:
            level = self.steps[level].level
            found.append(level)
        return tuple(found)
