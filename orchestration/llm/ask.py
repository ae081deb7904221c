"""What is asked of a model, and the account that it is asked of: the values that every protocol builds its request from."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from orchestration.core.catalog import Price
from orchestration.core.frozen import dataclass
from orchestration.core.prompt import Message


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it. `schema` is the JSON Schema of its input."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run the question stands. Only a rehearsal reads it. `call` counts a visit's calls, `round` its tool rounds."""

    workflow: str = ""
    step: str = ""
    path: str = ""
    visit: int = 1
    call: int = 1
    round: int = 1


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. `params` hold what the step sets (temperature, seed, …) and nothing else; `timeout` is in seconds."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    schema: Mapping[str, Any] | None = None
    schema_name: str = "answer"
    max_output_tokens: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 60.0
    key: str = ""
    place: Place = field(default_factory=Place)


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A configured account. `secret` is a secret's name, never its value; `headers` may hold `${secrets.name}`.

    `structured` says how the server takes a schema: `json_schema` and `json_object` as response formats, `none` by
    instruction alone. `options` belong to the protocol, which lists them. `prices` go by model name; "*" is any other.
    """

    name: str
    protocol: str
    base_url: str = ""
    secret: str | None = None
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    default_model: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)

    def price(self, model: str) -> Price | None:
        return self.prices.get(model) or self.prices.get("*")
