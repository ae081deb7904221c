"""The ladder as a fold over the calls of one visit: attempt → repair → retry → next fallback → settled.

`climb(step, calls, tried)` says what comes next and reads nothing else, so a worker that takes a run over climbs on from
exactly where the last one was. Repairs are extra asks of a rung after an answer that broke the contract; retries send the
same bytes again with the same key, one budget over a rung, repairs included; a fallback model starts both afresh. After
`unknown` there is neither: nobody knows whether it happened.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from orchestration.core.definition import Retry
from orchestration.core.errors import ErrorCode
from orchestration.core.frozen import dataclass
from orchestration.core.plan import PlanStep, Rung
from orchestration.core.position import Sub, Used
from orchestration.core.result import Failure, Result

CallKind = Literal["attempt", "repair", "retry", "fallback"]
MAX_RETRY_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class CallFact:
    """What the ladder needs to know of one call. `n` counts the visit's calls from 1, `ask` its different requests from 0:
    a retry has the ask of the call that it repeats. `output` is what a good answer was read as."""

    n: int
    ask: int
    rung: int
    kind: CallKind
    finished: bool = True
    failure: Failure | None = None
    output: Any = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Make call `n`: a new request (`ask` is new), or after `delay` seconds the same one again."""

    n: int
    ask: int
    rung: int
    kind: CallKind
    delay: float = 0.0
    broken: Failure | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Call `n` has left and nobody has recorded its answer."""

    call: CallFact


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run another step in place of this one."""

    rung: int
    step: str
    after: Failure


@dataclass(frozen=True, slots=True)
class Settled:
    """The visit is over. `rung` gave the result."""

    result: Result
    rung: int


Next = Ask | Open | RunStep | Settled


def climb(
    step: PlanStep,
    calls: Sequence[CallFact],
    tried: Sequence[Sub] = (),
    start: int = 0,
    only: bool = False,
    used: Used = Used(),  # noqa: B008 (it is frozen)
) -> Next:
    """What the visit does next. `start` is the rung it begins on; `only` that rung, for a round of an llm with tools, and
    `used` what rounds before have used up of it.

    A step in place (`tried`) whose result is good settles the visit with `output` None: the caller fills it in.
    """
    last: Failure | None = None
    for index in range(start, start + 1 if only else len(step.rungs)):
        found = _rung(step, step.rungs[index], index, calls, tried, last, used)
        if not isinstance(found, Failure):
            return found
        last = found
        if last.code == ErrorCode.UNKNOWN:
            return Settled(Result.failed(last), index)
    assert last is not None, "a call step has at least one rung"
    return Settled(Result.failed(last), start if only else len(step.rungs) - 1)


def _rung(
    step: PlanStep,
    rung: Rung,
    index: int,
    calls: Sequence[CallFact],
    tried: Sequence[Sub],
    last: Failure | None,
    used: Used,
) -> Next | Failure:
    if rung.step is not None:
        sub = next((s for s in tried if s.rung == index), None)
        if sub is None:
            assert last is not None
            return RunStep(index, rung.step, last)
        return sub.failure or Settled(Result.done(None, degraded=True), index)
    mine = [call for call in calls if call.rung == index]
    if not mine:
        return Ask(len(calls) + 1, _next_ask(calls), index, "attempt" if index == 0 else "fallback")
    call = mine[-1]
    if not call.finished:
        return Open(call)
    if call.failure is None:
        return Settled(Result.done(call.output, degraded=index > 0), index)
    return _after_failure(step, index, calls, mine, call.failure, used)


def _after_failure(
    step: PlanStep, index: int, calls: Sequence[CallFact], mine: list[CallFact], failure: Failure, used: Used
) -> Next | Failure:
    repairs = used.repairs + len({call.ask for call in mine}) - 1
    retries = used.retries + retried(mine)
    model = step.model
    if failure.code == ErrorCode.UNKNOWN:
        return failure
    if failure.code == ErrorCode.INVALID_OUTPUT and repairs < model.repair.attempts:
        return Ask(len(calls) + 1, _next_ask(calls), index, "repair", broken=failure)
    if failure.code in model.retry.errors and retries < model.retry.attempts - 1:
        return Ask(len(calls) + 1, mine[-1].ask, index, "retry", delay=_delay(step.model.retry, mine, retries, failure))
    return failure


def retried(calls: Sequence[CallFact]) -> int:
    """How many of them sent the same bytes again."""
    return len(calls) - len({call.ask for call in calls})


def _next_ask(calls: Sequence[CallFact]) -> int:
    return max((call.ask for call in calls), default=-1) + 1


def _delay(retry: Retry, mine: list[CallFact], retries: int, failure: Failure) -> float:
    """backoff·factor^k, at most `max_backoff`, less up to a quarter so that many runs do not come back at one moment;
    never less than the other side asked for (an hour at most)."""
    wait = min(retry.backoff * retry.factor**retries, retry.max_backoff)
    spread = int.from_bytes(hashlib.sha256(f"{mine[-1].key}/{mine[-1].n}".encode()).digest()[:4], "big") / 2**32
    return max(wait * (1 - 0.25 * spread), min(failure.retry_after or 0.0, MAX_RETRY_AFTER))


def call_key(run: str, path: str, visit: int, ask: int) -> str:
    """The idempotency key of a call: the same over attempts and workers, new for each visit and each new request."""
    return hashlib.sha256(f"{run}\n{path}\n{visit}\n{ask}".encode()).hexdigest()[:40]
