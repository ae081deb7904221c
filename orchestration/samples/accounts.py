"""The two model accounts that the samples use: `default`, and `small` to fall back to.

With OPENAI_BASE_URL or OPENAI_API_KEY in the environment both are that server, else with ANTHROPIC_API_KEY Anthropic's; else
both rehearse: scripted answers.
"""

import asyncio
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

from orchestration import replies
from orchestration.core.result import Request
from orchestration.door import Door

KEY = "openai"
"""The secret that holds OPENAI_API_KEY."""
ANTHROPIC_KEY = "anthropic"
"""The secret that holds ANTHROPIC_API_KEY."""
NAMES = ("default", "small")
OPENAI = "https://api.openai.com/v1"
MODEL = "gpt-5-mini"
"""What is asked where the server is OpenAI's, or does not say what it has."""
ANTHROPIC = {
    "protocol": "anthropic",
    "base_url": "https://api.anthropic.com/v1",
    "secret": ANTHROPIC_KEY,
    "default_model": "claude-haiku-5-5",
    # It thinks unless told otherwise, and the samples' answers are as long as their limits without that.
    "options": {"extra": {"thinking": {"type": "disabled"}}},
}
_PATIENCE = 2.0


def wanted(name: str, before: dict[str, Any] | None) -> dict[str, Any]:
    """The account as `put_provider` takes it. `before` is what stands there: a model that was found once is kept."""
    if settings.OPENAI_BASE_URL or settings.OPENAI_API_KEY:
        return _real(before or {})
    if settings.ANTHROPIC_API_KEY:
        return ANTHROPIC
    return {"protocol": "rehearsal", "default_model": f"rehearsal-{name}", "options": {"scripts": _scripts(name)}}


def _real(before: dict[str, Any]) -> dict[str, Any]:
    base = (settings.OPENAI_BASE_URL or OPENAI).rstrip("/")
    known = before.get("default_model") if before.get("base_url") == base else None
    if base != OPENAI and known in (None, MODEL):  # not asked yet, or it could not say
        known = first_model(base)
    model = known or MODEL
    secret = KEY if settings.OPENAI_API_KEY else ""
    return {"protocol": "openai", "base_url": base, "secret": secret, "default_model": model}


def _scripts(name: str) -> dict[str, Any]:
    files = sorted((Path(__file__).parent / "rehearsals").glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")).get(name, []) for file in files}


def first_model(base: str) -> str | None:
    """The first model that the server lists; None where it lists none, or does not answer within two seconds."""
    headers = (("Authorization", f"Bearer ${{secrets.{KEY}}}"),) if settings.OPENAI_API_KEY else ()
    asked = Request("http", "the model server", "GET", f"{base}/models", headers, timeout=_PATIENCE)
    return asyncio.run(_first_model(asked))


async def _first_model(asked: Request) -> str | None:
    async with Door(reach=settings.REACH) as door:
        reply = await door.send(asked, {KEY: settings.OPENAI_API_KEY or ""})
    if reply.failure is not None or reply.status != 200:
        return None
    listed, failure = replies.parse(reply, asked.target)
    models = listed.value.get("data") if failure is None and isinstance(listed.value, dict) else None
    found = [model.get("id") for model in models if isinstance(model, dict)] if isinstance(models, list) else []
    return next((str(name)[:200] for name in found if name), None)
