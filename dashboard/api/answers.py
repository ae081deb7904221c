"""What comes back, for the description alone: a model for each shape of `shape`. Nothing is sent through them, so that an answer
costs what it costs to write it; the tests hold every answer they get beside what is said here. A key without a default is always
there; one with a default may be missing.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from orchestration.core.errors import Severity

T = TypeVar("T")
Money = float
"""Dollars."""


class Id(BaseModel):
    """Of what was started, or kept."""

    id: str


class Fix(BaseModel):
    """What would mend a problem of a draft: `commands` as `…/edit` takes them."""

    label: str
    commands: list[dict[str, Any]]


class Trouble(BaseModel):
    """One thing that is wrong: `code` is stable, `path` a dotted place in what was sent, `message` says what to do."""

    code: str
    severity: Severity
    step: str | None
    path: str
    message: str
    line: int | None
    fixes: list[Fix] = []


class Refusal(BaseModel, extra="allow"):
    """Problem details (RFC 9457). `code` is stable. A conflict says besides who was first: `by`, `at`, `state`, `revision`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    problems: list[Trouble] = Field(default_factory=list)


class Listed(BaseModel, Generic[T]):
    """A page of a list. `next` is what to send as `after` for the page that follows, null at the end."""

    items: list[T]
    next: str | None


# Runs

Status = Literal["ready", "held", "waiting", "succeeded", "failed", "cancelled", "quarantined"]


class Awaits(BaseModel):
    """The event that continues a run."""

    event: str
    correlation: str | int | float | bool | None


class RunHead(BaseModel):
    """`outcome` is the named end, `position` the path of the step it stands at, `escalation` the open one's id, `schedule` that
    of the schedule that started it. One that waits for an event or a moment does so `since` then, and is `due` at its deadline,
    or when the moment comes; `awaits` is null once the event has come. A child run is part of its `parent`: the item or the arm
    of the step at `path` that has this `index`, which counts from 0."""

    id: str
    workflow: str
    version: int
    status: Status
    wait: str | None
    outcome: str | None
    position: str | None
    revision: int
    seq: int
    escalation: str | None
    cost: Money
    key: str | None
    labels: dict[str, str | int | float | bool]
    created: datetime
    created_by: str
    schedule: str | None
    started: datetime | None
    ended: datetime | None
    due: datetime | None
    awaits: Awaits | None
    since: datetime | None
    parent: str | None
    path: str | None
    index: int | None
    output: Any
    error: dict[str, Any] | None


class RunItem(RunHead):
    """`truncated` names what is too large for a list, and stands with the run alone."""

    truncated: list[str]


class Children(BaseModel):
    """How many child runs there are in all, how many of each status, and how many of them wait for a `person`."""

    total: int
    ready: int
    held: int
    waiting: int
    succeeded: int
    failed: int
    cancelled: int
    quarantined: int
    person: int


class Run(RunHead):
    """`mended` are places of the input at which what can't be kept was replaced. `restored`: the run was restored from a backup,
    and this is the seq of its first record since; what it did in between is lost. `children` is null where it has none."""

    input: Any
    mended: list[str] = Field(default_factory=list)
    spent: dict[str, Any]
    children: Children | None
    restored: int | None


class Sent(BaseModel):
    """`run` is the one that goes on with the event; null where nobody waited for it, and it is kept for one that comes to."""

    id: str
    run: str | None
    kept_until: datetime | None


class KeptEvent(BaseModel):
    """An event that no run has taken yet. `payload` is null where it is too large for a list; `truncated` names it then, and it
    stands with the event alone. `mended`: places of the payload where characters that can't be kept were replaced."""

    id: str
    name: str
    correlation: str | int | float | bool | None
    payload: Any
    by: str
    received: datetime
    kept_until: datetime
    mended: list[str] = Field(default_factory=list)
    truncated: list[str]


class Cancelled(Run):
    """`asked`: a worker holds the run, and stops it with its next commit."""

    cancel: Literal["cancelled", "asked"]


