"""The child runs of a step as their parent sees them: which have ended, what became of each, and how they are stopped."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Length

from orchestration.core import sentence, values
from orchestration.core.decision import Spent
from orchestration.core.errors import ErrorCode
from orchestration.core.fan import Ended, How
from orchestration.core.plan import PlanStep
from orchestration.core.position import Loan, failure_of
from orchestration.core.result import Failure
from orchestration.executor import sweep
from orchestration.executor.held import MOST_COUNTED, AtLimit, Child, Held
from orchestration.executor.reading import Row
from orchestration.models import Blob, Run, StepRecord
from orchestration.record.failpoints import failpoint
from orchestration.record.pack import fetch, missing, unpack

if TYPE_CHECKING:
    from orchestration.executor.engine import Engine


class EngineFamily:
    def __init__(self, engine: "Engine") -> None:
        self.engine = engine

    async def ended(self, held: Held) -> list[Child]:
        return list(await self.engine.read(lambda: read_ended(held)))

    async def gave(self, held: Held, failed: bool, most: int) -> list[Ended] | None:
        found: list[Ended] = []
        size, last = 0, -1
        while read := await self.engine.read(partial(read_some, held, failed, most - size, last)):
            if read.size > most - size:
                return None
            found += read.ended
            size, last = size + read.size, read.ended[-1].index
        return found

    async def began(self, held: Held) -> datetime | None:
        found: datetime | None = await self.engine.read(lambda: read_beginning(held))
        return found

    async def at_limit(self, held: Held) -> list[AtLimit]:
        return list(await self.engine.read(lambda: read_at_limit(held)))

    async def lift(self, held: Held, limit: str) -> None:
        by = await self.engine.read(lambda: read_lifter(held))
        await self._ask(held, {"verb": "lift", "limit": limit, "by": by}, _WAITS)

    async def wait(self, held: Held, children: Iterable[AtLimit]) -> None:
        indexes = ", ".join(f"{child.index:d}" for child in children)
        await self._ask(held, _WAIT, f'{_WAITS} AND "index" IN ({indexes})')

    async def lend(self, held: Held, loans: Iterable[Loan]) -> None:
        for loan in loans:
            asked = {"verb": "lend", "limit": loan.limit, "amount": loan.amount}
            await self._ask(held, asked, f'{_WAITS} AND "index" = {loan.index:d}')

    async def stop(self, held: Held, why: str, verb: str) -> None:
        await self._ask(held, {"verb": verb, "by": "", "reason": why}, "ended IS NULL")

    async def _ask(self, held: Held, asked: dict[str, Any], whom: str) -> None:
        at, now = held.position, self.engine.clock.now()
        told = partial(sweep.ask_children, held.run_id, held.fence, at.visit_path, at.visit, asked, now, whom)
        for child in await self.engine.write(told):
            self.engine.hint(child)
        failpoint("after_asking", held.run_id)


def read_ended(held: Held, most: int = MOST_COUNTED) -> list[Child]:
    """Some of the child runs of the open visit that have ended and are not counted yet."""
    rows = list(_children(held).filter(joined=False, ended__isnull=False).order_by("index").values(*_COUNTED)[:most])
    return [
        Child(row["id"], ended, Spent.of(values.load(row["spent"]))) for row, ended in zip(rows, _ended(held, rows), strict=True)
    ]


_WAIT = {"verb": "wait"}
_WAITS = "status = 'waiting' AND wait = 'limit'"


def read_at_limit(held: Held) -> list[AtLimit]:
    told = Q(asked=None) | Q(asked=values.dump(_WAIT))
    waiting = _children(held).filter(told, status=Run.Status.WAITING, wait="limit").order_by("index")
    return [AtLimit(index, Spent.of(values.load(spent))) for index, spent in waiting.values_list("index", "spent")]


def read_lifter(held: Held) -> str:
    """Who lifted a limit of this run last."""
    lifts = StepRecord.objects.filter(run=held.run_id, type="limit").exclude(actor="").order_by("-seq")
    return lifts.values_list("actor", flat=True).first() or ""


class Some(NamedTuple):
    """Some of the children, and the characters of what these give. Where that is too much, it was not read, and none are here."""

    size: int
    ended: list[Ended]


def read_some(held: Held, failed: bool, most: int, last: int) -> Some | None:
    """The next child runs of the open visit behind the index `last` that are done, and with `failed` the others too; None where
    there is none. The size is known before what they give is in memory."""
    found = _children(held).filter(index__gt=last).order_by("index")
    wanted = found if failed else found.filter(status=Run.Status.SUCCEEDED)
    rows = list(wanted.values(*_COUNTED, "output")[:MOST_COUNTED])
    if not rows:
        return None
    if (size := _size(row["output"] or "" for row in rows)) > most:
        return Some(size, [])
    ended = _ended(held, rows)
    return Some(size + sum(len(child.failure.message) for child in ended if child.failure), ended)


def _size(packed: Iterable[str]) -> int:
    """Characters of these values, each counted as often as it is there."""
    texts = list(packed)
    sizes = dict(Blob.objects.filter(hash__in=missing(texts)).values_list("hash", Length("body")))
    return sum(sizes[text[1:]] if text.startswith("@") else len(text) for text in texts)


def read_beginning(held: Held) -> datetime | None:
    """When the first child run of the open visit was begun."""
    return _children(held).order_by("index").values_list("created", flat=True).first()


_COUNTED = ("id", "index", "status", "outcome", "error", "spent")
_HOW: dict[str, How] = {"succeeded": "done", "failed": "failed", "cancelled": "cancelled"}


def _children(held: Held) -> "QuerySet[Run]":
    return Run.objects.filter(parent=held.run_id, parent_path=held.position.visit_path, parent_visit=held.position.visit)


def _ended(held: Held, rows: Sequence[Row]) -> list[Ended]:
    step = held.plan.steps[held.position.step]
    blobs = fetch(missing(row[name] for row in rows for name in ("error", "output") if name in row))
    return [
        Ended(row["index"], _HOW[row["status"]], unpack(row.get("output"), blobs), _failure(row, blobs, step), row["outcome"])
        for row in rows
    ]


def _failure(row: Row, blobs: dict[str, str], step: PlanStep) -> Failure | None:
    """What a child failed with; a called workflow may also have ended in an outcome that is a failure."""
    failure = failure_of(unpack(row["error"], blobs))
    if failure is None and row["status"] == Run.Status.FAILED:
        return Failure(ErrorCode.TOOL_ERROR, f"it ended as {sentence.name_in(step, row['outcome'])}", sent=False)
    return failure
