"""What the sample service knows, from `facts.yaml`."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_WORD = re.compile(r"[a-z0-9]+")
_COMMON = frozenset(
    _WORD.findall(
        "a am an and are as at be by can do does for from have how i if in is it may me my of on or our that the their there "
        "they this to us was we what when where which who will with you your"
    )
)


@lru_cache(maxsize=1)
def facts() -> dict[str, Any]:
    return dict(yaml.safe_load(Path(__file__).with_name("facts.yaml").read_text(encoding="utf-8")))


def one(kind: str, key: str, value: str) -> dict[str, Any] | None:
    """The first of `kind` whose `key` is `value`."""
    return next((dict(item) for item in facts()[kind] if item[key] == value), None)


def matching(kind: str, query: str, most: int, skip: Collection[str] = ()) -> list[dict[str, Any]]:
    """At most `most` texts of `kind` that share words with the query, the best first; a word of the title counts twice."""
    wanted = set(_words(query))
    found = [(_score(item, wanted), item) for item in facts()[kind] if item["id"] not in skip]
    found.sort(key=lambda pair: -pair[0])
    return [dict(item) for score, item in found[:most] if score]


def _score(item: dict[str, Any], wanted: set[str]) -> int:
    return 2 * len(wanted & set(_words(item["title"]))) + len(wanted & set(_words(item["text"])))


def _words(text: str) -> Iterable[str]:
    return (word.removesuffix("s") for word in _WORD.findall(text.lower()) if word not in _COMMON)
