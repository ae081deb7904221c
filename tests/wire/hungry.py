"""How much memory bad input costs, told by a process of its own: `python -m tests.wire.hungry` reads texts of its own making,
`… PLACE PATH …` asks a server four times at once at each path. Prints for each by how many bytes the
process grew at most, and what it is called.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from orchestration.core.errors import Unreadable
from orchestration.core.result import Request
from orchestration.core.values import parse_json
from orchestration.door import Door

TEN = 10_000_000
TEXTS = {
    "empty lists": lambda: b"[" + b"[]," * (TEN // 3) + b"[]]",
    "empty objects": lambda: b"[" + b"{}," * (TEN // 3) + b"{}]",
    "chains of lists": lambda: b"[" + (b"[" * 50 + b"]" * 50 + b",") * (TEN // 101) + b"1]",
    "numbers": lambda: b"[" + b"0.5," * (TEN // 4) + b"1]",
    "keys": lambda: b"{" + b'"k":1,' * (TEN // 6) + b'"k":1}',
    "one long text": lambda: b'"' + b"x" * TEN + b'"',
}
"""Some ten million bytes each, as a model or a tool may send them."""


async def ask(place: str, path: str) -> str:
    async with Door(reach=[place]) as door:
        request = Request("http", "t", "POST", f"http://{place}{path}", body="{}", timeout=60.0)
        replies = await asyncio.gather(*(door.send(request) for _ in range(4)))
        return "/".join({reply.failure.code.value if reply.failure else "none" for reply in replies})


def read(text: bytes) -> str:
    try:
        parse_json(text, max_bytes=2 * TEN)
    except Unreadable as error:
        return error.problems[0].code
    return "read"


def measured(work: Callable[[], str]) -> str:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _peak()
    found = work()
    return f"{_peak() - before} {found}"


def _peak() -> int:
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


if __name__ == "__main__":
    place, *paths = [*sys.argv[1:], ""][: max(len(sys.argv) - 1, 1)]
    for path in paths:
        print(measured(lambda path=path: asyncio.run(ask(place, path))))  # type: ignore[misc]
    for make in () if paths else TEXTS.values():
        print(measured(partial(read, make())))
