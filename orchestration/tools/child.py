"""The process that runs Python tools: `python -m orchestration.tools.child MODULES LIMIT`, one call at a time.

Frames on standard input and output: four bytes of length (big-endian), then JSON. In: {tool, input, key}. Out, first of all:
{ready: true} or {failed: why}; then for each call {output} or {error: {code, message, retry_after, happened, trace}}, where
`happened` is False if nothing was done.

What a tool prints goes to standard error, and its standard input is empty, so neither can disturb the frames. When the
parent is gone the process ends at once, whatever a tool is doing.
"""

import asyncio
import inspect
import json
import os
import queue
import sys
import threading
import traceback
from typing import Any, BinaryIO

from orchestration.core.errors import ErrorCode
from orchestration.tools.registry import REGISTERED, ToolFailure, load

_CUT = 500
_TRACE_CUT = 20_000


def main(modules: str, limit: int) -> None:
    calls, answers = _take_pipes()
    try:
        load(name for name in modules.split(",") if name)
    except Exception as error:
        _write(answers, json.dumps({"failed": str(error)[:_CUT]}).encode())
        return
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(calls, waiting), daemon=True).start()
    _write(answers, b'{"ready": true}')
    while True:
        _write(answers, _answer(json.loads(waiting.get()), limit))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes for ourselves, and give the tools an empty input and standard error in their place."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return calls, answers


def _listen(calls: BinaryIO, waiting: "queue.SimpleQueue[bytes]") -> None:
    while head := calls.read(4):
        waiting.put(calls.read(int.from_bytes(head, "big")))
    os._exit(0)


def _answer(call: dict[str, Any], limit: int) -> bytes:
    try:
        data = json.dumps({"output": _run(call)}, allow_nan=True).encode("utf-8", "surrogatepass")
    except ToolFailure as failure:
        return _error(failure.code, str(failure), failure.retry_after, failure.may_have_happened)
    except BaseException as error:
        return _error(ErrorCode.TOOL_ERROR, f"{type(error).__name__}: {error}")
    if len(data) > limit:
        return _error(ErrorCode.TOO_LARGE, f"its output has {len(data):,} bytes; {limit:,} are allowed")
    return data


def _run(call: dict[str, Any]) -> Any:
    registered = REGISTERED.get(call["tool"])
    if registered is None:
        raise ToolFailure(ErrorCode.NOT_FOUND, "no module of INTERLOCK_TOOLS registers it")
    result = registered.call(call["input"], call["key"])
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    try:
        plain = registered.plain(result)
        json.dumps(plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolFailure(ErrorCode.INVALID_OUTPUT, f"it returned what is not JSON: {error}", happened=True) from error
    return plain


def _error(code: ErrorCode, message: str, retry_after: float | None = None, happened: bool = True) -> bytes:
    trace = traceback.format_exc()[-_TRACE_CUT:] if sys.exc_info()[0] else ""
    error = {"code": code, "message": message[:_CUT], "retry_after": retry_after, "happened": happened, "trace": trace}
    return json.dumps({"error": error}).encode()


def _write(answers: BinaryIO, data: bytes) -> None:
    answers.write(len(data).to_bytes(4, "big") + data)
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
