"""Providers, tools and the names of secrets, for who keeps them and for who writes definitions."""

from datetime import datetime
from typing import Any

from orchestration import vault
from orchestration.core.catalog import Tool
from orchestration.core.errors import NotFound
from orchestration.core.frozen import dataclass
from orchestration.models import ApiToken, Provider, Secret
from orchestration.models import Tool as ToolRow
from orchestration.queries.catalog import current
from orchestration.record.pack import fetch, missing, unpack, unpack_all


@dataclass(frozen=True, slots=True)
class ProviderView:
    name: str
    protocol: str
    base_url: str
    secret: str
    default_model: str
    structured: str
    prices: dict[str, Any]
    headers: dict[str, str]
    options: dict[str, Any]
    cap: int | None
    updated: datetime


@dataclass(frozen=True, slots=True)
class ToolView:
    """`definition` as it was written, None for a Python tool, which is registered in code."""

    tool: Tool
    definition: dict[str, Any] | None
    updated: datetime | None


@dataclass(frozen=True, slots=True)
class SecretView:
    """That there is one, and since when. Its value is never read for showing. `lost`: no key of SECRETS_KEY opens it."""

    name: str
    updated: datetime
    lost: bool = False


@dataclass(frozen=True, slots=True)
class TokenView:
    id: int
    name: str
    prefix: str
    role: str
    created: datetime
    expires: datetime | None
    used: datetime | None
    revoked: datetime | None


_PACKED = ("prices", "headers", "options")


def providers() -> tuple[ProviderView, ...]:
    """By name. Two queries at most."""
    rows = list(Provider.objects.order_by("name").values(*ProviderView.__slots__))
    blobs = fetch(missing([row[name] for row in rows for name in _PACKED]))
    return tuple(ProviderView(**{**row, **{name: unpack(row[name], blobs) for name in _PACKED}}) for row in rows)


def provider(name: str) -> ProviderView:
    row = Provider.objects.filter(name=name).values(*ProviderView.__slots__).first()
    if row is None:
        raise NotFound(f"There is no provider {name[:60]}.")
    return ProviderView(**{**row, **dict(zip(_PACKED, unpack_all(row[name] for name in _PACKED), strict=True))})


def tools() -> tuple[ToolView, ...]:
    """Shared HTTP tools and registered Python tools, by name."""
    rows = {row.name: row for row in ToolRow.objects.all()}
    blobs = fetch(missing(row.definition for row in rows.values()))
    found = current().catalog.tools
    views = []
    for name in sorted(found):
        row = rows.get(name)
        views.append(ToolView(found[name], unpack(row.definition, blobs) if row else None, row.updated if row else None))
    return tuple(views)


def tool(name: str) -> ToolView:
    found = next((view for view in tools() if view.tool.name == name), None)
    if found is None:
        raise NotFound(f"There is no tool {name[:60]}.")
    return found


def secrets() -> tuple[SecretView, ...]:
    """By name. One query."""
    rows = Secret.objects.order_by("name").values_list("name", "updated", "ciphertext")
    return tuple(SecretView(name, updated, not vault.opens(text)) for name, updated, text in rows)


def secret(name: str) -> SecretView:
    found = Secret.objects.filter(name=name).values_list("name", "updated").first()
    if found is None:
        raise NotFound(f"There is no secret {name[:60]}.")
    return SecretView(*found)


def there(kind: str, name: str) -> bool:
    """Whether there is a provider, shared tool or secret of this name. One narrow query."""
    tables: dict[str, Any] = {"provider": Provider, "tool": ToolRow, "secret": Secret}
    return tables[kind].objects.filter(name=name).exists()


def tokens(username: str) -> tuple[TokenView, ...]:
    """A person's tokens, the newest first; those that were revoked too."""
    rows = ApiToken.objects.filter(user__username=username).order_by("-id").values(*TokenView.__slots__)
    return tuple(TokenView(**row) for row in rows)
