"""An HTTP tool's templates: `${…}` over its `input`, its call `key`, and `secrets` by name.

A secret stays a placeholder. While a template is evaluated each one is a mark that no data can hold, since it is made from a
digest of that data; afterwards the marks become `${secrets.name}`, and only they do.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from orchestration.core.errors import EvaluationError, Problem, Refused
from orchestration.core.expression import Value, compile_value
from orchestration.core.frozen import replace
from orchestration.core.values import canonical, digest, load
from orchestration.placeholders import json_text, quote_data

_NAMED = re.compile(r"\bsecrets\.([A-Za-z][A-Za-z0-9_]{0,63})")


class Filling:
    """One input, for all templates of one request."""

    def __init__(self, schema: Mapping[str, Any], given: Mapping[str, Any], key: str) -> None:
        self._schema = canonical(dict(schema))
        self._given = dict(given)
        self._key = key
        self._mark = f"secret.{digest([self._given, key])}."

    def url(self, template: str) -> str:
        """The URL with values percent-encoded, still with marks (see `named`). Raises EvaluationError for a value that
        would climb in the path."""
        url = str(self._evaluate(template, "url"))
        path = url.partition("?")[0].partition("#")[0]
        if any(part.lower().replace("%2e", ".") in (".", "..") for part in path.split("/")):
            raise EvaluationError("the URL has . or .. as a part of its path: the input may not change where it leads")
        return url

    def text(self, template: str) -> str:
        """Text for a header or a body that is not JSON."""
        value = self._evaluate(template)
        return self.named(quote_data(value if isinstance(value, str) else json_text(value)))

    def json(self, template: Any) -> str:
        return self.named(json_text(self._evaluate(template)))

    def reads(self, template: str) -> frozenset[str] | None:
        """The properties of the input that a template reads, None where it reads it whole."""
        paths = [read.path for read in self._compiled(template).reads if read.path[0] == "input"]
        return None if any(len(path) == 1 for path in paths) else frozenset(path[1] for path in paths)

    def named(self, text: str) -> str:
        """The text with placeholders where the marks stand."""
        return re.sub(re.escape(self._mark) + r"([A-Za-z0-9_]+)\.", r"${secrets.\1}", text)

    def _evaluate(self, template: Any, quote: Literal["url"] | None = None) -> Any:
        secrets = {name: f"{self._mark}{name}." for name in _names(template)}
        return self._compiled(template, quote).evaluate({"input": self._given, "key": self._key, "secrets": secrets})

    def _compiled(self, template: Any, quote: Literal["url"] | None = None) -> Value:
        try:
            return _compile(canonical(template), self._schema, quote)
        except Refused as error:
            raise EvaluationError(f"the tool's template is wrong: {error}") from None


def problems(template: Any, schema: Mapping[str, Any], path: str, quote: Literal["url"] | None = None) -> tuple[Problem, ...]:
    """What is wrong with a template, before it is ever used."""
    try:
        _compile(canonical(template), canonical(dict(schema)), quote)
    except Refused as error:
        return tuple(replace(problem, path=f"{path}.{problem.path}".rstrip(".").replace(".[", "[")) for problem in error.problems)
    return ()


def _names(template: Any) -> list[str]:
    return sorted(set(_NAMED.findall(template if isinstance(template, str) else canonical(template))))


@lru_cache(maxsize=1024)
def _compile(template: str, schema: str, quote: Literal["url"] | None) -> Value:
    secrets = {name: {"type": "string"} for name in _names(template)}
    sight = {
        "input": load(schema),
        "key": {"type": "string"},
        "secrets": {"type": "object", "properties": secrets, "required": list(secrets)},
    }
    return compile_value(load(template), sight, quote=quote)
