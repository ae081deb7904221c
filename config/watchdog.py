"""Whether this worker's consumer still hears. After a broken connection a consumer may seem well and get no message any more.

The worker sends itself a message, by a queue of its own, every `EVERY` seconds. Where messages leave and none comes back for
`DEAF` seconds, the consumer's connection is dropped, so that it connects anew; where that does not help, the process is told
to end, for somebody starts another. Until then, and without any broker, the sweep finds the runs.
"""

import logging
import os
import signal
import threading
import time
from typing import Any

from orchestration import tasks

log = logging.getLogger(__name__)

EVERY = 5.0
DEAF = 20.0


class Watchdog:
    """`queue` is this worker's own; `worker` Celery's WorkController."""

    def __init__(self, worker: Any, name: str) -> None:
        self.worker = worker
        self.queue = f"interlock.{name}"
        self.tried = False
        """The connection was dropped, and nothing was heard since."""
        self._stopped = threading.Event()
        self._since = time.monotonic()
        """Since when messages left, and none came back."""
        worker.app.amqp.queues.select_add(self.queue, auto_delete=True, no_ack=True)

    def start(self) -> None:
        tasks.on_echo(self._heard)
        threading.Thread(target=self._run, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _heard(self) -> None:
        self.tried = False
        self._since = time.monotonic()

    def _run(self) -> None:
        while not self._stopped.wait(EVERY):
            try:
                tasks.echo.apply_async((), queue=self.queue, retry=True, retry_policy=tasks.ONCE_MORE, expires=DEAF)
            except Exception as error:
                log.debug("The broker takes no messages: %s", error)
                self._since = time.monotonic()  # it is the broker that is gone; the consumer connects anew by itself
                continue
            if time.monotonic() - self._since > (2 * DEAF if self.tried else DEAF):  # to connect takes a while too
                self._restart()

    def _restart(self) -> None:
        self._since = time.monotonic()
        if self.tried:
            log.error("The consumer hears nothing, though it has connected anew. This process ends, to be started again.")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self.tried = True
        log.warning("The consumer hears nothing any more; it connects anew.")
        hub = self.worker.consumer.hub
        if hub is not None:
            hub.call_soon(_break)  # on the consumer's own thread, which takes it for a connection that was lost


def _break() -> None:
    raise ConnectionResetError("nothing was heard for too long")
