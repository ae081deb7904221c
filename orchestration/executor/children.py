"""A step with child runs, from the side of their parent: opens it, counts what has ended, begins what there is room for, closes.

    open    what it goes over is known; nothing is begun yet
    turn    children that have ended are counted, once each; as many are begun as there is room for; then the run waits, as one
            row without a due time, and is claimed again when another child has ended
    limit   a child that has met the limit of the whole waits; and so does this run, or it asks a person. Where the limit is
            lifted the child goes on, else it gives up
    stop    it is certain how it ends, or it is cancelled, or a limit is met: those that live are asked to stop
    close   none lives: its record is made

A child never writes its parent, and what the parent does with its children is in its own commits.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from orchestration.core import fan as fanning
from orchestration.core import limits, state, values
from orchestration.core.acceptance import unexpected
from orchestration.core.contract import coerce
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.fan import Ended
from orchestration.core.frozen import replace
from orchestration.core.limits import Spent
from orchestration.core.plan import PlanStep
from orchestration.core.position import Around, Fan, Frame, Loan, Position, Stop, dump
from orchestration.core.result import Failure, Result
from orchestration.core.wording import abbreviate
from orchestration.executor import lending, settle
from orchestration.executor.desk import Desk, Family
from orchestration.executor.held import MOST_COUNTED, AtLimit, Child, Held
from orchestration.executor.reading import child_input
from orchestration.models.fields import new_id
from orchestration.queries.plans import Kept
from orchestration.record.rows import ChildRow, JoinRow

BATCH = 200
"""How many children go in one commit."""
MOST_OUTPUT = 10_000_000
"""Characters of what all children give together."""
_lists = Kept[list[Any]](64)


async def turn(desk: Desk, held: Held, step: PlanStep) -> None:
    """Does what there is to do now. Raises `Released` where the run waits for its children then."""
    await desk.load(held, settle.needs(held, step))
    if held.position.fan is None and (broken := _open(desk, held, step)):
        await settle.settle(desk, held, step, _given(held, step), Result.failed(broken))
        return
    written = _fan(held).stop
    held.position = replace(held.position, fan=fanning.joined(step, _fan(held), ()))
    await _join(desk, held, step)
    if not held.asked and not await _at_limit(desk, held, step):
        await _begin(desk, held, step)
    if held.asked:
        return
    fan = _fan(held)
    if fanning.over(fan):
        await _close(desk, held, step, fan)
        return
    if fan.stop is not None:
        if fan.stop != written:  # or whoever took the run up now would count as failed what is stopped, and go another way
            await desk.commit(held, held.holding(desk.clock.now()))
            if held.asked:
                return
        await _family(desk).stop(held, _why(step, fan), "give_up" if fan.stop.reason == "limit" else "cancel")
    await desk.commit(held, held.leaving(desk.clock.now(), "waiting", wait="children"))


def _family(desk: Desk) -> Family:
    assert desk.family is not None
    return desk.family


def _fan(held: Held) -> Fan:
    assert held.position.fan is not None
    return held.position.fan


def _why(step: PlanStep, fan: Fan) -> str:
    """Why its children are stopped, as they are told."""
    assert fan.stop is not None
    if fan.stop.reason == "failed":
        return f"{fanning.name(step, fan.at)} of {step.label} had failed"
    if fan.stop.reason == "enough":
        return f"enough arms of {step.label} were done"
    if fan.stop.reason == "limit":
        return "the run that it is a part of has met a limit"
    if fan.stop.reason == "late":
        return "nobody answered what the run that it is a part of had asked"
    if fan.stop.reason == "aborted":
        return f"{fan.stop.by} stopped the run that it is a part of"
    return f"{fan.stop.by or 'somebody'} cancelled the run that it is a part of"


# opening


def _open(desk: Desk, held: Held, step: PlanStep) -> Failure | None:
    """Opens it at this visit; or why that can't be done."""
    assert step.fan is not None
    try:
        if step.type == "workflow":
            total = 1
            if broken := _unfit(held, step):
                return broken
        else:
            total = len(step.fan.arms) or len(_items(held, step))
    except EvaluationError as error:
        return Failure(ErrorCode.EXPRESSION, f"{'over' if step.fan.over else 'input'}: {error}", sent=False)
    opened = fanning.opened(step, total)
    if isinstance(opened, Failure):
        return opened
    held.spans.setdefault(held.visit_key, desk.clock.now())
    held.position = replace(held.position, fan=opened)
    return None


