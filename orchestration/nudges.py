"""After a commit: "run r is at revision n", to whoever watches. A nudge may be lost; pages fetch, and detect gaps.

Topics are `run.<id>`, `workflow.<id>` (its draft), `present.<id>` (who is at that draft, and what they did), `runs` and `inbox`.
The revision of the last three is a time in milliseconds: it only has to grow.
A topic that moves faster than nudges leave is told once, at its newest revision. All that is told at one moment is one message,
whoever watches what: who receives it knows (`dashboard/ear`).
"""

import asyncio
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings

log = logging.getLogger(__name__)

LAYER, GROUP = "nudges", "nudges"
"""The channel layer, and the group in it to which every process belongs that has pages to tell."""
MOST = 5_000
"""Topics that may wait to be sent. More: the channel layer is down, and pages will catch up without."""
PAUSE = 0.05
"""Seconds between two messages, in which what follows closely is gathered into one."""
BREATH = 0.005
"""Seconds before the first: who has just committed has an answer, a hint or a call to send, and computes for that now."""
DOWN = 1.0
"""Seconds for which a channel layer that failed is left alone."""

_loop: asyncio.AbstractEventLoop | None = None
_lock = threading.Lock()
_waiting: dict[str, int] = {}
_sending = False


def use_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Nudges leave on this loop: the web server's, where the channel layer is in its memory."""
    global _loop, _sending
    _loop, _sending = loop, False


def announce(
    changes: Iterable[tuple[str, int]],
    people: bool = False,
    drafts: Iterable[tuple[str, int]] = (),
    present: Iterable[str] = (),
) -> None:
    """(run, revision) of each run that was moved, and (workflow, revision) of each draft that was written. `people`: something in
    an inbox changed too; `present`: at the drafts of these workflows others are there now. Never blocks or raises."""
    global _sending
    loop = _a_loop()
    if loop is None or loop.is_closed():
        return
    now = time.time_ns() // 1_000_000
    with _lock:
        for run, revision in changes:
            _waiting[f"run.{run}"] = max(_waiting.get(f"run.{run}", 0), revision)
            _waiting["runs"] = now
        for workflow, revision in drafts:
            _waiting[f"workflow.{workflow}"] = max(_waiting.get(f"workflow.{workflow}", 0), revision)
            _waiting[f"present.{workflow}"] = now
        for workflow in present:
            _waiting[f"present.{workflow}"] = now
        if people:
            _waiting["inbox"] = now
        if len(_waiting) > MOST:
            _waiting.clear()
        if _sending or not _waiting:
            return
        _sending = True
    try:
        asyncio.run_coroutine_threadsafe(_send_all(), loop)
    except RuntimeError as error:  # the loop is closing; pages will catch up when they are back
        _sending = False
        log.debug("A nudge was dropped: %s", error)


def _a_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that was given, else, where the channel layer is a server that all processes share, one of our own."""
    global _loop
    if _loop is None and settings.REDIS_URL:
        with _lock:
            if _loop is None:
                _loop = asyncio.new_event_loop()
                threading.Thread(target=_loop.run_forever, name="nudges", daemon=True).start()
    return _loop


async def _send_all() -> None:
    """Sends what waits, until nothing does."""
    global _sending, _waiting
    layer: Any = get_channel_layer(LAYER)
    await asyncio.sleep(BREATH)
    while True:
        with _lock:
            batch, _waiting = _waiting, {}
            _sending = bool(batch)
        if not batch:
            return
        try:
            await layer.group_send(GROUP, {"type": "nudge", "changes": batch})
        except Exception as error:
            log.warning("Nudges were lost (%s); pages catch up by themselves.", error)
            await asyncio.sleep(DOWN)
        await asyncio.sleep(PAUSE)
