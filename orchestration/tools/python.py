"""Tools that are Python functions, run in a few warm children that can be killed, so that deadlines hold and a crash in a
tool stays the tool's. `registry` says how a function becomes a tool."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from orchestration.core.catalog import Tool
from orchestration.core.errors import ErrorCode, Unreadable
from orchestration.core.frozen import dataclass
from orchestration.core.result import Answer, Failure, Request
from orchestration.core.values import clean_text, dump, parse_json

_RAW_CAP = 1_000_000
_START_SECONDS = 30.0
# What the engine needs and a tool should not see. A tool's own settings stay.
_KEPT_FROM_TOOLS = (
    "SECRET_KEY", "SECRETS_KEY", "DATABASE_URL", "REDIS_URL", "BROKER_URL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY",
)  # fmt: skip


def build(tool: Tool, given: Mapping[str, Any], key: str, timeout: float) -> Request:
    """The call as it will be sent to a child."""
    body = dump({"tool": tool.name, "input": dict(given), "key": key})
    return Request(protocol="python", target=tool.name, method="", body=body, timeout=timeout, key=key)


def read(frame: bytes, request: Request) -> Answer:
    """The answer in a child's frame. An exception's trace is kept in `raw` and stays out of the message."""
    raw = clean_text(frame[: 4 * _RAW_CAP].decode("utf-8", "replace")[:_RAW_CAP]).value
    try:
        read = parse_json(frame, max_bytes=len(frame))
    except Unreadable as error:
        message = f"{request.target} returned what can't be kept: {error.problems[0].message}"
        return Answer(Failure(ErrorCode.INVALID_OUTPUT, message), raw=raw)
    found = read.value
    if "error" not in found:
        return Answer(output=found["output"], raw=raw, marks=read.marks)
    said = found["error"]
    message = f"{request.target} failed: {said['message']}"
    return Answer(Failure(ErrorCode(said["code"]), message, said["retry_after"], sent=said["happened"]), raw=raw)


async def perform(request: Request, secrets: Mapping[str, str], pool: "PythonPool") -> Answer:
    """Run the call in a child, within `request.timeout` seconds, waiting for a free child included."""
    found = await pool.call(request)
    return Answer(found) if isinstance(found, Failure) else read(found, request)


@dataclass(frozen=True, slots=True)
class _Child:
    process: asyncio.subprocess.Process

    @property
    def lives(self) -> bool:
        return self.process.returncode is None

    async def exchange(self, data: bytes) -> bytes:
        """One frame out, one in. Raises OSError or IncompleteReadError where the child is gone."""
        assert self.process.stdin is not None
        self.process.stdin.write(len(data).to_bytes(4, "big") + data)
        await self.process.stdin.drain()
        return await self.receive()

    async def receive(self) -> bytes:
        assert self.process.stdout is not None
        size = int.from_bytes(await self.process.stdout.readexactly(4), "big")
        return await self.process.stdout.readexactly(size)

    async def kill(self) -> None:
        """End the child and all that it started: it leads a process group of its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()


class PythonPool:
    """`async with PythonPool(["shop.tools"]) as pool:` keeps `size` children warm, each with one call at a time.

    A child that exceeds a deadline, dies, or whose call is cancelled is killed and another started in its place. Use it on
    the loop that opened it.
    """

    def __init__(self, modules: Sequence[str], size: int = 2, output_bytes: int = 4_000_000) -> None:
        self.modules = tuple(modules)
        self.size = size
        self.output_bytes = output_bytes
        self._free: asyncio.Queue[_Child | Failure] = asyncio.Queue()
        self._children: set[_Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._free = asyncio.Queue()
        for _ in range(self.size):
            self._soon(self._start())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(child.kill() for child in self._children))
        self._children.clear()

    async def call(self, request: Request) -> bytes | Failure:
        """The child's frame, or why there is none."""
        child: _Child | Failure | None = None
        whole = False
        try:
            async with asyncio.timeout(request.timeout):
                child = await self._take()
                if isinstance(child, Failure):
                    return child
                frame = await child.exchange((request.body or "").encode())
                whole = True
                return frame
        except TimeoutError:
            if child is None:
                return Failure(ErrorCode.TIMEOUT, f"{request.target} found no free tool process in time", sent=False)
            return Failure(ErrorCode.TIMEOUT, f"{request.target} took longer than {request.timeout:g} s and was stopped")
        except (OSError, asyncio.IncompleteReadError):
            return Failure(ErrorCode.TOOL_ERROR, f"the process of {request.target} died in the middle of the call")
        finally:
            if whole and isinstance(child, _Child):
                self._free.put_nowait(child)
            elif child is not None:
                self._soon(self._replace(child))

    async def _take(self) -> _Child | Failure:
        """A child that lives. One that died while it was idle never got the call, so another is waited for."""
        while True:
            child = await self._free.get()
            if isinstance(child, Failure) or child.lives:
                return child
            self._soon(self._replace(child))

    async def _replace(self, child: _Child | Failure) -> None:
        if isinstance(child, _Child):
            await child.kill()
            self._children.discard(child)
        await self._start()

    async def _start(self) -> None:
        """Start a child and offer it, or offer the failure that says why there is none."""
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "orchestration.tools.child",
                ",".join(self.modules),
                str(self.output_bytes),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=_environment(),
                start_new_session=True,
            )
        )
        try:
            child = _Child(await asyncio.shield(starting))
        except asyncio.CancelledError:  # uvloop lets go of a process whose start is cancelled, and it would live on
            await _Child(await starting).kill()
            raise
        self._children.add(child)
        why = "it did not start"
        try:
            async with asyncio.timeout(_START_SECONDS):
                first = parse_json(await child.receive()).value
            if "ready" in first:
                self._free.put_nowait(child)
                return
            why = first["failed"]
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        await child.kill()
        self._children.discard(child)
        self._free.put_nowait(Failure(ErrorCode.TOOL_ERROR, f"the process for Python tools failed: {why}", sent=False))

    def _soon(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _environment() -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if name not in _KEPT_FROM_TOOLS}
    return {**found, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