def _unfit(held: Held, step: PlanStep) -> Failure | None:
    """Why a workflow can't be called so. Raises `EvaluationError`."""
    assert step.fan is not None
    called = step.fan.called
    if called is None:
        return Failure(ErrorCode.REFUSED, f"there is no {step.model.workflow} any more", sent=False)
    if called.retired is not None:
        words = f"{called.retired.sentence(called.workflow)} Publish a version that calls another workflow, or have it taken back"
        return Failure(ErrorCode.REFUSED, words, sent=False)
    return unexpected(step, _input(held, step))


def _input(held: Held, step: PlanStep) -> Any:
    """What a workflow is called with, typed by its contract. Raises `EvaluationError`."""
    assert step.fan is not None
    given = step.input.evaluate(held.environment(step.needs)) if step.input else {}
    return coerce(step.fan.called.input, given) if step.fan.called is not None else given


def _given(held: Held, step: PlanStep) -> Any:
    """The input of a called workflow; None where that can't be computed, and of other steps."""
    try:
        return _input(held, step) if step.type == "workflow" else None
    except EvaluationError:
        return None


def _items(held: Held, step: PlanStep) -> list[Any]:
    """What a map goes over: a fold of the state, and so the same at every turn of a visit. Raises `EvaluationError`."""
    return _lists.get((held.run_id, held.visit_key), lambda: _evaluated(held, step))


def _evaluated(held: Held, step: PlanStep) -> list[Any]:
    assert step.fan is not None and step.fan.over is not None
    found = step.fan.over.evaluate(held.environment(step.needs))
    if not isinstance(found, list):
        raise EvaluationError(f"must be a list; it is {abbreviate(found)}")
    return found


# counting


async def _join(desk: Desk, held: Held, step: PlanStep) -> None:
    """Counts the children that have ended since."""
    while _fan(held).live:
        found = await _family(desk).ended(held)
        for child in found:
            _count(held, step, child)
        if len(found) < MOST_COUNTED:
            return
        await desk.commit(held, held.holding(desk.clock.now()))
        if held.asked:
            return


def _count(held: Held, step: PlanStep, child: Child) -> None:
    held.joins.append(JoinRow(True, held.run_id, child.run))
    lent = {**(child.spent.lent or {}), **fanning.lent(_fan(held), child.ended.index)}
    held.spent = lending.back(held.spent, replace(child.spent, lent=lent))
    held.position = replace(held.position, fan=fanning.joined(step, _fan(held), [child.ended]))


# limits


async def _at_limit(desk: Desk, held: Held, step: PlanStep) -> bool:
    """Whether a child waits at a limit of the whole, so that none is begun. Where a person has lifted it, they go on; so do those
    for which there is more left. Else they wait until others have ended; and where all wait, this run has met it too: it asks,
    or waits in its turn (and raises `Released`); or it goes elsewhere, and stops them first."""
    if not _fan(held).live or _fan(held).stop is not None or limits.unlimited(held.plan, held.spent):
        return False
    waiting = await _family(desk).at_limit(held)
    for limit in {child.spent.met for child in waiting} - limits.left(held.plan, held.spent).keys():
        await _family(desk).lift(held, limit)
        waiting = [child for child in waiting if child.spent.met != limit]
    loans = list(_loans(held, step, waiting))
    if loans:
        await desk.commit(held, held.holding(desk.clock.now()))
        if held.asked:
            return True
        await _family(desk).lend(held, loans)
    met = waiting[len(loans) :]
    if 0 < len(met) < _fan(held).live:  # the others may give back what these lack
        await _family(desk).wait(held, met)
        return True
    if not met:
        return False
    limit = met[0].spent.met
    if settle.waits_at(held, limit):
        await settle.take_breach(desk, held, limit, lacks=met[0].spent.lacks)
    held.position = replace(held.position, fan=replace(_fan(held), stop=Stop("limit", why=limit)))
    return True


def _loans(held: Held, step: PlanStep, waiting: Iterable[AtLimit]) -> Iterator[Loan]:
    """What these children are lent now, or were and have not heard of, up to the first for which there is not enough left. What
    this run has left is less by that."""
    for child in waiting:
        limit, has = child.spent.met, (child.spent.lent or {}).get(child.spent.met, 0)
        noted = fanning.lent(_fan(held), child.index).get(limit, 0)
        if noted <= has:
            more = lending.more(held.plan, held.spent, _level(step, child.index), limit, child.spent.lacks)
            if not more:
                return
            noted = has + more
            held.spent = lending.out(held.spent, Spent(lent={limit: more}))
            held.position = replace(held.position, fan=fanning.lend(_fan(held), child.index, limit, noted))
        yield Loan(child.index, limit, noted)


# beginning


