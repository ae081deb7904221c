"""Alarm clocks: a hint wakes a worker and may be lost; the sweep finds the run all the same."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from celery import shared_task
from django.conf import settings

if TYPE_CHECKING:
    from orchestration.executor.engine import Engine

log = logging.getLogger(__name__)

_engine: "Engine | None" = None
_heard: Callable[[], None] | None = None


def use_engine(engine: "Engine | None") -> None:
    """The engine of this process: hints go straight to it."""
    global _engine
    _engine = engine


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def advance_run(run: str) -> None:
    """Hands a run to the engine of the worker that got the message."""
    if _engine is not None:
        _engine.hint(run)


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
    """This run is due. Never raises, never waits for a broker that is down."""
    if _engine is not None:
        _engine.hint(run)
    elif not settings.EMBEDDED:
        try:
            advance_run.apply_async((run,), retry=False)
        except Exception as error:
            log.warning("A hint for run %s was lost (%s); the sweep will find it.", run, error)
