"""How long the runs of a worker that was killed stand still: from the kill to each having been claimed by another."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.chaos.database import Standing, asked

LONG = 3.0
"""Seconds; a heart that is four late judges nobody for a while."""
MOST = 15.0
"""Seconds that 99 of 100 may stand still, with the defaults."""


class Takeovers:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        """Of those during which nothing else happened that may hold a take-over up."""
        self.hindered: list[float] = []
        """Of those about which the database was gone for longer than a heart may be late: nobody is called dead then."""
        self.freed: list[float] = []
        """Of all: until they were taken from it."""
        self.children = 0
        """How many of those that moved on were child runs."""
        self.still: list[str] = []
        """A sentence for each that never moved while it was watched."""
        self._lock = threading.Lock()
        self._outages: list[float] = []
        self._over = float("-inf")
        """Since when each that lasts has lasted, and when the last long one was over."""

    @contextmanager
    def disturbed(self) -> Iterator[None]:
        began = time.monotonic()
        self._outages.append(began)
        try:
            yield
        finally:
            self._outages.remove(began)
            if time.monotonic() - began > LONG:
                self._over = time.monotonic()

    def _clear(self, since: float) -> bool:
        """Whether the database has been there from then on, or nearly."""
        return self._over < since - MOST and all(time.monotonic() - began < LONG for began in self._outages)

    def watch(self, worker: str, before: Sequence[Standing], seconds: float, count: bool = True) -> int:
        """How many of these that this worker held until now move on within that time. `count`: they are measured."""
        began = time.monotonic()
        left = {each.run: each for each in before if each.holder == worker}
        moved, freed = 0, set[str]()
        while left and time.monotonic() - began < seconds:
            for now in asked(left):
                was = left[now.run]
                if count and now.holder != worker and now.run not in freed:
                    freed.add(now.run)
                    self.freed.append(time.monotonic() - began)
                if now.holder not in (None, worker) or now.seq != was.seq or now.status not in ("held", "ready"):
                    left.pop(now.run)
                    moved += 1
                    self.children += now.parent is not None
                    if count:
                        self._measured(time.monotonic() - began, self._clear(began))
            time.sleep(0.05)
        self.still += [f"run {run} stood still for {seconds:.0f} s after its worker was gone" for run in left]
        return moved

    def _measured(self, seconds: float, clear: bool) -> None:
        with self._lock:
            (self.seconds if clear else self.hindered).append(seconds)


def share(seconds: Sequence[float], part: float) -> float:
    """The least number that this part of them does not exceed."""
    ordered = sorted(seconds)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0
