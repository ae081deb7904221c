"""After a commit: "run r is at revision n", to whoever watches. A nudge may be lost; pages fetch, and detect gaps.

Topics are `run.<id>`, `runs` and `inbox`. The revision of the last two is a time in milliseconds: it only has to grow.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from channels.layers import get_channel_layer

log = logging.getLogger(__name__)

_loop: asyncio.AbstractEventLoop | None = None


def use_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Nudges leave on this loop: the web server's where it is in this process, since its sockets live there."""
    global _loop
    _loop = loop


def announce(changes: Iterable[tuple[str, int]], people: bool = False) -> None:
    """(run, revision) of each run that was moved. `people`: something in an inbox changed too. Never blocks or raises."""
    if _loop is None or _loop.is_closed():
        return
    messages = [(f"run.{run}", revision) for run, revision in changes]
    now = time.time_ns() // 1_000_000
    if messages:
        messages.append(("runs", now))
    if people:
        messages.append(("inbox", now))
    try:
        asyncio.run_coroutine_threadsafe(_send(messages), _loop)
    except RuntimeError as error:  # the loop is closing; pages will catch up when they are back
        log.debug("A nudge was dropped: %s", error)


async def _send(messages: list[tuple[str, int]]) -> None:
    layer: Any = get_channel_layer()
    for topic, revision in messages:
        try:
            await layer.group_send(topic, {"type": "nudge", "topic": topic, "revision": revision})
        except Exception as error:
            log.warning("A nudge for %s was lost: %s", topic, error)
