"""Alarm clocks: a hint wakes a worker and may be lost; the sweep finds the run all the same.

In the server mode hints leave on a thread of their own, so that nobody waits for a broker: who starts a run is answered at once
whether it is there, gone, or takes messages and says nothing. A process that ends takes those with it that have not left.
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from celery import shared_task
from django.conf import settings

if TYPE_CHECKING:
    from orchestration.executor.engine import Engine

log = logging.getLogger(__name__)

MOST = 10_000
"""Hints that may wait to leave. More: the broker is slower than the sweep."""
DOWN = 2.0
"""Seconds for which a broker that failed is left alone, with all hints of that time lost. The sweep is no slower."""

ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""How sending is tried again: a connection that was idle may be dead, and the next one is not."""

_waiting: dict[str, None] = {}
"""Runs to be hinted at, in order."""
_wake = threading.Condition()
_sender: threading.Thread | None = None
_engine: "Engine | None" = None
_heard: Callable[[], None] | None = None


def use_engine(engine: "Engine | None") -> None:
    """The engine of this process: hints go straight to it."""
    global _engine
    _engine = engine


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def advance_run(run: str) -> None:
    """Hands a run to the engine of the worker that got the message."""
    take(run)


def take(run: str) -> bool:
    """Tells the engine of this process of a run. False where there is none."""
    if _engine is not None:
        _engine.hint(run)
    return _engine is not None


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def echo() -> None:
    """A worker's message to itself: its consumer hears."""
    if _heard is not None:
        _heard()


def on_echo(heard: Callable[[], None]) -> None:
    """Calls `heard` for each message that this worker sent itself."""
    global _heard
    _heard = heard


def hint(run: str) -> None:
    """This run is due. Never raises, never waits."""
    global _sender
    if not take(run) and not settings.EMBEDDED:
        with _wake:
            if len(_waiting) < MOST:
                _waiting[run] = None
            if _sender is None:
                _sender = threading.Thread(target=_send_all, name="hints", daemon=True)
                _sender.start()
            _wake.notify()


def _send_all() -> None:
    pause = threading.Event()
    while True:
        with _wake:
            _wake.wait_for(lambda: _waiting)
            run = next(iter(_waiting))
            del _waiting[run]
        try:
            advance_run.apply_async((run,), retry=True, retry_policy=ONCE_MORE)
        except Exception as error:
            log.warning("Hints are lost, as the broker takes none (%s); the sweep finds the runs.", error)
            pause.wait(DOWN)
            with _wake:
                _waiting.clear()
