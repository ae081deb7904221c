"""The one ear that a web process has at the channel layer, however many sockets it serves, and who of them watches what.

What `orchestration.nudges` announces anywhere comes to every ear, in batches, and each tells those of its own process that watch.
So a commit costs its worker the same whether nobody looks or hundreds do, and a topic that nobody watches costs nothing.
All of it happens on the loop of the web server.
"""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from channels.layers import get_channel_layer

from orchestration.nudges import GROUP, LAYER

log = logging.getLogger(__name__)

RENEWED = 5.0
"""Seconds after which whoever begins to watch joins the group again, which a channel layer that was restarted has forgotten."""


class Watcher(Protocol):
    def nudged(self, topic: str, revision: int) -> None:
        """A topic that it watches has come so far."""

    def deaf(self) -> None:
        """Nudges do not come any more. It is asked to watch again, later."""


_watchers: dict[str, set[Watcher]] = {}
_listening: asyncio.Task[None] | None = None
_channel = ""
_joined = -math.inf


async def watch(watcher: Watcher, topics: Iterable[str]) -> None:
    """From now on `watcher` is told of these topics. Raises `RedisError` where a channel layer on Redis does not answer."""
    await _listen()
    for topic in topics:
        _watchers.setdefault(topic, set()).add(watcher)


def leave(watcher: Watcher, topics: Iterable[str]) -> None:
    """It is told of these no more."""
    for topic in topics:
        if here := _watchers.get(topic):
            here.discard(watcher)
            if not here:
                del _watchers[topic]


def watched() -> frozenset[str]:
    return frozenset(_watchers)


async def _listen() -> None:
    """Sees to it that this process is in the group, and that somebody takes what comes."""
    global _listening, _channel, _joined
    layer: Any = get_channel_layer(LAYER)
    if _listening is None or _listening.done():
        _channel = await layer.new_channel()
        _listening, _joined = asyncio.create_task(_take(layer, _channel)), -math.inf
    if time.monotonic() - _joined >= RENEWED:
        await layer.group_add(GROUP, _channel)
        _joined = time.monotonic()


async def _take(layer: Any, channel: str) -> None:
    while True:
        try:
            message = await layer.receive(channel)
        except Exception as error:
            log.warning("Live sockets close, as the channel layer does not answer (%s); their pages poll.", error)
            for watcher in set().union(*_watchers.values()):
                watcher.deaf()
            return
        _tell(message["changes"])


def _tell(changes: Mapping[str, int]) -> None:
    for topic in changes.keys() & _watchers.keys():
        for watcher in tuple(_watchers[topic]):
            watcher.nudged(topic, changes[topic])
