"""The live socket: a page says what it watches, and is told which revision each of these is at, now and whenever it grows.

    the page   {"watch": ["run.7", "inbox"]}         when the socket opens and after each tick
    we         {"topic": "run.7", "revision": 12}    at once for each topic, then for each nudge
               {"tick": 3}                           every ten seconds

Who says that it watches `present.<workflow>` is at that draft, which others at it are shown (`dashboard/presence`); the socket of
one who may not change it is at none, and is told nothing of it.

No content is sent: a page fetches, through the ordinary view with its access rules. Nudges may be lost, on the way here or
in a full channel; since the page says again what it watches at each tick, a lost one costs it ten seconds.
"""

import asyncio
import json
import logging
from collections.abc import Coroutine
from contextlib import suppress
from importlib import import_module
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from redis import RedisError

from dashboard import ear, presence
from dashboard.access import may_open_socket
from orchestration.models.fields import new_id
from orchestration.queries import changes

log = logging.getLogger(__name__)

TICK = 10.0
GAP = 0.15
"""Seconds between two messages about one topic: a page need not be told a hundred times a second."""
MOST_TOPICS = 60
MOST_TEXT = 8_000

LATER, UNREADABLE, DENIED = 1013, 4400, 4403


class LiveConsumer(AsyncWebsocketConsumer):
    """Any role may watch any run, as any role may look at it. Whether who opened the socket still has one is asked again
    at each tick. Where the channel layer is gone the socket closes, and its page polls."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.watched: set[str] = set()
        self.waiting: dict[str, int] = {}
        self.jobs: set[asyncio.Task[None]] = set()
        self.visitor = presence.Visitor(new_id())
        try:
            await super().__call__(scope, receive, send)
        except RedisError as error:
            log.warning("A live socket closes, as the channel layer does not answer (%s); its page polls.", error)
            with suppress(Exception):  # it may be closed by now, which is as well
                await send({"type": "websocket.close", "code": LATER})
        finally:
            ear.leave(self, self.watched)
            for job in self.jobs:
                job.cancel()

    async def connect(self) -> None:
        await self.accept()
        self._do(self._tick())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        topics = _topics(text_data)
        if topics is None:
            await self.close(UNREADABLE)
            return
        if self.visitor.here or presence.drafts_of(topics):
            topics = await database_sync_to_async(self._visit)(topics)
        # In this order: what changes after the look is nudged, what changed before it is seen.
        ear.leave(self, self.watched - topics)
        self.watched = topics
        await ear.watch(self, topics)
        for topic, revision in (await database_sync_to_async(_revisions)(topics)).items():
            await self._tell(topic, revision)

    async def disconnect(self, code: int) -> None:
        if self.visitor.here:
            await database_sync_to_async(self.visitor.leave)()

    def _visit(self, topics: set[str]) -> set[str]:
        """The topics without the drafts that it may not be at."""
        drafts = presence.drafts_of(topics)
        refused = drafts - self.visitor.visit(_user(self.scope["session"].session_key), drafts)
        return topics - {f"{changes.PRESENT}{workflow}" for workflow in refused}

    def nudged(self, topic: str, revision: int) -> None:
        """The first is passed on at once; those that follow closely, as one."""
        if topic in self.waiting:
            self.waiting[topic] = max(self.waiting[topic], revision)
            return
        self.waiting[topic] = 0
        self._do(self._pass_on(topic, revision))

    def deaf(self) -> None:
        self._do(self._leave_it_to_polling())

    async def _pass_on(self, topic: str, revision: int) -> None:
        """Tells it, and what came meanwhile, until nothing does."""
        while revision:
            await self._tell(topic, revision)
            await asyncio.sleep(GAP)
            revision, self.waiting[topic] = self.waiting[topic], 0
        del self.waiting[topic]

    async def _leave_it_to_polling(self) -> None:
        with suppress(OSError):  # the other side may have gone by now, which is as well
            await self.close(LATER)

    async def _tell(self, topic: str, revision: int) -> None:
        await self._say({"topic": topic, "revision": revision})

    async def _say(self, message: dict[str, Any]) -> None:
        """Says it, or nothing where nobody is there any more: a server raises an OSError of its own for that. The end of the
        socket comes in as a message, after what is being done here, and tidies up."""
        with suppress(OSError):
            await self.send(json.dumps(message))

    async def _tick(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(TICK)
            number += 1
            if not await database_sync_to_async(_still_allowed)(self.scope["session"].session_key):
                with suppress(OSError):
                    await self.close(DENIED)
                return
            await self._say({"tick": number})

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        job = asyncio.ensure_future(work)
        self.jobs.add(job)
        job.add_done_callback(self.jobs.discard)


def _topics(text: str | None) -> set[str] | None:
    """What a page says that it watches, without what is no topic; None where it says nothing of the kind."""
    if text is None or len(text) > MOST_TEXT:
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    watch = said.get("watch") if isinstance(said, dict) else None
    return {topic for topic in watch[:MOST_TOPICS] if changes.is_topic(topic)} if isinstance(watch, list) else None


def _revisions(topics: set[str]) -> dict[str, int]:
    return {**changes.revisions(topics), **presence.revisions(topics)}


def _still_allowed(session_key: str | None) -> bool:
    """Whether the session lives, its user is active and known by the same password, and has a role."""
    return may_open_socket(_user(session_key))


def _user(session_key: str | None) -> Any:
    """Whose session it is, as things stand now."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return get_user(request)
