"""A scripted server and a door to it, for the tests of protocols."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from orchestration.door import Door, Limits
from tests.servers import ScriptedServer


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
