"""What a commit is made of: rows as plain values, in the order of their columns.

Packed columns hold text already packed; times are aware datetimes in UTC.
"""

from dataclasses import field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from orchestration.core.frozen import dataclass

FORMAT = 2
"""In which form runs are written now: their positions, records and calls. Raised by a release whose runs an older one would
misread; a worker leaves those of a higher number alone. 2: they wait for events and moments."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """The columns of a run that change. `revision` is not among them: every commit raises it by one."""

    status: str
    position: str
    place: str
    seq: int
    fence: int
    holder: str | None
    step_deadline: datetime | None
    due: datetime | None
    wait: str
    suspicion: int
    deaths: int
    spent: str
    cost: int
    asked: str | None
    state_hash: str
    outcome: str
    output: str
    error: str
    started: datetime | None
    ended: datetime | None
    restored: int = 0
    format: int = FORMAT
    awaits: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordRow:
    run_id: str
    seq: int
    step: str
    path: str
    visit: int
    type: str
    scope: str | None
    input: str
    output: str
    result: str
    decision: str
    position: str
    fingerprints: str
    state_hash: str
    queued: datetime | None
    started: datetime
    finished: datetime
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int = 0
    actor: str = ""


@dataclass(frozen=True, slots=True)
class IntentRow:
    """A call before it leaves."""

    run_id: str
    path: str
    visit: int
    n: int
    ask: int
    rung: int
    kind: str
    protocol: str
    target: str
    effect: str
    key: str
    request: str
    reserved: int
    intended: datetime
    deadline: datetime
    response: str = "null"
    output: str = "null"
    error: str = "null"
    late: str = "null"
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What completes a call, once. The last four name it."""

    finished: datetime
    response: str
    output: str
    error: str
    tokens_in: int
    tokens_out: int
    cost: int
    run_id: str
    path: str
    visit: int
    n: int


@dataclass(frozen=True, slots=True)
class ResendingRow:
    """That a call without an answer is sent again. The last four name it."""

    resent: str
    run_id: str
    path: str
    visit: int
    n: int


@dataclass(frozen=True, slots=True)
class EscalationRow:
    id: str
    run_id: str
    kind: str
    step: str
    path: str
    visit: int
    title: str
    about: str
    queue: str
    priority: int
    status: str
    reason: str
    form: str
    values: str
    show: str
    actions: str
    created: datetime
    due: datetime | None
    claimed_by: str = ""
    draft: str = "null"
    answer: str = "null"
    resolved_by: str = ""


@dataclass(frozen=True, slots=True)
class ClosingRow:
    """What ends an escalation. The last names it."""

    status: str
    answer: str
    resolved_by: str
    resolved: datetime
    run_id: str
    id: str


@dataclass(frozen=True, slots=True)
class TakingRow:
    """That a step record took an event. The last names it."""

    seq: int
    run_id: str
    id: str


@dataclass(frozen=True, slots=True)
class ActRow:
    """`subject`: `run:` and the run's id."""

    subject: str
    number: int
    verb: str
    at: datetime
    by: str
    key: str | None
    body_hash: str
    detail: str
    answer: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A child run that its parent begins. It is due at once."""

    id: str
    workflow_id: str
    version_id: int
    parent_id: str
    parent_path: str
    parent_visit: int
    index: int
    input: str
    created: datetime
    due: datetime
    position: str
    place: str
    spent: str
    state_hash: str
    joined: bool = False
    status: str = "ready"
    key: str = ""
    labels: str = "{}"
    created_by: str = ""
    seq: int = 0
    revision: int = 1
    fence: int = 0
    wait: str = ""
    suspicion: int = 0
    deaths: int = 0
    cost: int = 0
    commit_id: str = ""
    outcome: str = ""
    output: str = "null"
    error: str = "null"
    restored: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class JoinRow:
    """That its parent has counted a child that has ended. The last names it."""

    joined: bool
    parent_id: str
    id: str


@dataclass(slots=True)
class Commit:
    """All that is written of one run at one moment: the run's move, on condition that nobody was first, and what follows.

    `fence` and `revision` are what the writer saw. `id` is the commit id: reading it back tells whose write it was.
    """

    run_id: str
    fence: int
    revision: int
    id: str
    row: RunRow
    records: list[RecordRow] = field(default_factory=list)
    intents: list[IntentRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)
    resendings: list[ResendingRow] = field(default_factory=list)
    escalations: list[EscalationRow] = field(default_factory=list)
    closings: list[ClosingRow] = field(default_factory=list)
    takings: list[TakingRow] = field(default_factory=list)
    acts: list[ActRow] = field(default_factory=list)
    children: list[ChildRow] = field(default_factory=list)
    joins: list[JoinRow] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)

    def size(self) -> int:
        """Roughly how many bytes it writes, for the cap on a flush."""
        rows = len(self.records) + len(self.intents) + len(self.answers) + len(self.children)
        return 1000 + sum(map(len, self.blobs.values())) + 2000 * rows


@dataclass(frozen=True, slots=True)
class Part:
    """What `commit.<name>` holds, and which table it goes to. With a `key` it completes the row that the key names, where `once`
    is given as long as that is NULL there; a row that is inserted by the same commit is not completed by it. `run`: the column
    that says of which run it is."""

    name: str
    row: type[Any]
    table: str
    key: tuple[str, ...] = ()
    once: str = ""
    run: str = "run_id"

    @property
    def values(self) -> tuple[str, ...]:
        """Its columns without the key, and without what says of which run it is."""
        return tuple(name for name in columns(self.row) if name not in (*self.key, self.run))


PARTS = (
    # Closings first: a run has one open escalation at most, and one may take the place of another.
    Part("closings", ClosingRow, "orchestration_escalation", ("id",), "resolved"),
    Part("records", RecordRow, "orchestration_steprecord"),
    Part("intents", IntentRow, "orchestration_call"),
    Part("escalations", EscalationRow, "orchestration_escalation"),
    Part("takings", TakingRow, "orchestration_event", ("id",), "seq"),
    Part("acts", ActRow, "orchestration_act", run="subject"),
    Part("answers", AnswerRow, "orchestration_call", ("run_id", "path", "visit", "n"), "finished"),
    # Never of a call that the same commit answers: it precedes the sending.
    Part("resendings", ResendingRow, "orchestration_call", ("run_id", "path", "visit", "n")),
    Part("children", ChildRow, "orchestration_run", run="parent_id"),
    Part("joins", JoinRow, "orchestration_run", ("id",), run="parent_id"),
)


def columns(row: type[Any]) -> tuple[str, ...]:
    return tuple(item.name for item in fields(row))


MOVE = ("run_id", "seen_fence", "seen_revision", "commit_id", *columns(RunRow))
"""What `read_move` reads of a commit: which run, as its writer saw it, and what becomes of it."""
read_move = attrgetter("run_id", "fence", "revision", "id", *(f"row.{name}" for name in columns(RunRow)))
