"""`python -m tests.chaos.scripted --seed N --port P --ledger FILE`: the model and tool server of a chaos run, as a process.

It answers as `answers` says, by what a request carries, and counts the troubles that it has made: GET /troubles.
"""

import argparse
import asyncio
import json
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.chaos.answers import DOWN, MALFORMED, STATUS, Answers, Told, place_of
from tests.servers import CHAT, ScriptedServer, behaviours
from tests.servers.behaviours import Behaviour

_PLACE = re.compile(r"place=(\d+)/(\w+)/(\d+)/(-?\d+)")
_ASK = re.compile(r"ask#(\d+)")


class Chaotic(ScriptedServer):
    def __init__(self, seed: int, port: int, ledger: Path | None) -> None:
        super().__init__(port, ledger)
        self.answers = Answers(seed)
        self.troubles: Counter[str] = Counter()
        self._asked: Counter[tuple[Any, ...]] = Counter()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/troubles":
            return web.json_response(self.troubles)
        body = json.loads(await request.text())
        if request.path == CHAT:
            return await self._model(request, body)
        return await self._tool(request, request.path.removeprefix("/tools/"), place_of(body))

    async def _model(self, request: web.Request, body: Any) -> web.StreamResponse:
        said = [message["content"] for message in body["messages"]]
        [(run, step, rounds, seen)] = _PLACE.findall(said[0])
        place = {"run": int(run), "step": step, "round": int(rounds), "seen": int(seen)}
        before = [int(number) for message in said for number in _ASK.findall(message)]
        ask = max(before, default=-1) + 1
        told = self.answers.model(body["model"], place, ask)
        if trouble := self._trouble(told, (body["model"], *place.values(), ask)):
            return await _breakage(trouble.kind)(request)
        await asyncio.sleep(told.seconds)
        if told.kind in MALFORMED:
            self.troubles[f"malformed: {told.kind}"] += 1
        finish = "length" if told.kind == "truncated" else "stop"
        return await _refusal(told, behaviours.chat(told.text, finish))(request)

    async def _tool(self, request: web.Request, effect: str, place: dict[str, Any]) -> web.StreamResponse:
        told = self.answers.tool(effect, place)
        if trouble := self._trouble(told, (effect, *place.values())):
            if trouble.effect:
                await self._happens(request, told)
            return await _breakage(trouble.kind)(request)
        await asyncio.sleep(told.seconds / 2)
        output = await self._happens(request, told) if told.kind not in (*STATUS, DOWN) else None
        await asyncio.sleep(told.seconds / 2)
        return await _refusal(told, behaviours.as_json(output))(request)

    def _trouble(self, told: Told, what: tuple[Any, ...]) -> Any:
        """The next of the troubles that this request has, None once they are through."""
        number = self._asked[what]
        self._asked[what] += 1
        if number >= len(told.troubles):
            return None
        self.troubles[told.troubles[number].kind] += 1
        return told.troubles[number]

    async def _happens(self, request: web.Request, told: Told) -> Any:
        key, body = request.headers.get("Idempotency-Key", ""), await request.text()
        return self.ledger.record(request.method, f"{self.url}{request.raw_path}", key, body, told.value).output


def _breakage(kind: str) -> Behaviour:
    made: dict[str, Behaviour] = {
        "429": behaviours.rate_limited(),
        "429 with Retry-After": behaviours.rate_limited(retry_after="1"),
        "503": behaviours.error(503, "overloaded"),
        "502 of HTML": behaviours.html(502),
        "hang": behaviours.hang(),
        "reset": behaviours.reset(),
        "cut": behaviours.cut(),
        "error in a 200": behaviours.error(200, "the upstream failed", 502),
    }
    return made[kind]


def _refusal(told: Told, otherwise: Behaviour) -> Behaviour:
    status = 503 if told.kind == DOWN else STATUS.get(told.kind)
    return behaviours.error(status, told.kind) if status else otherwise


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.scripted")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    given = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with Chaotic(given.seed, given.port, given.ledger) as server:
        print(server.url, flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
