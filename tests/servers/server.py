"""The server itself: aiohttp in a thread of its own, on 127.0.0.1 and a port that the system chooses.

POST /v1/chat/completions   the next scripted behaviour, else the default one
POST /v1/messages           the same, Anthropic's
*    /tools/{name}          takes effect in the ledger, then the next scripted behaviour, else {"message_id", "echo"}
GET  /effects/{key}         what a call key did: 200 with the output, 404 where nothing happened
POST /script                {path?, effect?, behaviours: [{name, …}]}, for scripts from another process
GET  /ledger  /seen         what happened, for another process
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.servers import behaviours, messages
from tests.servers.behaviours import Behaviour
from tests.servers.ledger import Ledger

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


@dataclass(frozen=True)
class Seen:
    """One request as it came; the query as on the wire. Header names are in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


class ScriptedServer:
    """A model and a set of tools that do as they are told.

    `script` queues behaviours for a path, used once each and in order; when none is left `default` (the path's, else a good
    answer) stands in. All may be called from any thread.
    """

    def __init__(self, port: int = 0, ledger: Path | None = None) -> None:
        self.port = port
        self.ledger = Ledger(ledger)
        self.seen: list[Seen] = []
        self.came = threading.Event()
        """Set once a first request has come."""
        self.defaults = _defaults()
        self.written = [0]
        self._queues: dict[str, deque[tuple[Behaviour, bool]]] = defaultdict(deque)
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    @property
    def base_url(self) -> str:
        """What a provider is configured with."""
        return f"{self.url}/v1"

    @property
    def place(self) -> str:
        """host:port, as INTERLOCK_REACH wants it."""
        return f"127.0.0.1:{self.port}"

    def script(self, *queued: Behaviour, path: str = CHAT, effect: bool = True) -> None:
        """Queue behaviours. On a tool's path `effect=False` means that the server misbehaves before anything took effect."""
        self._queues[path].extend((behaviour, effect) for behaviour in queued)

    def default(self, behaviour: Behaviour, path: str = CHAT) -> None:
        self.defaults[path] = behaviour

    def seen_at(self, path: str = CHAT) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def reset(self) -> None:
        """Forget scripts, requests and effects."""
        self._queues.clear()
        self.seen.clear()
        self.ledger.clear()
        self.defaults = _defaults()

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._turn, name="scripted-server", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def stop(self) -> None:
        if self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _open(self) -> None:
        app = web.Application(client_max_size=64_000_000)
        app[behaviours.WRITTEN] = self.written
        app.router.add_post("/script", self._script)
        app.router.add_get("/ledger", self._ledger)
        app.router.add_get("/seen", self._seen)
        app.router.add_get("/effects/{key:.*}", self._effect)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=2048)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        text, headers = await self._note(request)
        queue = self._queues[request.path]
        behaviour, effect = queue.popleft() if queue else (self.defaults.get(request.path), True)
        output: Any = None
        if request.path.startswith("/tools/") and effect:
            proposal = {"message_id": f"m{len(self.ledger.effects) + 1}", "echo": text}
            key = headers.get("idempotency-key", "")
            output = self.ledger.record(request.method, f"{self.url}{request.raw_path}", key, text, proposal).output
        if behaviour is not None:
            return await behaviour(request)
        if output is None:
            return web.json_response({"error": "nothing is scripted here"}, status=404)
        return web.json_response(output)

    async def _note(self, request: web.Request) -> tuple[str, dict[str, str]]:
        text = (await request.read()).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.path, request.raw_path.partition("?")[2], headers, text))
        self.came.set()
        return text, headers

    async def _effect(self, request: web.Request) -> web.StreamResponse:
        await self._note(request)
        found = self.ledger.find(request.match_info["key"])
        if found is None:
            return web.json_response({"error": "nothing happened under this key"}, status=404)
        return web.json_response(found.output)

    async def _script(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        made = [self._made(described) for described in wanted["behaviours"]]
        self.script(*made, path=wanted.get("path", CHAT), effect=wanted.get("effect", True))
        return web.json_response({"queued": len(made)})

    def _made(self, described: dict[str, Any]) -> Behaviour:
        settings = dict(described)
        return behaviours.BY_NAME[settings.pop("name")](**settings)

    async def _ledger(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_rows(self.ledger.requests))

    async def _seen(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_rows(self.seen))


def _defaults() -> dict[str, Behaviour]:
    return {CHAT: behaviours.chat({"ok": True}), MESSAGES: messages.checked(messages.says({"ok": True}))}


def _rows(items: Iterable[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]