class Tokens(BaseModel):
    in_: int = Field(alias="in")
    out: int


class Tried(BaseModel):
    """One request as it was sent, and its answer as it came."""

    path: str
    n: int
    kind: str
    key: str
    request: dict[str, Any]
    response: dict[str, Any] | None
    error: dict[str, Any] | None
    tokens: Tokens | None
    cost: Money | None


class Resent(BaseModel):
    """When a call was sent again, and what had become of the worker that had sent it: no answer of it was recorded. It may have
    been answered all the same, so `cost` holds what it may have cost at most."""

    at: datetime
    because: str


class Call(Tried):
    """`finished` is null as long as nobody has recorded an answer; `late` one that came too late to count. `resent`: it was sent
    again."""

    visit: int
    protocol: str
    target: str
    effect: str
    tokens: Tokens
    cost: Money
    intended: datetime
    resent: list[Resent] = Field(default_factory=list)
    finished: datetime | None
    late: Any = None


class Result(BaseModel):
    """What a visit came back with. `event` is what a wait took: `{id, by, received, waited}`, of which `waited` are the seconds
    that it had waited by then, less than none where the event came first. `mended` as with a run."""

    kind: str
    error: dict[str, Any] | None = None
    degraded: bool = False
    event: dict[str, Any] | None = None
    mended: list[str] = Field(default_factory=list)


class Decision(BaseModel, extra="allow"):
    """Where the run went, the place in the definition that says so, and the values that it rested on."""

    to: str
    rule: str
    because: list[dict[str, Any]]
    sentence: str


class Record(BaseModel):
    """One visit of a step."""

    seq: int
    step: str
    path: str
    visit: int
    type: str
    input: Any
    output: Any
    result: Result
    decision: Decision
    calls: list[Call]
    fingerprints: dict[str, Any]
    state_hash: str
    queued: datetime | None
    started: datetime | None
    finished: datetime | None
    tokens: Tokens
    cost: Money
    actor: str | None


class Records(Listed[Record]):
    """`open`, on the last page, are the calls of the visit that is not over."""

    open: list[Call]


class State(BaseModel):
    """What had been written at `seq`, by step and by scope, and where the run stood."""

    seq: int
    hash: str
    position: str | None
    run: dict[str, Any]
    steps: dict[str, Any]
    scopes: dict[str, dict[str, Any]]
    carry: dict[str, Any]


class Trial(BaseModel):
    """What came of one step alone."""

    result: Result
    output: Any
    decision: Decision | None
    calls: list[Tried]


# People


class Escalation(BaseModel):
    """`revision` is the run's: who answers says which one they saw. `parent` is the run that this run is a part of, if it is a
    child run, and `index` which of its items or arms."""

    id: str
    run: str
    workflow: str
    version: int
    kind: str
    step: str
    path: str
    title: str
    about: str
    status: Literal["open", "claimed", "resolved", "expired", "cancelled"]
    queue: str
    priority: int
    revision: int
    parent: str | None
    index: int | None
    created: datetime
    due: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    resolved: datetime | None
    resolved_by: str | None


class Action(BaseModel, extra="allow"):
    id: str
    label: str
    form: Literal["required", "ignored"]


class Good(BaseModel):
    step: str
    path: str
    seq: int
    value: Any


class EscalationWhole(Escalation):
    """With its dossier: why it stopped, the form as a JSON Schema and what it opens with, what was tried, what was last good."""

    reason: dict[str, Any]
    form: dict[str, Any]
    values: Any
    show: dict[str, Any]
    actions: list[Action]
    draft: dict[str, Any] | None
    answer: dict[str, Any] | None
    tried: list[Call]
    last_good: Good | None
    messages: list[dict[str, Any]] | None
    raw_answer: str | None


class Resolved(EscalationWhole):
    action: str


class Preview(BaseModel):
    """What is wrong with an answer, or where the run would go."""

    problems: list[Trouble]
    to: str | None
    outcome: str | None
    sentence: str | None
