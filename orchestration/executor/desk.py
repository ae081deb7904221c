"""What a run needs of the world while it is moved. The engine has the real one; a trial of one step has one in memory."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Protocol

from orchestration.core.catalog import Tool
from orchestration.core.fan import Ended
from orchestration.core.ladder import CallFact
from orchestration.core.position import Loan
from orchestration.core.result import Answer, Request
from orchestration.executor.held import AtLimit, Child, Held
from orchestration.executor.written import Intent
from orchestration.llm.ask import ProviderSpec
from orchestration.record.clock import Clock
from orchestration.record.events import Given
from orchestration.record.rows import RunRow


class Superseded(Exception):
    """Somebody else has moved the run. What is held of it is worth nothing any more."""


class Released(Exception):
    """The run was given back, or has ended: there is nothing more to do with it here."""


class Family(Protocol):
    """The child runs of the open visit."""

    async def ended(self, held: Held) -> list[Child]:
        """Some that have ended and are not counted yet; none where all are."""

    async def gave(self, held: Held, failed: bool, most: int) -> list[Ended] | None:
        """What became of each that is done, and with `failed` of the others too, in their order; None where what they give is
        longer than `most` characters. No more than that is ever in memory."""

    async def at_limit(self, held: Held) -> list[AtLimit]:
        """Those that wait at a limit of the whole, and have not been told yet what becomes of that, in their order."""

    async def lift(self, held: Held, limit: str) -> None:
        """Has those go on that wait at this limit, as a person has lifted it."""

    async def wait(self, held: Held, children: Iterable[AtLimit]) -> None:
        """Lets these wait at their limit until others have ended, or are at it too: they have been seen."""

    async def lend(self, held: Held, loans: Iterable[Loan]) -> None:
        """Has those go on that wait at a limit, with so much of it in all."""

    async def stop(self, held: Held, why: str, verb: str) -> None:
        """Has those end that live: `cancel` them, or let those that wait at a limit `give_up`."""

    async def began(self, held: Held) -> datetime | None:
        """When the first of them was begun; None where there is none."""


class Desk(Protocol):
    @property
    def family(self) -> Family | None:
        """None where a step with child runs is never come to."""

    @property
    def clock(self) -> Clock: ...

    @property
    def draining(self) -> bool:
        """Whether a run leaves at its next commit: no call is begun here any more."""

    async def commit(self, held: Held, row: RunRow) -> None:
        """Writes what was gathered and moves the run to `row`. Raises `Released` where the run has left with that, and
        `Superseded`. A run that was asked something meanwhile stays, whatever `row` says: look at `held.asked` after it."""

    async def load(self, held: Held, steps: Collection[str]) -> None:
        """Reads the outputs of these steps that are not cached yet."""

    async def load_part(self, held: Held, path: str) -> Any:
        """The output of the record at `path` that writes nothing visible."""

    async def perform(self, held: Held, request: Request, tool: Tool | None) -> Answer:
        """Makes one call. Never raises for what the other side does."""

    async def event(self, held: Held, address: str) -> Given | None:
        """The event of this address that is the run's own, now if not before; None where there is none. A run that was asked
        something meanwhile gets none: look at `held.asked` after it. Raises `Superseded`."""

    async def intent(self, held: Held, fact: CallFact) -> Intent:
        """The open call as it was committed."""

    async def denied(self, held: Held) -> bool:
        """Whether a person has said, since the run was restored from a backup, that the call of this visit did not happen."""

    def enter(self, provider: str) -> bool:
        """Takes one of the places among the calls that the provider takes at once, where one is free. `leave` gives it back."""

    async def wait_to_enter(self, provider: str) -> bool:
        """The same, as soon as one is; False where that takes too long."""

    def leave(self, provider: str) -> None: ...

    def provider(self, name: str) -> ProviderSpec | None:
        """The account of that name, if there is one now."""
