"""What the API answers of providers, tools and secrets, as its description says it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from dashboard.api.answers import Trouble


class Provider(BaseModel):
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


class ProviderWritten(Provider):
    problems: list[Trouble]


class Tool(BaseModel):
    """`http`, `reconcile` and `updated` stand with shared HTTP tools; Python tools are registered in code."""

    name: str
    kind: Literal["http", "python", "mcp"]
    title: str
    description: str
    effect: str
    input: dict[str, Any]
    output: dict[str, Any]
    timeout: float
    http: dict[str, Any] = Field(default_factory=dict)
    reconcile: dict[str, Any] | None = None
    updated: datetime | None = None


class ToolWritten(Tool):
    problems: list[Trouble]


class Secret(BaseModel):
    name: str
    updated: datetime
