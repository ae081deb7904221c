"""What is asked of a run while its call is under way, by pokes that come at any moment, one at a time: no thread, no database."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from orchestration.core.errors import ErrorCode
from orchestration.core.result import Answer, Request
from orchestration.executor.bench import Bench
from orchestration.executor.desk import Superseded
from orchestration.executor.turns import Turns

PATIENCE = 10.0
REQUEST = Request("openai", "main")


class Slow(Bench):
    """Its calls end when the test says so; each of its looks begins, waits, and finds what is in `finds` by then."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace(turns=Turns()), None, None)  # type: ignore[arg-type]
        self.held: Any = SimpleNamespace(run_id="r", asked=None)
        self.answer: asyncio.Future[Answer] = asyncio.Future()
        self.began, self.goes_on = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.finds: list[Any] = []
        self.looks = 0

    async def _call(self, request: Request) -> Answer:
        return await self.answer

    async def _look(self, held: Any) -> None:
        self.looks += 1
        self.began.release()
        await self.goes_on.acquire()
        found = self.finds.pop(0)
        if isinstance(found, Exception):
            raise found
        held.asked = found


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def under_way() -> "tuple[Slow, asyncio.Task[Answer]]":
    bench = Slow()
    doing = asyncio.create_task(bench.perform(bench.held, REQUEST, None))
    await turn()
    return bench, doing


def test_it_looks_again_where_it_was_poked_while_it_looked() -> None:
    async def main() -> None:
        bench, doing = await under_way()
        bench.poke("r")
        await bench.began.acquire()
        bench.poke("r")
        bench.finds = [None, {"verb": "cancel"}]
        bench.goes_on.release()
        await bench.began.acquire()
        bench.goes_on.release()
        answer = await doing
        assert answer.failure is not None and answer.failure.code == ErrorCode.TIMEOUT
        assert "a person intervened" in answer.failure.message
        assert bench.answer.cancelled(), "nobody waits for the other side any more"

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_one_look_is_enough_where_it_was_poked_once_and_the_call_goes_on_where_nothing_was_asked() -> None:
    async def main() -> None:
        bench, doing = await under_way()
        bench.poke("r")
        bench.poke("r")
        bench.finds = [None, None]
        bench.goes_on.release()
        await turn()
        assert bench.looks == 1
        bench.poke("r")
        await turn()
        assert bench.looks == 2
        bench.answer.set_result(Answer(text="whole"))
        assert (await doing).text == "whole"
        bench.goes_on.release()
        await turn()
        assert bench.finds == [None], "who had not looked to the end when the call was over looks no more"

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_the_run_of_another_ends_the_call_at_once() -> None:
    async def main() -> None:
        bench, doing = await under_way()
        bench.poke("r")
        bench.finds = [Superseded()]
        bench.goes_on.release()
        with pytest.raises(Superseded):
            await doing

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_a_poke_after_the_call_finds_nobody() -> None:
    async def main() -> None:
        bench, doing = await under_way()
        bench.answer.set_result(Answer())
        await doing
        bench.poke("r")
        await turn()
        assert bench.looks == 0

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
