"""When a call was sent again, since the worker that had sent it was gone before an answer was recorded."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from orchestration.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Resending:
    """`died`: that worker was lost; else it was told to end, and could not wait for the answer."""

    at: datetime
    died: bool

    @property
    def why(self) -> str:
        return "the worker that had sent it was lost" if self.died else "the worker that had sent it was told to end"


def resendings(kept: Iterable[Any]) -> tuple[Resending, ...]:
    """In order, from what the call's row holds."""
    return tuple(Resending(datetime.fromisoformat(at), why == "died") for at, why in kept)
