"""A run in the hands of its worker: what the row says, what is cached of its state, and what waits to be committed.

Nothing here touches the database. `record` gathers step records, and whoever moves the run gathers the other rows; `take_commit`
puts all of them and the run's move into one `Commit`. What a run has seen of itself is only ever ahead of the database by what
is gathered here.
"""

from collections.abc import Collection, Iterable
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from orchestration.core import fan as fanning
from orchestration.core import state, values
from orchestration.core.decision import Decision, Spent
from orchestration.core.fan import Ended
from orchestration.core.frozen import dataclass, replace
from orchestration.core.ladder import CallFact
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.position import Around, Position, dump, failure_data
from orchestration.core.result import Failure, Request, Result
from orchestration.models.fields import new_id
from orchestration.record import rows
from orchestration.record.pack import pack, pack_text
from orchestration.record.rows import (
    AnswerRow,
    ChildRow,
    ClosingRow,
    Commit,
    EscalationRow,
    IntentRow,
    JoinRow,
    RecordRow,
    ResendingRow,
    RunRow,
    TakingRow,
)

GRACE = timedelta(seconds=60)
"""How long a step may take beyond the deadline of its call before another worker takes the run over."""
_GATHERED = ("records", "intents", "answers", "resendings", "escalations", "closings", "takings", "children", "joins")
KEPT_VALUES = 256
MOST_COUNTED = 500
"""Child runs that are counted in one commit."""

VisitKey = tuple[str, int]
Writer = tuple[str, int]
"""Path and seq of a step record."""


@dataclass(frozen=True, slots=True)
class Paused:
    """`kind`: that of an escalation, or what a wait is for: `event` or `time`."""

    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class PartOf:
    """What a child run is a part of: the runs around it, the outermost first, whose id and input are those that expressions see;
    and the item of a map that it is about."""

    around: tuple[Around, ...]
    input: Any
    item: dict[str, Any]

    @property
    def run(self) -> str:
        return self.around[0].run


@dataclass(frozen=True, slots=True)
class Child:
    """A child run that has ended, as its parent counts it: its id, how it ended, and what it has spent."""

    run: str
    ended: Ended
    spent: Spent


@dataclass(frozen=True, slots=True)
class AtLimit:
    """A child run that waits at a limit of the whole, by its index, and what it has spent."""

    index: int
    spent: Spent


