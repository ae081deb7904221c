"""The worker's row and its heartbeat: how others tell that it lives. P3: that decides when a run may be taken over, never who
may write.

The heart has a thread and a connection of its own, and beats only while the loop turns and the recorder lives, so that a hung
worker loses its runs. A sweep beats too, before it judges others.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from orchestration.executor import sweep
from orchestration.models import Worker

log = logging.getLogger(__name__)

FROZEN_LOOP = 3.0
"""Seconds without a turn of the loop after which the heart stops beating."""
LAST_BEAT = 2.0
"""Seconds that an ending waits for a heartbeat under way, which would say of a stopped worker that it lives."""
SURE = sweep.LAPSE.total_seconds() / 2
"""Seconds since the last heartbeat after which a worker no longer takes its hold for granted."""


class Pulse:
    """`facts` tells (runs held, writes refused); `well` whether the recorder lives."""

    def __init__(
        self,
        worker: str,
        name: str,
        group: int,
        capacity: int,
        clock: Any,
        facts: Callable[[], tuple[int, int]],
        well: Callable[[], bool],
    ) -> None:
        self.worker, self.name, self.group, self.capacity, self.clock = worker, name, group, capacity, clock
        self.beat_at = self.turned = time.monotonic()
        self._facts, self._well = facts, well
        self._judges_from = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def register(self) -> None:
        now = self.clock.sync()
        Worker.objects.create(
            id=self.worker, name=self.name, pid=os.getpid(), group=self.group, capacity=self.capacity, started=now, beat=now
        )
        self.beat_at = time.monotonic()
        if settings.EMBEDDED and self.group == 0:
            _bury(now)

    def unregister(self) -> None:
        """The last write: whatever is still held is given back."""
        now = self.clock.now()
        held = sweep.release(self.worker, now)
        if held:
            log.warning("%d runs were given back in the middle of a step.", held)
        Worker.objects.filter(id=self.worker).update(stopped=now, held=0, refused=self._facts()[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No beat comes after it: one that is under way has ended, or is left to a database that does not answer."""
        self._stopped.set()
        self._thread.join(LAST_BEAT)

    def beat(self) -> datetime:
        """Says that this worker lives; what time it is. One that was taken for dead is back, with nothing of what it held."""
        now = self.clock.sync()
        held, refused = self._facts()
        Worker.objects.filter(id=self.worker).update(beat=now, held=held, refused=refused, stopped=None)
        at = time.monotonic()
        if at - self.beat_at > SURE:
            self._judges_from = at + sweep.LAPSE.total_seconds()
        self.beat_at = at
        return now  # type: ignore[no-any-return]

    @property
    def judges(self) -> bool:
        """Whether it may call others dead. Not for a while after it was late itself: perhaps nobody could beat."""
        return time.monotonic() >= self._judges_from

    def _run(self) -> None:
        while not self._stopped.wait(sweep.BEAT):
            if time.monotonic() - self.turned > FROZEN_LOOP or not self._well():
                continue
            try:
                self.beat()
            except Exception as error:
                log.warning("A heartbeat failed: %s", error)
                connection.close()
        connection.close()


def _bury(now: Any) -> None:
    """In the embedded mode there is one process: workers of this machine whose process is gone need no time to lapse."""
    host = f"@{socket.gethostname()}:"
    for worker in Worker.objects.filter(stopped__isnull=True, name__contains=host).exclude(pid=os.getpid()):
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            Worker.objects.filter(id=worker.id).update(beat=now - 2 * sweep.LAPSE)
        except PermissionError:
            continue
