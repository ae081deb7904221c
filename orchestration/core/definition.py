"""What an admin draws: the models of the definition format (DESIGN.md 4), and the doors in.

`parse(text)` and `from_data(data)` give a `Definition` or raise `Refused` with a problem for each wrong place. A
`Definition` keeps the plain data it came from (`data`): that is what is hashed, stored and written out again; the models
are its typed view. What can't be seen from one place alone (references, reachability, types) is `core/proof`'s.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from orchestration.core import values
from orchestration.core.errors import Problem, Refused
from orchestration.core.fields import (
    CatchCode,
    Condition,
    Duration,
    Effect,
    EventName,
    Id,
    LaterRef,
    Model,
    Need,
    Ref,
    RetryCode,
    Schema,
    StepId,
    Title,
    VersionRef,
)
from orchestration.core.frozen import dataclass
from orchestration.core.misfits import explain
from orchestration.core.source import Source, join_path, read
from orchestration.core.wording import abbreviate

FORMAT = 1
MAX_TOOL_CALLS_PER_ROUND = 16
"""Tools that a model may ask for at once. The engine enforces it, and the worst case counts on it."""
PRIORITIES = {"low": -1, "normal": 0, "high": 1, "urgent": 2}
MOST_PRIORITY = 1000


class Retry(Model):
    """`attempts` counts the first. The k-th wait is backoff·factor^(k-1), at most `max_backoff`, never less than asked for."""

    attempts: int = Field(default=1, ge=1, le=20)
    errors: tuple[RetryCode, ...] = Field(default=("timeout", "unavailable", "rate_limited"), strict=False)
    backoff: Duration = 1.0
    factor: float = Field(default=2.0, ge=1, le=10, strict=False)
    max_backoff: Duration = 60.0


class Repair(Model):
    attempts: int = Field(default=0, ge=0, le=10)


class Catch(Model):
    errors: tuple[CatchCode, ...] = Field(min_length=1, strict=False)
    to: Ref


class Check(Model):
    that: Condition
    else_: Annotated[str, Field(alias="else", max_length=500)]


class Fallback(Model):
    """Another model, or another step that runs in place; one of the two."""

    model: Ref | None = None
    step: Ref | None = None

    def model_post_init(self, _: Any) -> None:
        if (self.model is None) == (self.step is None):
            raise ValueError("a fallback names either a model or a step")


class Labelled:
    """What people call something that has an id, and may have a title."""

    id: str
    title: str

    @property
    def label(self) -> str:
        return self.title or self.id.replace("_", " ").capitalize()


class StepBase(Labelled, Model):
    id: StepId
    title: Title = ""
    note: str = Field(default="", max_length=5000)
    expects: Schema | None = None


class CallStep(StepBase):
    """What `llm` and `tool` share: the ladder."""

    input: dict[str, Any] = Field(default_factory=dict)
    output: Schema | None = None
    checks: tuple[Check, ...] = Field(default=(), strict=False)
    repair: Repair = Repair()
    retry: Retry = Retry()
    fallback: tuple[Fallback, ...] = Field(default=(), strict=False, max_length=10)
    catch: tuple[Catch, ...] = Field(default=(), strict=False)
    on_unknown: Ref | None = None
    next: Ref | None = None


class LlmStep(CallStep):
    type: Literal["llm"]
    model: Ref
    system: str = Field(default="", max_length=200_000)
    prompt: str = Field(max_length=200_000)
    params: dict[str, Any] = Field(default_factory=dict)
    max_input_tokens: int | None = Field(default=None, ge=1, le=10_000_000)
    max_output_tokens: int = Field(default=1024, ge=1, le=1_000_000)
    tools: tuple[Ref, ...] = Field(default=(), strict=False, max_length=64)
    max_rounds: int | None = Field(default=None, ge=1, le=100)
    timeout: Duration = 60.0


class ToolStep(CallStep):
    type: Literal["tool"]
    tool: LaterRef
    timeout: Duration | None = None


class Case(Model):
    when: Condition
    to: Ref
    label: Title = ""


class BranchStep(StepBase):
    type: Literal["branch"]
    cases: tuple[Case, ...] = Field(strict=False, min_length=1, max_length=100)
    default: Ref
    catch: tuple[Catch, ...] = Field(default=(), strict=False)


class SetStep(StepBase):
    type: Literal["set"]
    values: dict[str, Any]
    output: Schema | None = None
    catch: tuple[Catch, ...] = Field(default=(), strict=False)
    next: Ref | None = None


class ContainerStep(StepBase):
    catch: tuple[Catch, ...] = Field(default=(), strict=False)
    next: Ref | None = None


class LoopStep(ContainerStep):
    type: Literal["loop"]
    body: tuple["Step", ...] = Field(min_length=1, strict=False)
    max: int = Field(ge=1, le=10_000)
    carry: dict[str, Any] = Field(default_factory=dict)
    update: dict[str, Any] | None = None
    until: Condition | None = None
    progress: str | None = None
    output: Any = None
    on_exhausted: Ref | None = None
    on_stalled: Ref | None = None


class MapStep(ContainerStep):
    type: Literal["map"]
    over: str
    body: tuple["Step", ...] = Field(min_length=1, strict=False)
    max_items: int = Field(ge=1, le=1_000_000)
    concurrency: int = Field(default=10, ge=1, le=10_000)
    need: Need | None = None
    on_item_error: Literal["fail", "skip", "collect"] = "fail"
    output: Any = None


class Arm(Labelled, Model):
    """One arm of a `parallel`: a container, whose id stands among those of the steps. It begins with the first of its body."""

    id: StepId
    title: Title = ""
    note: str = Field(default="", max_length=5000)
    body: tuple["Step", ...] = Field(min_length=1, strict=False)
    output: Any = None

    @property
    def type(self) -> str:
        return "arm"

    @property
    def expects(self) -> None:
        return None


class ParallelStep(ContainerStep):
    type: Literal["parallel"]
    branches: tuple[Arm, ...] = Field(min_length=1, max_length=50, strict=False)
    join: Literal["all", "any"] | int = "all"


class Action(Model):
    id: Id
    label: Title
    to: Ref
    form: Literal["required", "ignored"] = "required"


class HumanStep(StepBase):
    type: Literal["human"]
    form: Schema = Field(default_factory=lambda: {"type": "object", "properties": {}})
    values: dict[str, Any] = Field(default_factory=dict)
    show: dict[str, Any] = Field(default_factory=dict)
    actions: tuple[Action, ...] = Field(strict=False, min_length=1, max_length=12)
    queue: Ref = "default"
    priority: int | str = 0
    deadline: Duration
    on_deadline: LaterRef
    remind: Any = None
    catch: tuple[Catch, ...] = Field(default=(), strict=False)


class WaitStep(StepBase):
    type: Literal["wait"]
    until: Any = None
    event: EventName | None = None
    correlation: Any = None
    output: Schema | None = None
    deadline: Duration | None = None
    on_deadline: Ref | None = None
    catch: tuple[Catch, ...] = Field(default=(), strict=False)
    next: Ref | None = None


class WorkflowStep(StepBase):
    type: Literal["workflow"]
    workflow: VersionRef
    input: dict[str, Any] = Field(default_factory=dict)
    catch: tuple[Catch, ...] = Field(default=(), strict=False)
    next: Ref | None = None


class EndStep(StepBase):
    type: Literal["end"]
    outcome: Ref
    output: Any = None
    catch: tuple[Catch, ...] = Field(default=(), strict=False)


Step = Annotated[
    LlmStep | ToolStep | BranchStep | SetStep | LoopStep | MapStep | ParallelStep | HumanStep | WaitStep | WorkflowStep | EndStep,
    Field(discriminator="type"),
]
for _container in (LoopStep, MapStep, Arm, ParallelStep):
    _container.model_rebuild()  # they hold steps, which are known from here on
CONTAINERS = frozenset({"loop", "map", "parallel", "arm"})
STEP_TYPES = ("llm", "tool", "branch", "set", "loop", "map", "parallel", "human", "wait", "workflow", "end")


class ModelRef(Model):
    """A model by provider. `model` absent: the provider's default. Prices here win over the provider's."""

    provider: Ref
    model: str | None = Field(default=None, max_length=200)
    params: dict[str, Any] = Field(default_factory=dict)
    usd_per_mtok_in: float | None = Field(default=None, ge=0, strict=False)
    usd_per_mtok_out: float | None = Field(default=None, ge=0, strict=False)


class Limits(Model):
    cost_usd: float | None = Field(default=None, gt=0, strict=False)
    machine_time: Duration | None = None
    steps: int | None = Field(default=None, ge=1)
    on_breach: Ref | None = None


class Outcome(Model):
    kind: Literal["success", "failure"]
    title: Title = ""
    output: Schema | None = None


class Escalation(Model):
    queue: Ref = "default"
    deadline: Duration | None = None
    on_deadline: Ref | None = None
    priority: int | str = 0


class HttpCall(Model):
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    url: str = Field(min_length=1, max_length=4000)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None


class ToolDefinition(Model):
    """A workflow's own HTTP tool. `reconcile` is asked after a crash whether a `reconcilable` call happened: 404 is no."""

    title: Title = ""
    description: str = Field(default="", max_length=2000)
    http: HttpCall
    effect: Effect = "irreversible"
    input: Schema = Field(default_factory=dict)
    output: Schema = Field(default_factory=dict)
    timeout: Duration = 10.0
    reconcile: HttpCall | None = None