@dataclass(slots=True)
class Held:
    run_id: str
    plan: Plan
    input: Any
    """Its own. That of a child run is what `part_of` was read from."""
    row: RunRow
    """As it was last written. `seq` and `state_hash` are ahead of it by the records that wait."""
    revision: int
    position: Position
    spent: Spent
    seq: int = field(init=False)
    state_hash: str = field(init=False)
    queued: datetime | None = None
    """Since when it could go on: when its last record was made, or it was started."""
    version: tuple[str, int] = ("", 0)
    """Of which workflow, and which version of it, by their ids."""
    parent: str | None = None
    part_of: PartOf | None = None
    """None for a called workflow, which is a whole of its own."""
    rested: bool = False
    """It was given back to wait out a backoff, and has."""
    overdue: bool = False
    """It waited for a person, and its deadline has passed."""
    asked: dict[str, Any] | None = None
    values: dict[state.Name, Any] = field(default_factory=dict)
    writers: dict[state.Name, Writer] = field(default_factory=dict)
    calls: dict[VisitKey, list[CallFact]] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    """Outputs of records that write nothing visible: rounds, tools of a round, fallback steps. By path."""
    escalation: str | None = None
    paused: "Paused | None" = None
    """The pause in which it was taken up, or the wait, until its record is made."""
    because: str = ""
    """The sentence of the last decision."""
    caught: bool = False
    """Whether it led here because something failed. An error stays in sight for longer than that."""
    spans: dict[VisitKey, datetime] = field(default_factory=dict)
    tokens: dict[VisitKey, list[int]] = field(default_factory=dict)
    prints: dict[VisitKey, dict[str, str]] = field(default_factory=dict)
    said: dict[VisitKey, str | None] = field(default_factory=dict)
    """What the model last answered in a visit, for the repair."""
    marks: dict[VisitKey, tuple[str, ...]] = field(default_factory=dict)
    """Where the last answer of a visit was mended."""
    reserved: dict[VisitKey, int] = field(default_factory=dict)
    requests: dict[VisitKey, Request] = field(default_factory=dict)
    records: list[RecordRow] = field(default_factory=list)
    intents: list[IntentRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)
    resendings: list[ResendingRow] = field(default_factory=list)
    escalations: list[EscalationRow] = field(default_factory=list)
    closings: list[ClosingRow] = field(default_factory=list)
    takings: list[TakingRow] = field(default_factory=list)
    children: list[ChildRow] = field(default_factory=list)
    joins: list[JoinRow] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seq, self.state_hash = self.row.seq, self.row.state_hash

    @property
    def fence(self) -> int:
        return self.row.fence

    @property
    def visit_key(self) -> VisitKey:
        return self.position.path, self.position.number

    @property
    def round(self) -> int:
        """Which tool round of an llm it is in, from 1."""
        kind, _, number = self.position.part.partition(".")
        return int(number.partition(".")[0]) if kind in ("round", "tool") else 1

    @property
    def facts(self) -> list[CallFact]:
        """The calls of the open visit, in order."""
        return self.calls.setdefault(self.visit_key, [])

    @property
    def pending(self) -> bool:
        return any(getattr(self, name) for name in _GATHERED)

    def pack(self, value: Any) -> str:
        return pack(value, self.blobs)

    def pack_text(self, text: str) -> str:
        return pack_text(text, self.blobs)

    # state

    def names(self, steps: Collection[str]) -> list[state.Name]:
        """Where the outputs of these steps stand, as seen from here."""
        return state.names_for(steps, self.plan.level_of, self.position)

    def environment(self, steps: Collection[str]) -> dict[str, Any]:
        """What expressions see, with the outputs of `steps` as far as they are there. They must have been loaded."""
        outputs = {name[1]: self.values[name] for name in self.names(steps) if name in self.values}
        if (whole := self.part_of) is not None:
            return state.environment(whole.run, whole.input, self.position, outputs, whole.item)
        return state.environment(self.run_id, self.input, self.position, outputs)

    def source(self, name: state.Name) -> Around | None:
        """The run around this one that wrote that output; None where it is this run's own."""
        if self.part_of is None:
            return None
        depth = next(n for n in range(len(self.position.frames) + 1) if state.scope_of(self.position.frames[:n]) == name[0])
        return next((around for around in self.part_of.around if depth <= around.depth), None)

    # moving

    def record(
        self, step: PlanStep, given: Any, result: Result, decision: Decision, now: datetime, actor: str = "", kind: str = ""
    ) -> None:
        """Gathers the step record of a visit that is over, and moves the run as `decision` says."""
        at = self.position
        given = fanning.given(step, at.fan) if given is None and at.fan is not None else given
        writes = result.failure is None and not at.part and step.type not in ("branch", "end") and kind == ""
        seq = self.seq + 1
        digest = values.digest(result.output)
        link = state.chain(self.state_hash, seq, at.path, at.number, digest, decision.to)
        key = self.visit_key
        tokens_in, tokens_out, cost = self.tokens.pop(key, [0, 0, 0])
        prints = {"step": step.fingerprint, "input": values.digest(given), **self.prints.pop(key, {})}
        since, self.paused = self.paused, None
        if writes:
            self.values[(at.scope, at.step)] = result.output
            self.writers[(at.scope, at.step)] = (at.path, seq)
        told = self._with_writers(decision, seq)
        after = _carried(decision, at, seq)
        self.records.append(
            RecordRow(
                run_id=self.run_id,
                seq=seq,
                step=at.active,
                path=at.path,
                visit=at.number,
                type=kind or step.type,
                scope=at.scope if writes else None,
                input=self.pack(given),
                output=self.pack(result.output),
                result=self.pack(_result_data(result, (*self.marks.pop(key, ()), *result.marks))),
                decision=self.pack(told.as_dict()),
                position=self.pack(dump(after) if after else None),
                fingerprints=self.pack(prints),
                state_hash=link,
                queued=since.since if since and since.kind == "human" else self.queued,
                started=self.spans.pop(key, since.since if since else now),
                finished=now,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost=cost,
                actor=actor,
            )
        )
        self.queued = now
        if at.part:
            self.parts[at.path] = part_output(result.output, failure_data(result.failure))
        self.because, self.caught = decision.sentence, decision.caught
        for seen in (self.calls, self.said, self.reserved, self.requests):
            seen.pop(key, None)  # type: ignore[attr-defined]
        self.spent = replace(self.spent, steps=self.spent.steps + 1)
        self.seq, self.state_hash = seq, link
        self.rested = False
        if after is not None:
            self.position = after

    def _with_writers(self, decision: Decision, seq: int) -> Decision:
        """Each operand with who wrote it, in the decision of record `seq`. At the end of a round the carry is what it left."""
        if not (decision.because or decision.tried or decision.checks or decision.via):
            return decision
        updated = self.position.outer[-1].updated if self.position.outer else None
        now = (self.position.path, seq) if _ends_round(decision, self.position) else updated
        via = dict(decision.via or {})
        if "tried" in via:
            via["tried"] = self._conditions(via["tried"], updated)
        if via:
            via["because"] = self._operands(via["because"], updated)
        return replace(
            decision,
            because=tuple(self._operands(decision.because, now)),
            tried=tuple(self._conditions(decision.tried, now)),
            checks=tuple(self._conditions(decision.checks, updated)),
            via=via or None,
        )

    def _conditions(self, found: Iterable[dict[str, Any]], updated: Writer | None) -> list[dict[str, Any]]:
        return [{**each, "operands": self._operands(each["operands"], updated)} for each in found]

    def _operands(self, found: Iterable[dict[str, Any]], updated: Writer | None) -> list[dict[str, Any]]:
        return [self._with_writer(operand, updated) for operand in found]

    def _with_writer(self, operand: dict[str, Any], updated: Writer | None) -> dict[str, Any]:
        root, _, rest = operand["path"].partition(".")
        if root == "carry" and updated is not None:
            return {**operand, "by": updated[0], "seq": updated[1]}
        if root != "steps":
            return {**operand, "by": root}
        for name in self.names([rest.partition(".")[0]]):
            if name in self.writers:
                path, seq = self.writers[name]
                return {**operand, "by": path, "seq": seq}
        return operand

    # committing

    def take_commit(self, row: RunRow) -> Commit:
        """One commit of all that was gathered, which moves the run to `row`. Call `committed` once it was applied."""
        full = replace(
            row,
            seq=self.seq,
            state_hash=self.state_hash,
            position=self.pack(dump(self.position)),
            place=self.position.path[:500],
            spent=values.dump(self.spent.as_dict()),
            cost=self.spent.cost,
            asked=values.dump(self.asked) if self.asked and row.ended is None else None,
            format=rows.FORMAT,
        )
        commit = Commit(self.run_id, self.fence, self.revision, new_id(), full)
        for name in _GATHERED:
            getattr(commit, name).extend(getattr(self, name))
        commit.blobs.update(self.blobs)
        return commit

    def committed(self, commit: Commit) -> None:
        self.row, self.revision = commit.row, commit.revision + 1
        for name in _GATHERED:
            getattr(self, name).clear()
        self.blobs.clear()
        while len(self.values) > KEPT_VALUES:
            self.values.pop(next(iter(self.values)))

    def holding(self, now: datetime, seconds: float = 0.0) -> RunRow:
        """The row while it stays here, with a step that may take `seconds`."""
        deadline = now + timedelta(seconds=seconds) + GRACE
        return self._row(now, status="held", due=None, wait="", step_deadline=deadline)

    def leaving(self, now: datetime, status: str, **changes: Any) -> RunRow:
        """The row when it is let go of."""
        return self._row(now, **{"status": status, "holder": None, "step_deadline": None, "due": None, "wait": "", **changes})

    def _row(self, now: datetime, **changes: Any) -> RunRow:
        # To have come through a step clears a suspect; to have stated an intent does not. Who waits for child runs is not due,
        # and suspects are looked for among those that are.
        through = self.records or self.answers or self.joins or changes.get("wait") == "children"
        cleared: dict[str, Any] = {"suspicion": 0, "deaths": 0} if through else {}
        return replace(self.row, started=self.row.started or now, **{"awaits": "", "since": None, **cleared, **changes})

    def finished(self, decision: Decision, now: datetime, status: str, failure: Failure | None = None) -> RunRow:
        error = failure_data(failure)
        return self.leaving(
            now,
            status,
            ended=now,
            outcome=decision.outcome or "",
            output=self.pack(decision.output),
            error=self.pack(error),
            asked=None,
        )


def _ends_round(decision: Decision, at: Position) -> bool:
    """Whether the decision of a visit at `at` ended the round that the step stands in."""
    return bool(decision.round) and decision.round == at.scope


def _carried(decision: Decision, at: Position, seq: int) -> Position | None:
    """Where the decision leads, the loop's carry marked as updated by this record where it ended the round."""
    after = decision.position
    if after is None or not _ends_round(decision, at):
        return after
    *outer, frame = after.frames
    return replace(after, frames=(*outer, replace(frame, updated=(at.path, seq))))


def _result_data(result: Result, marks: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": result.kind}
    if result.failure is not None:
        found["error"] = failure_data(result.failure)
    if result.degraded:
        found["degraded"] = True
    if result.came:
        found["event"] = {name: getattr(result.came, name) for name in ("id", "by", "received", "waited")}
    if mended := list(dict.fromkeys(marks)):
        found["mended"] = mended
    return found


def part_output(output: Any, failure: dict[str, Any] | None) -> Any:
    """What a record that writes nothing visible is remembered as: its output, or else why there is none."""
    if failure is None or output is not None:
        return output
    return {"error": {"code": failure["code"], "message": failure["message"]}}
