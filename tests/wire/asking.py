"""Questions for the tests of protocols, and asking them of a scripted server."""

import json
from types import ModuleType
from typing import Any

from orchestration.core.result import Answer, Request
from orchestration.door import Door
from orchestration.llm import PROTOCOLS
from orchestration.llm.ask import Ask, Message, ProviderSpec
from tests.servers import CHAT, MESSAGES, ScriptedServer
from tests.servers.behaviours import Behaviour

KEY = "sk-canary-123456"
LABEL = {
    "type": "object",
    "required": ["label", "confidence"],
    "properties": {"label": {"enum": ["refund", "bug"]}, "confidence": {"type": "number", "minimum": 0, "maximum": 1}},
}
PATHS = {"openai": CHAT, "anthropic": MESSAGES}


def provider(protocol: str, url: str = "http://127.0.0.1:1/v1", **more: Any) -> ProviderSpec:
    return ProviderSpec(**{"name": "main", "protocol": protocol, "base_url": url, "secret": "key", **more})


def question(**more: Any) -> Ask:
    messages = (Message("system", "You sort."), Message("user", "Ticket: ${secrets.key}"))
    return Ask(**{"model": "m1", "messages": messages, "timeout": 0.5, "key": "k1", **more})


def sent(request: Request) -> dict[str, Any]:
    found = json.loads(request.body or "")
    assert isinstance(found, dict)
    return found


async def answer(protocol: str, server: ScriptedServer, door: Door, *scripted: Behaviour, **more: Any) -> Answer:
    """What the protocol makes of scripted behaviours. `more` belongs to the question."""
    server.script(*scripted, path=PATHS[protocol])
    module: ModuleType = PROTOCOLS[protocol]
    found = await module.perform(module.build(question(**more), provider(protocol, server.base_url)), {"key": KEY}, door)
    assert isinstance(found, Answer)
    return found


def outline(found: Answer) -> tuple[str | None, str, str | None]:
    """(error, finish, text). A failure was sent and is a sentence; and nowhere stands the key."""
    assert KEY not in repr(found)
    if found.failure is None:
        return None, found.finish, found.text
    assert found.failure.sent
    assert 0 < len(found.failure.message) < 500
    return found.failure.code.value, found.finish, found.text
