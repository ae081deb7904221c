"""The Celery app of the server mode: `celery -A config worker -P threads -c 4`. Messages are hints: they carry an id, are
acknowledged early, and may all be lost. The engine, which moves runs, lives beside the consumer in each worker process.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_shutting_down
from celery.worker import strategy
from django.conf import settings
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

log = logging.getLogger(__name__)

DRAIN = 20.0
"""Seconds that the engine gets at SIGTERM to bring what it holds to a commit and give it back."""

app = Celery("interlock", broker=settings.BROKER_URL, set_as_current=True)
app.conf.update(
    task_ignore_result=True,
    result_backend=None,
    task_acks_late=False,
    task_default_queue="interlock",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=3.0,
    broker_heartbeat=10,
    broker_transport_options={
        # How long who waits for a broker that says nothing does so, in Redis' words and in AMQP's.
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
        "read_timeout": 5,
        "write_timeout": 5,
        # How often who sends tries to connect. The consumer goes on for ever, by `broker_connection_max_retries`.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    },
    worker_cancel_long_running_tasks_on_connection_loss=True,  # there are none; unset, each lost connection is a long warning
    worker_concurrency=4,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    enable_utc=True,
)
# A hint that is lost is found by the sweep, so none is acknowledged. What is would be put back when the connection breaks, or be
# acknowledged just then; with a broker that is gone both fail in ways that end the worker.
app.conf.task_queues = (Queue("interlock", no_ack=True),)
app.conf.task_annotations = {"*": {"Strategy": "config.celery:unacknowledged"}}
app.autodiscover_tasks(["orchestration"])

_engine: Any = None
"""That of this worker, once it claims."""


def unacknowledged(task: Any, *arguments: Any, **options: Any) -> Callable[..., None]:
    """Celery's way of taking up a message, but for telling the broker of it. A hint needs no thread of the pool: it goes from the
    consumer straight to the engine, which takes it from any thread and at once."""
    from orchestration import tasks

    take_up = strategy.default(task, *arguments, **options)

    def taken(message: Any, body: Any, ack: Any, *more: Any, **named: Any) -> None:
        run = _hinted_at(message) if task.name == tasks.advance_run.name else None
        if run is not None and tasks.take(run):
            strategy.logger.info("%s received: %s", task.name, run)
        else:
            take_up(message, body, lambda *_: None, *more, **named)

    return taken


def _hinted_at(message: Any) -> str | None:
    """The run that this is about. None where it looks otherwise than `tasks.hint` writes it, which is Celery's to judge."""
    match message.payload:
        case [[str(run)], _, _]:
            return run
    return None


class EngineStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """The engine of this worker. It starts before the consumer does, so that a broker that is down stops nothing."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        pool = worker.pool_cls.__module__.rpartition(".")[2]
        if pool != "thread":
            raise SystemExit(
                f"Interlock's workers run in threads, and this one was started with the pool {pool}, beside which no engine "
                "runs. Start it with: celery -A config worker -P threads -c 4"
            )
        super().__init__(worker, **options)
        from config.watchdog import Watchdog
        from orchestration.acts import firing
        from orchestration.executor.engine import Engine

        self.engine = Engine(name="worker", fatal=True, schedules=firing.due)
        self.watchdog = Watchdog(worker, self.engine.id)

    def start(self, worker: Any) -> None:
        from orchestration import tasks

        global _engine
        self.engine.start()
        _engine = self.engine
        tasks.use_engine(self.engine)
        self.watchdog.start()
        self._say_what_is_gone()

    def _say_what_is_gone(self) -> None:
        from django.db import DatabaseError, connection

        from orchestration.queries.broken import broken

        with contextlib.suppress(DatabaseError):
            for found in broken():
                log.warning("%s", found.sentence)
        connection.close()

    def stop(self, worker: Any) -> None:
        self.watchdog.stop()
        self.engine.stop(grace=DRAIN)

    terminate = stop


app.steps["worker"].add(EngineStep)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _end_in_time(**_: Any) -> None:
    """The engine drains while the consumer still says goodbye to its broker. One that hangs in a dead connection does not keep
    its process: what is held is leased."""
    if _engine is not None:
        _engine.drain(DRAIN)
    alarm = threading.Timer(DRAIN + 5.0, os._exit, [0])
    alarm.daemon = True
    alarm.start()
