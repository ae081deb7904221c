"""What a definition may name that is not in it: tools, providers and secrets, as they are known at this moment.

A value, so that checking a definition stays pure: the same definition and the same catalog give the same plan and proof.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from orchestration.core.fields import Effect, Schema
from orchestration.core.frozen import dataclass
from orchestration.core.wording import one_line, with_stop


@dataclass(frozen=True, slots=True)
class HttpTemplate:
    """A request with `${input.x}` (percent-encoded in the URL) and `${secrets.name}` (filled in at the door) in it.

    `body` None: the input as JSON, or as the query for GET, HEAD and DELETE.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Any = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool: its contract, what it does to the world, and how it is reached. `timeout` is in seconds."""

    name: str
    kind: Literal["http", "python"]
    effect: Effect = "irreversible"
    input: Schema = field(default_factory=dict)
    output: Schema = field(default_factory=dict)
    title: str = ""
    description: str = ""
    http: HttpTemplate | None = None
    timeout: float = 10.0
    reconcile: HttpTemplate | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens."""

    usd_per_mtok_in: float
    usd_per_mtok_out: float


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What a plan needs to know of a provider. `prices` by model name; "*" is any other."""

    name: str
    protocol: str
    default_model: str = ""
    prices: Mapping[str, Price] = field(default_factory=dict)

    def price(self, model: str) -> Price | None:
        return self.prices.get(model) or self.prices.get("*")


@dataclass(frozen=True, slots=True)
class Retired:
    """Of a workflow that nobody may start any more: by whom, when, and why."""

    by: str
    at: datetime
    reason: str

    def sentence(self, workflow: str) -> str:
        return with_stop(f"{self.by} retired {workflow} on {self.at:%-d %B %Y}: {one_line(self.reason, 160)}")


@dataclass(frozen=True, slots=True)
class Called:
    """A published version that another workflow calls: its input's contract, what it may give by outcome of kind success, and
    what a run of it may come to (the quantities of `proof.bound.Bound`). `retired`: its workflow may not be called any more.
    `titles` are those of outcomes, of either kind, that have one."""

    workflow: str
    version: int
    title: str
    input: Schema
    outcomes: Mapping[str, Schema | None]
    bound: tuple[float, ...]
    retired: Retired | None = None
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalog:
    tools: Mapping[str, Tool] = field(default_factory=dict)
    providers: Mapping[str, ProviderFacts] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    reach: frozenset[tuple[str, int]] | None = None
    """The inner places (host and port) that calls are let through to; None where that is not known."""
    workflows: Mapping[str, Called] = field(default_factory=dict)
    """Versions that the definition at hand calls, as `id@number`."""
