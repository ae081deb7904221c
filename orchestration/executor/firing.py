"""What comes due by itself, in a sweep: schedules, whose runs are started by an act."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.executor.engine import Engine

log = logging.getLogger(__name__)

Due = Callable[[datetime], Sequence[Callable[[], Any]]]
"""What is due at a moment, each a short write: `acts.firing.due`, which stands above the executor and so is handed to it."""


async def fire(engine: "Engine", due: Due | None, now: datetime) -> None:
    """Starts what is due. What goes wrong there is no reason to claim nothing."""
    if due is None or engine.draining:
        return
    try:
        for start in await engine.read(lambda: due(now)):
            await engine.write(start)
    except Exception as error:
        log.error("Schedules could not be looked after; the next sweep tries again: %s", error, exc_info=True)