async def _begin(desk: Desk, held: Held, step: PlanStep) -> None:
    """Begins as many as there is room for, within the limits of the run."""
    while room := fanning.room(step, _fan(held)):
        begun = _fan(held).begun
        made = list(_children(desk, held, step, range(begun, begun + min(room, BATCH))))
        held.children.extend(made)
        held.position = replace(held.position, fan=replace(_fan(held), begun=begun + len(made)))
        if not made and not _fan(held).live:
            limit = lending.lacking(held.plan, held.spent, _level(step, begun))
            held.position = replace(held.position, fan=replace(_fan(held), stop=Stop("limit", why=limit)))
        if len(made) < min(room, BATCH):
            return
        if room > BATCH:
            await desk.commit(held, held.holding(desk.clock.now()))
            if held.asked:
                return


def _children(desk: Desk, held: Held, step: PlanStep, indexes: range) -> Iterator[ChildRow]:
    """The children of these indexes, as far as the limits of the run have room for what each may come to."""
    assert step.fan is not None
    now, first = desk.clock.now(), indexes.start
    items = _items(held, step) if step.fan.over is not None else []
    inherited = held.part_of.item if held.part_of else {}
    above = held.part_of.around if held.part_of else ()
    around = (*above, Around(held.run_id, len(held.position.frames), held.seq))
    called = step.fan.called
    for index in indexes:
        lent = lending.lend(held.plan, held.spent, _level(step, index), alone=index == first and not _fan(held).live)
        if lent is None:
            return
        held.spent = lending.out(held.spent, lent)
        if called is None:  # what is lifted for the whole is lifted for its parts, and what it has met they don't meet again
            lent = replace(lent, lifted=held.spent.lifted, breached=held.spent.breached)
        at = _first(held, step, index) if called is None else None
        item = {"item": items[index], "index": index} if items else inherited
        given = child_input(item, around) if called is None else _input(held, step)
        yield ChildRow(
            id=new_id(),
            workflow_id=held.version[0] if called is None else called.workflow,
            version_id=held.version[1] if called is None else called.version,
            parent_id=held.run_id,
            parent_path=held.position.visit_path,
            parent_visit=held.position.visit,
            index=index,
            input=held.pack(given),
            created=now,
            due=now,
            position=held.pack(dump(at) if at else None),
            place=at.path[:500] if at else "",
            spent=values.dump(lent.as_dict()),
            state_hash=state.start(given).hash,
        )


def _level(step: PlanStep, index: int) -> str:
    """The body that a child runs."""
    assert step.fan is not None
    return step.fan.arms[index] if step.fan.arms else step.id


def _first(held: Held, step: PlanStep, index: int) -> Position:
    """Where a child begins: in the frames of its parent, without what only a run that is in them can see, and its own."""
    assert step.fan is not None
    around = tuple(Frame(frame.step, frame.round, kind=frame.kind) for frame in held.position.frames)
    if step.fan.arms:
        arm = step.fan.arms[index]
        return Position(held.plan.first(arm), frames=(*around, Frame(arm, 0, kind="arm")), error=held.position.error)
    own = Frame(step.id, index, kind="item")
    return Position(held.plan.first(step.id), frames=(*around, own), error=held.position.error)


# closing


async def _close(desk: Desk, held: Held, step: PlanStep, fan: Fan) -> None:
    """None lives, and none will be begun. Its record began when the first of them was: the run has waited since."""
    if began := await _family(desk).began(held):
        held.spans[held.visit_key] = began
    if fan.stop is not None and fan.stop.reason == "cancelled":
        await settle.cancel(desk, held, fan.stop.by, fan.stop.why)
    if fan.stop is not None and fan.stop.reason == "aborted":
        await settle.abort(desk, held, fan.stop.by, ErrorCode(fan.stop.why))
    if fan.stop is not None and fan.stop.reason == "late":
        await settle.unattended(desk, held)
    if fan.stop is not None and fan.stop.reason == "limit":
        held.position = replace(held.position, fan=replace(fan, stop=None))
        await settle.take_breach(desk, held, fan.stop.why)
        return
    await settle.settle(desk, held, step, _given(held, step), await _result(desk, held, step, fan))


async def _result(desk: Desk, held: Held, step: PlanStep, fan: Fan) -> Result:
    """What it comes to. That may be more than there is memory for, so no more of it is read than it may be."""
    ended: list[Ended] | None = []
    if fan.stop is None or fan.stop.reason != "failed":
        ended = await _family(desk).gave(held, fanning.tells_failures(step), MOST_OUTPUT)
    result = None if ended is None else fanning.result(step, fan, ended)
    if result is None or (result.output is not None and len(values.dump(result.output)) > MOST_OUTPUT):
        words = f"what they gave is longer than {MOST_OUTPUT:,} characters; let `output` give less of each"
        return Result.error(ErrorCode.TOO_LARGE, words)
    return result
