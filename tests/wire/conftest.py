"""A scripted server and a door to it, for the tests of protocols. What leaves, leaves on the engine's kind of loop."""

from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import pytest_asyncio

from orchestration.door import Door, Limits
from orchestration.executor.engine import new_event_loop
from tests.servers import ScriptedServer


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    return {"engine": new_event_loop}


@pytest.fixture(scope="module")
def running() -> Iterator[ScriptedServer]:
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def server(running: ScriptedServer) -> ScriptedServer:
    running.reset()
    return running


@pytest_asyncio.fixture
async def door(server: ScriptedServer) -> AsyncIterator[Door]:
    async with Door(reach=[server.place], limits=Limits(connect=1, body_bytes=2_000_000)) as opened:
        yield opened
