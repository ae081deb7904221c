"""Puts the samples into the database: secrets, accounts, tools, workflows, each through the act that a person would use.

Done at every start, and changes nothing that is as it should be. What somebody else wrote last stays as they wrote it.
"""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from django.conf import settings

from orchestration import vault
from orchestration.acts import drafts, reach, workflows
from orchestration.core.errors import InterlockError
from orchestration.models import Act, Provider, Tool, Version, Workflow
from orchestration.record.pack import unpack_all
from orchestration.samples import accounts, service

log = logging.getLogger(__name__)

BY = "interlock"
"""Who the acts of installing are by."""
SERVICE_SECRET = "sample_desk"  # noqa: S105 - its name
_HERE = Path(__file__).parent


def install(port: int) -> None:
    """Installs what is missing and renews what is old. `port` is where this process serves, and so the sample service.

    Only the embedded mode has samples: elsewhere nothing is done. Never raises for what stands in the way of a sample; that
    is logged, and the sample stays as it is.
    """
    if not settings.EMBEDDED:
        return
    open_way(port)
    _secrets()
    for name in accounts.NAMES:
        _account(name)
    for name, body in tools(port).items():
        _tool(name, body)
    for file in definitions():
        _workflow(file.stem, file.read_text(encoding="utf-8"))


def open_way(port: int) -> None:
    """Lets the tools of this process reach the sample service, which is on the same port."""
    place = f"127.0.0.1:{port}"
    if place not in settings.REACH:
        settings.REACH = (*settings.REACH, place)


def find_way() -> None:
    """The same in a process that serves nothing itself: to where the sample tools stand."""
    name = next(iter(tools(0)))
    row = Tool.objects.filter(name=name).first() if settings.EMBEDDED else None
    if row is not None and _is_ours(f"tool:{name}"):
        port = urlsplit(unpack_all([row.definition])[0]["http"]["url"]).port
        open_way(port or 80)


def definitions() -> list[Path]:
    return sorted(_HERE.glob("*.yaml"))


def tools(port: int) -> dict[str, Any]:
    """The shared tools by name, as `put_tool` takes them."""
    base = f"http://127.0.0.1:{port}{service.PREFIX}"
    found: dict[str, Any] = yaml.safe_load(_tools_text().replace("${base}", base))
    for tool in found.values():
        tool["http"]["headers"] = {"Authorization": f"Bearer ${{secrets.{SERVICE_SECRET}}}"}
    return found


@lru_cache(maxsize=1)
def _tools_text() -> str:
    return (_HERE / "service" / "tools.yaml").read_text(encoding="utf-8")


def _secrets() -> None:
    wanted = {SERVICE_SECRET: service.token(settings.SECRET_KEY)}
    keys = {accounts.KEY: settings.OPENAI_API_KEY, accounts.ANTHROPIC_KEY: settings.ANTHROPIC_API_KEY}
    wanted.update({name: key for name, key in keys.items() if key})
    kept = vault.resolve(wanted)
    for name, value in wanted.items():
        # The service knows no other token, and the environment is where its key is set: these are never a person's.
        if kept.get(name) != value:
            reach.put_secret(name=name, value=value, by=BY)


def _account(name: str) -> None:
    row = Provider.objects.filter(name=name).first()
    if row is not None and not _is_ours(f"provider:{name}"):
        return
    before = _plain(row) if row is not None else None
    body = accounts.wanted(name, before)
    if before is None or any(before.get(key) != body.get(key, empty) for key, empty in _EMPTY.items()):
        _try(f"the provider {name}", reach.put_provider, name=name, body=body, by=BY)


_EMPTY: dict[str, Any] = {"protocol": "", "base_url": "", "secret": "", "default_model": "", "options": {}}


def _plain(row: Provider) -> dict[str, Any]:
    return {**{key: getattr(row, key) for key in _EMPTY}, "options": unpack_all([row.options])[0]}


def _tool(name: str, body: dict[str, Any]) -> None:
    row = Tool.objects.filter(name=name).first()
    if row is None or (_is_ours(f"tool:{name}") and unpack_all([row.definition])[0] != body):
        _try(f"the tool {name}", reach.put_tool, name=name, body=body, by=BY)


def _workflow(name: str, text: str) -> None:
    row = Workflow.objects.filter(id=name).first()
    if row is not None and (not row.sample or row.updated_by != BY):
        return
    if row is None or row.draft != text:
        _try(f"the sample {name}", drafts.push, text=text, by=BY, revision=row.revision if row else None, sample=True)
    elif Version.objects.filter(workflow=row, text=text).exists():
        return
    _try(f"the sample {name}", workflows.publish, workflow=name, by=BY, note="Installed with Interlock")


def _is_ours(subject: str) -> bool:
    """Whether nobody but the installation wrote this last."""
    last = Act.objects.filter(subject=subject).order_by("-number").values_list("by", flat=True).first()
    return last in (None, BY)


def _try(what: str, act: Any, **arguments: Any) -> None:
    try:
        act(**arguments)
    except InterlockError as error:
        log.warning("Can't install %s: %s", what, error)
