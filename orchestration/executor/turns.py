"""Whose turn it is to compute: of many runs that could go on at one moment, a few in each round of the loop.

A loop goes through all that is ready before it looks at what has become ready since. Where a thousand runs begin at once, or a
thousand answers come, what the first of them commits would be written long before the last is through, and its call would leave
after that all the same. They would march in step, and think and compute by turns rather than at once.
"""

import asyncio
from collections import deque

MOST = 16
"""Runs that get a turn in one round: some ten milliseconds of computing."""


class Turns:
    """On the engine's loop. First come, first served."""

    def __init__(self) -> None:
        self._left = MOST
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Returns in this round of the loop where it may, else in one of the next."""
        if self._left:
            self._give()
        else:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _give(self) -> None:
        if self._left == MOST:
            asyncio.get_running_loop().call_soon(self._next)
        self._left -= 1

    def _next(self) -> None:
        """Another round: whoever has waited comes before all others."""
        self._left = MOST
        while self._waiting and self._left:
            future = self._waiting.popleft()
            if not future.done():  # whoever wanted it was stopped in the meantime
                self._give()
                future.set_result(None)
