"""Of many runs that could go on at one moment a few compute in each round of the loop."""

import asyncio
from collections import Counter

from orchestration.executor.turns import MOST, Turns

RUNS = 5 * MOST + 3


async def test_what_the_first_have_waited_for_comes_before_the_last_have_their_turn() -> None:
    loop, turns = asyncio.get_running_loop(), Turns()
    rounds, happened = Counter[int](), list[tuple[str, int]]()
    now = 0

    def tick() -> None:
        nonlocal now
        now += 1
        loop.call_soon(tick)

    async def run(number: int) -> None:
        await turns.take()
        rounds[now] += 1
        happened.append(("computes", number))
        written = loop.create_future()
        loop.call_soon(written.set_result, None)
        await written
        happened.append(("sends", number))

    loop.call_soon(tick)
    await asyncio.gather(*(run(number) for number in range(RUNS)))
    assert [number for what, number in happened if what == "computes"] == list(range(RUNS))
    assert max(rounds.values()) == MOST
    ahead = [
        sum(what == "computes" for what, _ in happened[: happened.index(("sends", number))]) - number for number in range(RUNS)
    ]
    assert max(ahead) <= 4 * MOST, "what is written leaves while others still wait for their turn"


async def test_who_is_stopped_while_it_waits_costs_nobody_a_turn() -> None:
    turns = Turns()
    waiting = [asyncio.create_task(turns.take()) for _ in range(RUNS)]
    await asyncio.sleep(0)
    stopped = waiting[MOST : 4 * MOST]
    for task in stopped:
        task.cancel()
    for _ in range(4):
        await asyncio.sleep(0)
    assert all(task.cancelled() for task in stopped)
    assert all(task.done() for task in waiting)
    await asyncio.wait_for(turns.take(), 10)
