"""Protocols of models. Each is a module with `build(ask, provider) -> Request`, which is pure, and
`async perform(request, secrets, door) -> Answer`; those over HTTP have `read(reply, request) -> Answer`, pure too.

The engine commits what `build` made before `perform` sends it, and sends nothing else.
"""

from types import ModuleType

from orchestration.llm import anthropic, openai, rehearsal

PROTOCOLS: dict[str, ModuleType] = {
    "openai": openai,
    "anthropic": anthropic,
    "rehearsal": rehearsal,
}