class Workflow(Model):
    """The whole document."""

    interlock: Literal[1]
    id: Id
    title: Title = ""
    note: str = Field(default="", max_length=20_000)
    input: Schema = Field(default_factory=lambda: {"type": "object"})
    outcomes: dict[Id, Outcome] = Field(min_length=1)
    on_failure: Ref
    escalation: Escalation = Escalation()
    models: dict[Id, ModelRef] = Field(default_factory=dict)
    limits: Limits = Limits()
    tools: dict[Id, ToolDefinition] = Field(default_factory=dict)
    start: Ref
    steps: tuple[Step, ...] = Field(min_length=1, max_length=2000, strict=False)
    layout: Any = None
    tests: Any = None
    index: list[str] = Field(default_factory=list)
    redact: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that can be read. `hash` covers all but the layout; equal hashes mean the same behaviour."""

    workflow: Workflow
    data: dict[str, Any]
    hash: str
    source: Source

    @property
    def id(self) -> str:
        return self.workflow.id


def parse(text: str | bytes) -> Definition:
    """Reads YAML or JSON text. Raises `Refused` (or `Unreadable`) with one problem for each wrong place."""
    return from_source(read(text))


def from_data(data: Any) -> Definition:
    """The same for data that is already plain, as a JSON body holds it."""
    cleaned = values.clean(data)
    if cleaned.marks:
        message = "There is a NUL character or half of a surrogate pair here, which no store can keep. Remove it."
        raise Refused(*(Problem("bad_character", message, mark) for mark in cleaned.marks[:20]))
    return from_source(Source(cleaned.value))


def from_source(source: Source) -> Definition:
    data = source.data
    if not isinstance(data, dict):
        message = "A definition is a mapping that begins with `interlock: 1`."
        raise Refused(Problem("wrong_type", message, "", line=source.line("")))
    written = data.get("interlock", FORMAT)
    if type(written) is not int or written != FORMAT:
        message = f"The format is {abbreviate(written, 20)}; this Interlock reads format {FORMAT}. Write `interlock: {FORMAT}`."
        raise Refused(Problem("format", message, "interlock", line=source.line("interlock")))
    try:
        workflow = Workflow.model_validate(data)
    except ValidationError as error:
        raise Refused(*explain(error, source, Workflow, STEP_TYPES)) from None
    hashed = {key: value for key, value in data.items() if key != "layout"}
    return Definition(workflow, data, values.digest(hashed), source)


def walk(steps: tuple[Any, ...], path: str = "steps") -> Iterator[tuple[str, Any]]:
    """Every step with its place in the document, containers before what they hold."""
    for index, step in enumerate(steps):
        place = join_path(path, index)
        yield place, step
        for key in ("body", "branches"):
            yield from walk(getattr(step, key, ()), f"{place}.{key}")
