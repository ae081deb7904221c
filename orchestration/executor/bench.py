"""The engine's desk: commits through its recorder, reads through its readers, calls through the door and the tool pool."""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestration import llm, placeholders, tools, vault
from orchestration.core import values
from orchestration.core.catalog import Tool
from orchestration.core.errors import ErrorCode
from orchestration.core.frozen import dataclass, replace
from orchestration.core.ladder import CallFact
from orchestration.core.result import Answer, Failure, Request
from orchestration.door import Door
from orchestration.executor.desk import Released, Superseded
from orchestration.executor.doubt import DOUBTFUL
from orchestration.executor.family import EngineFamily
from orchestration.executor.held import Held
from orchestration.executor.pulse import SURE
from orchestration.executor.reading import denied, read_intent, read_part, read_seen, seen
from orchestration.executor.written import Intent
from orchestration.llm.ask import ProviderSpec
from orchestration.record import events
from orchestration.record.clock import Clock
from orchestration.record.events import Given
from orchestration.record.failpoints import failpoint
from orchestration.record.rows import RunRow
from orchestration.tools.python import PythonPool

if TYPE_CHECKING:
    from orchestration.executor.engine import Engine


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A call of a run. `poked`: something may have been asked of the run since it was looked at; `scope`: where the call ends
    early, if it may; `looking`: who looks; `error`: what came of that."""

    held: Held
    poked: bool = False
    scope: asyncio.Timeout | None = None
    looking: asyncio.Future[None] | None = None
    error: Exception | None = None


class Bench:
    def __init__(self, engine: "Engine", door: Door, pool: PythonPool) -> None:
        self.engine = engine
        self.door = door
        self.pool = pool
        self._under_way: dict[str, _UnderWay] = {}
        self.family = EngineFamily(engine)

    @property
    def clock(self) -> Clock:
        return self.engine.clock

    @property
    def draining(self) -> bool:
        return self.engine.draining

    # commits

    async def commit(self, held: Held, row: RunRow) -> None:
        if self.draining and row.status == "held" and not held.intents and not held.resendings:
            row = replace(
                row, status="ready", holder=None, step_deadline=None, due=self.clock.now(), wait="backoff" if held.rested else ""
            )
        commit = held.take_commit(row)
        while not await self.engine.commit(commit):
            row = await self._rebase(held, row)
            commit = held.take_commit(row)
        held.committed(commit)
        for child in commit.children:
            self.engine.hint(child.id)
        if commit.row.status == "held":
            return
        if commit.row.due is not None:
            self.engine.wake_at(held.run_id, commit.row.due)
        if held.parent is not None and (commit.row.ended is not None or commit.row.wait == "limit"):
            self.engine.hint(held.parent)
        raise Released

    async def _rebase(self, held: Held, row: RunRow) -> RunRow:
        """Somebody wrote to the run. If it was only asked something, it is still ours: take note, and stay with it."""
        await self._look(held)
        if held.asked and row.status in ("ready", "waiting", "quarantined"):
            return held.holding(self.clock.now())
        return row

    async def _look(self, held: Held) -> None:
        """Takes note of what was asked of the run. Raises `Superseded` where somebody else has moved it."""
        fence, revision, holder, asked = await self.engine.read(lambda: seen(held.run_id))
        if fence != held.fence or holder != self.engine.id:
            raise Superseded
        held.revision = revision
        held.asked = values.load(asked) if asked else None

    # reading

    async def load(self, held: Held, steps: Collection[str]) -> None:
        if held.seq == len(held.records) and held.part_of is None:
            return  # nothing was ever committed
        names = [name for name in held.names(steps) if name not in held.values]
        if not names:
            return
        for name, (value, path, seq) in (await self.engine.read(lambda: read_seen(held, names))).items():
            held.values[name] = value
            held.writers[name] = (path, seq)

    async def load_part(self, held: Held, path: str) -> Any:
        if path not in held.parts:
            held.parts[path] = await self.engine.read(lambda: read_part(held.run_id, path))
        return held.parts[path]

    async def event(self, held: Held, address: str) -> Given | None:
        """One that is kept is taken by a write of its own, once the run's place is committed: whoever takes the run up then comes
        to the same wait, and to no other. What the run took last is written as taken first, or it would find that again."""
        if held.takings:
            await self.commit(held, held.holding(self.clock.now()))
        while not held.asked:
            found: Given | None = await self.engine.read(lambda: events.find(held.run_id, address, self.clock.now()))
            if found is None or found.own:
                return found
            if held.paused is None:
                await self.commit(held, held.holding(self.clock.now()))
            if held.asked:
                break
            if await self.engine.write(partial(events.take, found.id, held.run_id, held.fence, held.revision)):
                held.revision += 1
                failpoint("after_taking", held.run_id)
                return found
            await self._look(held)
        return None

    async def intent(self, held: Held, fact: CallFact) -> Intent:
        key = held.visit_key
        _, intent = await self.engine.read(lambda: read_intent(held.run_id, key, fact.n))
        if intent.request.protocol in llm.PROTOCOLS:
            return intent
        step = held.plan.steps[held.position.active]
        known = step.tool or next((tool for tool in step.tools if tool.name == intent.request.target), None)
        return replace(intent, tool=known or Tool(intent.request.target, intent.request.protocol, intent.effect))  # type: ignore[arg-type]

    async def denied(self, held: Held) -> bool:
        key, since = held.visit_key, held.row.restored
        return bool(await self.engine.read(lambda: denied(held.run_id, key, since)))

    def enter(self, provider: str) -> bool:
        return self.engine.slots.enter(provider)

    async def wait_to_enter(self, provider: str) -> bool:
        return await self.engine.slots.wait(provider)

    def leave(self, provider: str) -> None:
        self.engine.slots.leave(provider)

    def provider(self, name: str) -> ProviderSpec | None:
        return self.engine.world.providers.get(name)

    # calls

    async def perform(self, held: Held, request: Request, tool: Tool | None) -> Answer:
        if tool is not None and tool.effect in DOUBTFUL and time.monotonic() - self.engine.pulse.beat_at > SURE:
            # Our hold may have lapsed while we slept: only a commit can tell.
            await self.commit(held, held.holding(self.clock.now(), request.timeout))
        call = self._under_way[held.run_id] = _UnderWay(held)
        try:
            if tool is None or tool.effect == "none":
                answer = await self._unless_asked(call, request)
                await self.engine.turns.take()  # what is lost while it waits is no more than a call that may be made again
                return answer
            answer = await self._call(request)
            if call.poked:
                with suppress(Superseded):  # the next commit finds that out too, and the answer is in hand by then
                    await self._look(held)
            return answer
        finally:
            if self._under_way.get(held.run_id) is call:
                self._under_way.pop(held.run_id)

    async def _unless_asked(self, call: "_UnderWay", request: Request) -> Answer:
        """The answer; or, where a person asks something of the run meanwhile, a call that is dropped: it has no effect."""
        scope = call.scope = asyncio.timeout(None)
        try:
            async with scope:
                return await self._call(request)
        except TimeoutError:
            if not scope.expired():
                raise
            if call.error is not None:
                raise call.error from None
            return Answer(failure=Failure(ErrorCode.TIMEOUT, "the call was dropped because a person intervened"))
        finally:
            call.scope = None
            if call.looking is not None:  # what it would find, the next commit finds
                call.looking.cancel()

    def poke(self, run: str) -> None:
        """Something may have been asked of this run. Called on the loop."""
        if call := self._under_way.get(run):
            call.poked = True
            if call.scope is not None and call.looking is None:
                call.looking = asyncio.create_task(self._look_around(call))

    async def _look_around(self, call: "_UnderWay") -> None:
        """Looks what was asked, also while it was looking, and lets the call go for it."""
        while call.poked:
            call.poked = False
            try:
                await self._look(call.held)
            except Exception as error:
                call.error = error
            if call.scope is not None and (call.error or call.held.asked):
                call.scope.reschedule(asyncio.get_running_loop().time())
                return
        call.looking = None

    async def _call(self, request: Request) -> Answer:
        names = placeholders.names(request)
        secrets = await self.engine.read(lambda: vault.resolve(names)) if names else {}
        if request.protocol in llm.PROTOCOLS:
            return await llm.PROTOCOLS[request.protocol].perform(request, secrets, self.door)
        means = self.pool if request.protocol == "python" else self.door
        return await tools.KINDS[request.protocol].perform(request, secrets, means)
