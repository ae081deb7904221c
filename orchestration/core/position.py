"""Where a run stands: which step, in which rounds of which loops, on which part of a step.

    refine[3]/critique           step critique in round 3 of the loop refine
    answer/round.2               the second model round of an llm with tools
    answer/tool.2.0              the first tool that this round asked for
    classify/fallback.keywords   the step keywords, run in place of classify
    each[0]/read                 step read in the first item of the map each, which is a child run
    legal/read                   step read in legal, an arm of a parallel, which is a child run too

A scope is the path of a round (`refine[3]`), an item or an arm, "" for the root: the space in which steps write their outputs.
A child run begins inside of what its parent stands in: its frames are the parent's, and its own.
"""

from functools import cached_property
from typing import Any, Literal

from orchestration.core.errors import ErrorCode, Problem
from orchestration.core.frozen import dataclass, replace
from orchestration.core.result import Failure

CloseReason = Literal["until", "break", "exhausted", "stalled", "failed"]
StopReason = Literal["failed", "enough", "cancelled", "limit", "aborted", "late"]
WINDOW = 5
"""How many numbers of a loop's progress a run carries along. The whole of it stands in the records (`queries.progress`)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One loop that the run is in; or the item or the arm that a child run is for. `round` counts from 1, items from 0. `series`
    is a loop's progress in the last `WINDOW` rounds that ended, one number a round."""

    step: str
    round: int
    carry: Any = None
    series: tuple[float, ...] = ()
    error: dict[str, str] | None = None
    """The error in sight where the loop was entered; in sight again when it is left."""
    updated: tuple[str, int] | None = None
    """Path and seq of the record that updated `carry`; None as long as it is what it began with."""
    kind: Literal["loop", "item", "arm"] = "loop"

    @property
    def scope(self) -> str:
        return self.step if self.kind == "arm" else f"{self.step}[{self.round}]"


@dataclass(frozen=True, slots=True)
class Sub:
    """How a fallback step that ran in place ended."""

    rung: int
    step: str
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Used:
    """What rounds of tools have used up of the repairs and retries of the rung that they are on."""

    repairs: int = 0
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Close:
    """Why a loop closes; its own step record comes next."""

    reason: CloseReason
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """A run that a child run is inside of: it stands `depth` frames deep at the step that has it as a child, at `seq`."""

    run: str
    depth: int
    seq: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Why no more child runs are begun, and those that live are stopped. `by` and `why`: who cancelled the parent or had it end,
    or which limit was met. `aborted`: a person had it end; `late`: nobody answered what it asked."""

    reason: StopReason
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Loan:
    """What the child run of an index is lent of a limit in all, where that is more than it began with. It may not have heard of
    that yet."""

    index: int
    limit: str
    amount: float


@dataclass(frozen=True, slots=True)
class Fan:
    """The child runs of the step that the run stands at: `total` there are to be, `begun` of them, in their order; of these some
    are `done`, some have `failed`, and some were `cancelled`. `failure` is that of the first that failed, `at` which it was."""

    total: int
    begun: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    failure: Failure | None = None
    at: int = 0
    stop: Stop | None = None
    loans: tuple[Loan, ...] = ()

    @property
    def live(self) -> int:
        return self.begun - self.done - self.failed - self.cancelled


@dataclass(frozen=True)
class Position:
    """`visit` counts the visits of the step, `part_visit` those of the part. `base` is the number of a first visit: more than 1
    after a limit has sent the run to a step that it may have been at before. Nothing of the old visit is taken for new then.

    Without slots, so that a path, which each visit is asked for some thirty times, is made once."""

    step: str
    visit: int = 1
    frames: tuple[Frame, ...] = ()
    part: str = ""
    rung: int = 0
    tried: tuple[Sub, ...] = ()
    used: Used = Used()
    error: dict[str, str] | None = None
    part_visit: int = 1
    base: int = 1
    close: Close | None = None
    """Set when `step` is a loop whose frame is the last and which is about to close."""
    fan: Fan | None = None
    """Set when `step` has child runs, from when it was opened until it closes."""

    @property
    def outer(self) -> tuple[Frame, ...]:
        """The frames around the step: without its own, where it is a loop that closes."""
        return self.frames[:-1] if self.close else self.frames

    @cached_property
    def scope(self) -> str:
        return scope_of(self.outer)

    @cached_property
    def visit_path(self) -> str:
        """The path without the part: where the step's own record stands."""
        return f"{self.scope}/{self.step}" if self.scope else self.step

    @cached_property
    def path(self) -> str:
        return f"{self.visit_path}/{self.part}" if self.part else self.visit_path

    @property
    def child(self) -> bool:
        """Whether this is in a child run: an item or an arm."""
        return last_child(self) > 0

    @property
    def active(self) -> str:
        """The step whose work is done here: the fallback step while one runs in place."""
        return self.part.removeprefix("fallback.") if self.part.startswith("fallback.") else self.step

    @property
    def number(self) -> int:
        """Which visit of `path` this is: calls and records are named by the two."""
        return self.part_visit if self.part else self.visit

    def at(self, step: str) -> "Position":
        """The first visit of another step beside this one."""
        return self.entering(step, self.outer)

    def entering(self, step: str, frames: tuple[Frame, ...], error: dict[str, str] | None = None) -> "Position":
        """The first visit of a step in these rounds."""
        return Position(step=step, visit=self.base, frames=frames, error=error or self.error, base=self.base)

    def with_part(self, part: str, **changes: Any) -> "Position":
        return replace(self, part=part, part_visit=1, **changes)

    def repeated(self) -> "Position":
        """The next visit of the same place."""
        return replace(self, part_visit=self.part_visit + 1) if self.part else replace(self, visit=self.visit + 1)


