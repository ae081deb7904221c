"""Python functions as tools: contracts from annotations, deadlines that hold, crashes that stay theirs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from orchestration.core.contract import contract
from orchestration.core.errors import ErrorCode, Refused
from orchestration.core.result import Answer, Failure
from orchestration.tools import python
from orchestration.tools.python import PythonPool
from orchestration.tools.registry import load, tool

MODULE = "tests.wire.sample_tools"
TOOLS = load([MODULE])


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[PythonPool]:
    async with PythonPool([MODULE], size=1) as opened:
        yield opened


async def call(pool: PythonPool, name: str, given: dict[str, Any] | None = None, timeout: float = 20) -> Answer:
    return await python.perform(python.build(TOOLS[name], given or {}, "k1", timeout), {}, pool)


def failure(answer: Answer) -> Failure:
    assert answer.failure is not None, answer
    return answer.failure


def test_a_contract_is_read_from_the_function() -> None:
    add = TOOLS["demo.add"]
    assert (add.effect, add.kind, add.description) == ("none", "python", "Adds two numbers.")
    check = contract(add.input).check
    assert check({"a": 1}) == ()
    assert [problem.path for problem in check({"b": "x", "c": 1}, "input")]
    assert contract(add.output).check("3")
    order = TOOLS["demo.order"]
    assert order.input["required"] == ["sku"]
    assert "idempotency_key" not in order.input["properties"]
    assert (order.effect, order.timeout, set(order.output["properties"])) == ("idempotent", 3, {"total", "key"})


def test_what_can_not_be_a_tool_says_so() -> None:
    with pytest.raises(ValueError, match="needs a type for its parameter x"):
        tool("demo.bad")(lambda x: x)
    with pytest.raises(ValueError, match="registered twice"):
        tool("demo.add")(_add)
    with pytest.raises(Refused, match=r"no\.such\.module"):
        load(["no.such.module"])


def _add(a: float) -> float:
    return a


async def test_functions_take_and_give_what_their_contract_says(pool: PythonPool) -> None:
    assert (await call(pool, "demo.add", {"a": 2})).output == 3.0
    assert (await call(pool, "demo.order", {"sku": "x", "count": 4})).output == {"total": 10.0, "key": "k1"}
    assert (await call(pool, "demo.slow", {"anything": [1, None]})).output == {"anything": [1, None]}


async def test_what_a_tool_prints_or_reads_does_not_disturb_its_answer(pool: PythonPool) -> None:
    assert (await call(pool, "demo.noise")).output == {"read": ""}
    assert (await call(pool, "demo.add", {"a": 1})).output == 2


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("typed", ErrorCode.RATE_LIMITED, "not so fast"),
        ("raise", ErrorCode.TOOL_ERROR, "demo.fails failed: ValueError: cannot do raise"),
        ("exit", ErrorCode.TOOL_ERROR, "SystemExit"),
        ("die", ErrorCode.TOOL_ERROR, "died"),
        ("crash", ErrorCode.TOOL_ERROR, "died"),
        ("not json", ErrorCode.INVALID_OUTPUT, "not JSON"),
        ("nan", ErrorCode.INVALID_OUTPUT, "NaN"),
        ("large", ErrorCode.TOO_LARGE, "bytes"),
    ],
)
async def test_each_way_to_fail_has_its_code_and_the_pool_goes_on(how: str, code: ErrorCode, said: str, pool: PythonPool) -> None:
    found = await call(pool, "demo.fails", {"how": how})
    assert (failure(found).code, failure(found).sent) == (code, how != "typed"), "a ToolFailure says that nothing was done"
    assert said in failure(found).message
    assert "Traceback" not in failure(found).message
    assert ("Traceback" in found.raw) is (how not in ("die", "crash", "nan", "large"))
    assert failure(found).retry_after == (2.5 if how == "typed" else None)
    assert (await call(pool, "demo.add", {"a": 1})).output == 2


async def test_strings_that_no_database_holds_are_mended(pool: PythonPool) -> None:
    assert (await call(pool, "demo.fails", {"how": "nul"})).output == "a\ufffdb\ufffd"


async def test_a_deadline_kills_the_child_and_nobody_else(pool: PythonPool) -> None:
    before = (await call(pool, "demo.pid")).output
    found = failure(await call(pool, "demo.stuck", timeout=0.3))
    assert (found.code, found.sent) == (ErrorCode.TIMEOUT, True)
    after = (await call(pool, "demo.pid")).output
    assert after != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


async def test_a_cancelled_call_kills_its_child(pool: PythonPool) -> None:
    before = (await call(pool, "demo.pid")).output
    running = asyncio.ensure_future(call(pool, "demo.stuck"))
    while not pool._free.empty():
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await call(pool, "demo.pid")).output != before


async def test_waiting_for_a_busy_pool_ends_at_the_deadline_with_nothing_sent(pool: PythonPool) -> None:
    await call(pool, "demo.pid")
    running = asyncio.ensure_future(call(pool, "demo.stuck"))
    while not pool._free.empty():
        await asyncio.sleep(0)
    found = failure(await call(pool, "demo.add", {"a": 1}, timeout=0.2))
    assert (found.code, found.sent) == (ErrorCode.TIMEOUT, False)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_child_that_died_idle_is_replaced_before_the_next_call(pool: PythonPool) -> None:
    pid = (await call(pool, "demo.pid")).output
    os.kill(pid, signal.SIGKILL)
    (child,) = pool._children
    await child.process.wait()
    assert (await call(pool, "demo.add", {"a": 1})).output == 2


async def test_modules_that_fail_to_load_are_named() -> None:
    async with PythonPool(["no.such.module"], size=1) as pool:
        for _ in range(2):
            found = failure(await call(pool, "demo.add", {"a": 1}))
            assert (found.code, found.sent) == (ErrorCode.TOOL_ERROR, False)
            assert "no.such.module" in found.message


async def test_calls_run_side_by_side_one_to_a_child_and_children_end_with_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_KEY", "canary")
    monkeypatch.setenv("SHOP_REGION", "north")
    async with PythonPool([MODULE], size=2) as pool:
        found = await asyncio.gather(*(call(pool, "demo.add", {"a": n}) for n in range(20)))
        assert [answer.output for answer in found] == [n + 1 for n in range(20)]
        assert (await call(pool, "demo.environment", {"name": "SECRETS_KEY"})).output is None
        assert (await call(pool, "demo.environment", {"name": "SHOP_REGION"})).output == "north"
        pids = [child.process.pid for child in pool._children]
        assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_pool_that_is_closed_while_it_starts_its_children_leaves_none() -> None:
    async with PythonPool(["no.such.module"], size=3):
        await asyncio.sleep(0)
