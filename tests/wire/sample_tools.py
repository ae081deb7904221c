"""Python tools for tests, good and bad."""

import asyncio
import ctypes
import os
import subprocess
import sys
import time
from typing import Any

from pydantic import BaseModel, Field

from orchestration.core.errors import ErrorCode
from orchestration.tools.registry import ToolFailure, tool


@tool("demo.add", effect="none")
def add(a: float, b: float = 1) -> float:
    """Adds two numbers."""
    return a + b


class Order(BaseModel):
    sku: str = Field(max_length=20)
    count: int = 1


class Receipt(BaseModel):
    total: float
    key: str


@tool("demo.order", effect="idempotent", input=Order, timeout=3)
def order(wanted: Order, *, idempotency_key: str) -> Receipt:
    return Receipt(total=wanted.count * 2.5, key=idempotency_key)


@tool("demo.slow", effect="none", input={"type": "object"}, output={"type": "object"})
async def slow(**given: Any) -> Any:
    await asyncio.sleep(given.get("seconds", 0))
    return given


@tool("demo.noise", effect="none")
def noise() -> dict[str, str]:
    print("a print that is no frame")
    os.write(1, b"\x00\x00\x00\x04null")
    subprocess.run([sys.executable, "-c", "print('and a child of its own')"], check=True)
    return {"read": sys.stdin.read()}


@tool("demo.stuck", effect="irreversible")
def stuck() -> None:
    while True:
        time.sleep(3600)


@tool("demo.fails", effect="none")
def fails(how: str) -> Any:
    if how == "typed":
        raise ToolFailure(ErrorCode.RATE_LIMITED, "not so fast", retry_after=2.5)
    if how == "exit":
        raise SystemExit(3)
    if how == "die":
        os._exit(1)
    if how == "crash":
        ctypes.string_at(0)
    if how == "not json":
        return object()
    if how == "nan":
        return float("nan")
    if how == "nul":
        return "a\x00b\ud800"
    if how == "large":
        return "x" * 5_000_000
    raise ValueError(f"cannot do {how}")


@tool("demo.environment", effect="none")
def environment(name: str) -> str | None:
    return os.environ.get(name)


@tool("demo.pid", effect="none")
def pid() -> int:
    return os.getpid()


@tool("demo.sends")
def sends(how: str) -> dict[str, str]:
    """Irreversible, and fails on its way."""
    if how == "die":
        os._exit(3)
    if how == "raise":
        raise ConnectionResetError("the line broke when it had been sent")
    raise ToolFailure(how, "it was not even begun")
