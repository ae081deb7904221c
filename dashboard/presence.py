"""Who has a draft open, and who changed it lately.

Who is there is told by the live sockets that watch `present.<workflow>`, those of designers alone, and is kept in the cache that
web processes share. A socket says it when it opens and at each tick; so whatever is lost there, as when two write at once or a
process dies, is right again moments later.
"""

import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.utils import timezone

from orchestration import nudges
from orchestration.queries import drafts
from orchestration.queries.changes import PRESENT, present_at
from orchestration.queries.drafts import Change
from orchestration.queries.workflows import existing
from orchestration.roles import Role, allows
from orchestration.samples.installation import BY

LAPSE = 30.0
"""Seconds after which a socket that does not say so any more is not there any more: three ticks."""
_CACHED = 120.0
LATELY = timedelta(minutes=30)
MOST = 4

_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else at a draft: there now, or who changed it lately, or both."""

    name: str
    here: bool
    change: Change | None


@dataclass(slots=True)
class Visitor:
    """One socket, and at which drafts it is."""

    socket: str
    here: frozenset[str] = field(default=frozenset())

    def visit(self, user: User | AnonymousUser | Any, workflows: Iterable[str]) -> frozenset[str]:
        """It is at these drafts and no others; returns them, without those that it may not be at. Two queries at most."""
        now_at = existing(workflows) if allows(user, Role.DESIGNER) else frozenset()
        for workflow in self.here - now_at:
            _note(workflow, self.socket, None)
        for workflow in now_at:
            _note(workflow, self.socket, user.get_username())
        self.here = now_at
        return now_at

    def leave(self) -> None:
        for workflow in self.here:
            _note(workflow, self.socket, None)
        self.here = frozenset()


def drafts_of(topics: Collection[str]) -> frozenset[str]:
    """The workflows of which a page says that it is at their draft."""
    return frozenset(topic.removeprefix(PRESENT) for topic in topics if topic.startswith(PRESENT))


def revisions(topics: Collection[str]) -> dict[str, int]:
    """When it last changed who is there, or what was done, in milliseconds. One query for each draft."""
    return {f"{PRESENT}{workflow}": max(_kept(workflow)["changed"], present_at(workflow)) for workflow in drafts_of(topics)}


def revision() -> int:
    """Of what is read after this."""
    return int(time.time() * 1000) - 1


def others(workflow: str, me: str) -> tuple[Other, ...]:
    """Those who are there first, `MOST` at most; who installed a sample is nobody. One query more than `drafts.lately` makes."""
    here = {name for name in _names(_kept(workflow)["sockets"]) if name != me}
    lately = reversed(drafts.lately(workflow, timezone.now() - LATELY))
    changed = {change.by: change for change in lately if change.by not in (me, BY)}
    found = [Other(name, name in here, changed.get(name)) for name in sorted(here)]
    gone = sorted(
        (change for name, change in changed.items() if name and name not in here), key=lambda each: each.at, reverse=True
    )
    return (*found, *(Other(change.by, False, change) for change in gone))[:MOST]


def _note(workflow: str, socket: str, name: str | None) -> None:
    """That this socket is there, or with None that it is not. Whoever watches is told where others see a difference."""
    with _lock:
        kept = _kept(workflow)
        before, now = kept["sockets"], time.time()
        sockets = {each: seen for each, seen in before.items() if each != socket and seen[1] > now - LAPSE}
        if name is not None:
            sockets[socket] = (name, now)
        differs = _names(before) != _names(sockets)
        changed = int(now * 1000) if differs else kept["changed"]
        cache.set(_key(workflow), {"sockets": sockets, "changed": changed}, _CACHED)
    if differs:
        nudges.announce([], present=[workflow])


def _names(sockets: dict[str, tuple[str, float]]) -> set[str]:
    return {name for name, _ in sockets.values()}


def _kept(workflow: str) -> dict[str, Any]:
    return cache.get(_key(workflow)) or {"sockets": {}, "changed": 0}


def _key(workflow: str) -> str:
    return f"present:{workflow}"
