"""One request to the sample service, and its answer."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from orchestration.core.frozen import dataclass
from orchestration.samples.service.store import Store


class Wrong(Exception):
    """The request can't be answered as it is. Its text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """`parts` are the named parts of the path; `key` is the Idempotency-Key, "" without one; `body` {} without one."""

    store: Store
    parts: Mapping[str, str]
    query_string: str
    key: str
    body: dict[str, Any]

    def query(self, name: str) -> str:
        return (self.every(name) or [""])[0]

    def every(self, name: str) -> list[str]:
        return parse_qs(self.query_string).get(name, [])

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise Wrong(f"`{name}` should be a text.")
        return value
