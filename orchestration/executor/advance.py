"""One run: step after step, from where it stands until it ends, waits, or is given back.

`advance(desk, held)` is the loop. Each turn is one of: a pure step (branch, set, end, a loop that opens or closes), which is
gathered and shares the next commit; a visit with calls (`visit`, `rounds`); a person (`escalate`); child runs (`children`);
a wait (`waiting`).
"""

from orchestration.core import decision as deciding
from orchestration.core.acceptance import unexpected
from orchestration.core.plan import PlanStep
from orchestration.core.position import Position
from orchestration.core.result import Result
from orchestration.executor import children, escalate, rounds, settle, visit, waiting
from orchestration.executor.desk import Desk, Released
from orchestration.executor.held import Held
from orchestration.steps import CALLS, PURE

GATHER = 50
"""How many pure records are gathered before they are committed."""


async def advance(desk: Desk, held: Held) -> None:
    """Moves the run until it leaves this worker. Raises `Superseded`, and what is a surprise."""
    try:
        while True:
            await turn(desk, held)
            if len(held.records) >= GATHER:
                await desk.commit(held, held.holding(desk.clock.now()))
    except Released:
        return


async def turn(desk: Desk, held: Held) -> None:
    """Does the next thing, whatever it is. Raises `Released` when the run was let go."""
    if held.asked:
        await settle.apply_asked(desk, held)
    step = held.plan.steps[held.position.active]
    if held.overdue:
        held.overdue = False
        await settle.deadline(desk, held, step)
    elif step.type not in ("human", "end") and held.position.fan is None and (limit := deciding.breach(held.plan, held.spent)):
        await settle.take_breach(desk, held, limit)
    elif refused := await _refused(desk, held, step):
        await settle.settle(desk, held, step, None, refused)
    elif step.type == "loop":
        await _loop(desk, held, step)
    elif step.fan is not None:
        await children.turn(desk, held, step)
    elif step.type in PURE:
        await desk.load(held, settle.needs(held, step))
        given, result = PURE[step.type](step, held.environment(step.needs))
        await settle.settle(desk, held, step, given, result)
    elif step.type == "human":
        if refused := await escalate.human(desk, held, step):
            await settle.settle(desk, held, step, None, refused)
    elif step.type == "wait":
        await waiting.turn(desk, held, step)
    elif step.type == "llm" and step.tools:
        await rounds.turn(desk, held, step)
    else:
        await visit.turn(desk, held, step)


async def _refused(desk: Desk, held: Held, step: PlanStep) -> Result | None:
    """Why a step that calls nobody can't run: what it reads is not what it expects. `visit` looks at the input of the others."""
    if step.expects is None or step.type in (*CALLS, "workflow") or held.position.close or held.position.fan:
        return None
    await desk.load(held, settle.needs(held, step))
    env = held.environment(step.needs)
    broken = unexpected(step, {name: value for name, value in env.items() if name in step.roots})
    return Result.failed(broken) if broken else None


async def _loop(desk: Desk, held: Held, step: PlanStep) -> None:
    """Opens a loop, which leaves no record of its own; or closes it, which does."""
    await desk.load(held, settle.needs(held, step))
    if held.position.close is None:
        entered = deciding.enter(held.plan, held.position, held.environment(step.needs))
        if isinstance(entered, Position):
            held.position = entered
        else:
            await settle.settle(desk, held, step, None, Result.failed(entered))
        return
    result = deciding.loop_result(held.plan, held.position, held.environment(step.needs))
    await settle.settle(desk, held, step, {"rounds": held.position.frames[-1].round}, result)