def scope_of(frames: tuple[Frame, ...]) -> str:
    return "/".join(frame.scope for frame in frames)


def last_child(position: Position) -> int:
    """How many of the frames there are up to that of the child run."""
    return max((number for number, frame in enumerate(position.frames, 1) if frame.kind != "loop"), default=0)


def scopes(position: Position) -> dict[str, str]:
    """Level → scope, for every level that the position can see."""
    found = {"": ""}
    for index, frame in enumerate(position.frames):
        found[frame.step] = scope_of(position.frames[: index + 1])
    return found


def failure_data(failure: Failure | None, checks: bool = False) -> dict[str, Any] | None:
    """A failure as plain data, as it is stored and shown; with its `checks` where something is still decided by it."""
    if failure is None:
        return None
    found: dict[str, Any] = {"code": failure.code.value, "message": failure.message, "sent": failure.sent}
    if failure.retry_after is not None:
        found["retry_after"] = failure.retry_after
    if failure.problems:
        found["problems"] = [{"code": p.code, "path": p.path, "message": p.message} for p in failure.problems]
    if checks and failure.checks:
        found["checks"] = list(failure.checks)
    return found


def failure_of(data: dict[str, Any] | None) -> Failure | None:
    if data is None:
        return None
    problems = tuple(Problem(p["code"], p["message"], p["path"]) for p in data.get("problems", ()))
    checks = tuple(data.get("checks", ()))
    return Failure(ErrorCode(data["code"]), data["message"], data.get("retry_after"), data.get("sent", True), problems, checks)


def dump(position: Position) -> dict[str, Any]:
    """Plain data, leaving out what is as it begins. `load(dump(p)) == p`."""
    found: dict[str, Any] = {"step": position.step}
    for key in ("visit", "part_visit", "base"):
        if (number := getattr(position, key)) != 1:
            found[key] = number
    if position.frames:
        found["frames"] = [_dump_frame(frame) for frame in position.frames]
    for key in ("part", "rung", "error"):
        if value := getattr(position, key):
            found[key] = value
    if position.tried:
        found["tried"] = [_dump_sub(sub) for sub in position.tried]
    if position.used != Used():
        found["used"] = {"repairs": position.used.repairs, "retries": position.used.retries}
    if position.close:
        found["close"] = {"reason": position.close.reason, "failure": failure_data(position.close.failure)}
    if position.fan:
        found["fan"] = _dump_fan(position.fan)
    return found


def _dump_fan(fan: Fan) -> dict[str, Any]:
    counts = ("begun", "done", "failed", "cancelled", "at")
    found: dict[str, Any] = {"total": fan.total, **{name: value for name in counts if (value := getattr(fan, name))}}
    if fan.failure:
        found["failure"] = failure_data(fan.failure)
    if fan.loans:
        found["loans"] = [[loan.index, loan.limit, loan.amount] for loan in fan.loans]
    if fan.stop:
        found["stop"] = {"reason": fan.stop.reason, "by": fan.stop.by, "why": fan.stop.why}
    return found


def _load_fan(data: dict[str, Any]) -> Fan:
    stop = Stop(**data["stop"]) if "stop" in data else None
    loans = tuple(Loan(*each) for each in data.get("loans", ()))
    return Fan(**{**data, "failure": failure_of(data.get("failure")), "stop": stop, "loans": loans})


def _dump_sub(sub: Sub) -> dict[str, Any]:
    return {"rung": sub.rung, "step": sub.step, "failure": failure_data(sub.failure, checks=True)}


def _dump_frame(frame: Frame) -> dict[str, Any]:
    found: dict[str, Any] = {"step": frame.step, "round": frame.round, "carry": frame.carry}
    if frame.series:
        found["series"] = list(frame.series)
    if frame.error:
        found["error"] = frame.error
    if frame.updated:
        found["updated"] = list(frame.updated)
    if frame.kind != "loop":
        found["kind"] = frame.kind
    return found


def load(data: dict[str, Any]) -> Position:
    close = data.get("close")
    return Position(
        step=data["step"],
        visit=data.get("visit", 1),
        frames=tuple(map(_load_frame, data.get("frames", ()))),
        part=data.get("part", ""),
        rung=data.get("rung", 0),
        tried=tuple(Sub(s["rung"], s["step"], failure_of(s["failure"])) for s in data.get("tried", ())),
        used=Used(**data.get("used", {})),
        error=data.get("error"),
        part_visit=data.get("part_visit", 1),
        base=data.get("base", 1),
        close=Close(close["reason"], failure_of(close["failure"])) if close else None,
        fan=_load_fan(data["fan"]) if "fan" in data else None,
    )


def _load_frame(data: dict[str, Any]) -> Frame:
    updated = data.get("updated")
    series = tuple(data.get("series", ()))
    return Frame(
        data["step"],
        data["round"],
        data["carry"],
        series,
        data.get("error"),
        (updated[0], updated[1]) if updated else None,
        data.get("kind", "loop"),
    )
