"""What definitions may name and runs may reach, as it is at this moment: providers, tools, names of secrets, and which workflows
are retired."""

import threading
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from django.conf import settings
from django.db import connection

from orchestration.core import values
from orchestration.core.catalog import Catalog, Price, ProviderFacts, Retired, Tool
from orchestration.core.definition import ToolDefinition
from orchestration.core.frozen import dataclass
from orchestration.core.plan import own_tool
from orchestration.guard import parse_reach
from orchestration.llm.ask import ProviderSpec
from orchestration.models import Provider, Secret, Workflow
from orchestration.models import Tool as ToolRow
from orchestration.record.pack import fetch, missing, unpack
from orchestration.tools import registry


@dataclass(frozen=True, slots=True)
class World:
    """`digest` changes when anything in it does; compiled plans are kept by it. `caps`: calls under way at once, by provider.
    `retired`: the workflows that nobody may start or call, by id."""

    catalog: Catalog
    providers: Mapping[str, ProviderSpec]
    digest: str
    caps: Mapping[str, int] = field(default_factory=dict)
    retired: Mapping[str, Retired] = field(default_factory=dict)


_SEEN = ("name", "protocol", "base_url", "secret", "default_model", "structured", "prices", "headers", "options", "cap")
_STAMP = (
    "SELECT 'provider' AS kind, name, updated FROM orchestration_provider UNION ALL "
    "SELECT 'tool', name, updated FROM orchestration_tool UNION ALL "
    "SELECT 'secret', name, NULL FROM orchestration_secret UNION ALL "
    "SELECT 'retired', id, retired FROM orchestration_workflow WHERE retired IS NOT NULL ORDER BY kind, name"
)
"""What is there and since when: asked for each run that starts or is taken up."""
_lock = threading.Lock()
_kept: tuple[Any, World] | None = None


def current() -> World:
    """The world now. Costs one short query while nothing has changed. Raises `Refused` where a module of INTERLOCK_TOOLS
    can't be imported."""
    global _kept
    with connection.cursor() as cursor:
        cursor.execute(_STAMP)
        stamp = (cursor.fetchall(), tuple(settings.TOOL_MODULES), len(registry.REGISTERED), tuple(settings.REACH))
    with _lock:
        if _kept is not None and _kept[0] == stamp:
            return _kept[1]
    world = _build()
    with _lock:
        _kept = (stamp, world)
    return world


def _build() -> World:
    accounts = list(Provider.objects.all())
    rows = list(ToolRow.objects.all())
    packed = [text for account in accounts for text in (account.prices, account.headers, account.options)]
    blobs = fetch(missing([*packed, *(row.definition for row in rows)]))
    providers = {account.name: spec(account, blobs) for account in accounts}
    shared = {row.name: unpack(row.definition, blobs) for row in rows}
    secrets = frozenset(Secret.objects.values_list("name", flat=True))
    python = registry.load(settings.TOOL_MODULES)
    tools = {**python, **{name: shared_tool(name, data) for name, data in shared.items()}}
    facts = {name: _facts(provider) for name, provider in providers.items()}
    catalog = Catalog(tools, facts, secrets, parse_reach(settings.REACH))
    gone = Workflow.objects.filter(retired__isnull=False).values_list("id", "retired_by", "retired", "retired_reason")
    retired = {workflow: Retired(by, at, reason) for workflow, by, at, reason in gone}
    digest = values.digest(
        {
            "providers": [[getattr(account, name) for name in _SEEN] for account in accounts],
            "shared": shared,
            "python": {name: _python(tool) for name, tool in python.items()},
            "secrets": sorted(secrets),
            "reach": sorted(settings.REACH),
            **({"retired": {name: [one.by, one.at.isoformat(), one.reason] for name, one in retired.items()}} if retired else {}),
        }
    )
    caps = {account.name: account.cap for account in accounts if account.cap}
    return World(catalog, providers, digest, caps, retired)


def spec(row: Provider, blobs: Mapping[str, str]) -> ProviderSpec:
    """An account as the protocols want it."""
    prices = {model: Price(p["usd_per_mtok_in"], p["usd_per_mtok_out"]) for model, p in unpack(row.prices, blobs).items()}
    return ProviderSpec(
        name=row.name,
        protocol=row.protocol,
        base_url=row.base_url,
        secret=row.secret or None,
        structured=row.structured,  # type: ignore[arg-type]
        default_model=row.default_model,
        headers=unpack(row.headers, blobs),
        options=unpack(row.options, blobs),
        prices=prices,
    )


def shared_tool(name: str, data: Mapping[str, Any]) -> Tool:
    return own_tool(name, ToolDefinition.model_validate(data))


def _facts(provider: ProviderSpec) -> ProviderFacts:
    return ProviderFacts(provider.name, provider.protocol, provider.default_model, provider.prices)


def _python(tool: Tool) -> list[Any]:
    return [tool.effect, tool.input, tool.output, tool.timeout, tool.title, tool.description]
