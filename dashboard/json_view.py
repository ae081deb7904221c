"""A JSON value as markup: text stays text, what is nested folds, a list of flat objects is a table. It works without a script."""

import json
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from dashboard import json_table
from orchestration.core.wording import counted

NOTHING = SafeString("")
OPEN = SafeString(" open")
OPEN_DEPTH = 2
LONG_TEXT = 600
MANY = 200
LARGE = 150_000
"""Characters of JSON above which no tree is drawn: tens of thousands of nodes make a page that nobody can use."""


def text(value: Any, limit: int | None = None) -> str:
    """`value` as JSON, indented where there is no limit, else on one line and cut to `limit` characters."""
    whole = json.dumps(value, ensure_ascii=False, indent=None if limit else 2, default=str)
    return whole if limit is None or len(whole) <= limit else whole[: limit - 1] + "…"


def tree(value: Any, prefix: str = "") -> SafeString:
    """Markup of `value`. `prefix` begins the ids of its folds; without one they have none, and close at a refresh."""
    return _drawn(value, prefix, tables=True)


def exact(value: Any, prefix: str = "") -> SafeString:
    """The same to the letter: without tables."""
    return _drawn(value, prefix, tables=False)


def _drawn(value: Any, prefix: str, tables: bool) -> SafeString:
    whole = text(value)
    if len(whole) > LARGE:
        return format_html(
            '<pre>{}</pre><p class="c">… {} more; copy to see all of it</p>',
            whole[:LARGE],
            counted(len(whole) - LARGE, "character"),
        )
    return _node(value, NOTHING, f"{prefix}." if prefix else "", 0, tables)


def _node(value: Any, key: SafeString, place: str, depth: int, tables: bool) -> SafeString:
    """`key` stands before the value on the same line, also where the value folds."""
    if isinstance(value, dict):
        named = [(_key(str(name)), child, str(name)) for name, child in value.items()]
        return _branch(named, key, "{}", counted(len(named), "field"), place, depth, tables)
    if tables and (names := json_table.columns(value)):
        summary = format_html('{}<span class="c">{}</span>', key, counted(len(value), "item"))
        drawn = json_table.table(value, names, _id(place and f"{place}more"))
        return _fold(_id(place), depth < OPEN_DEPTH, summary, drawn)
    if isinstance(value, list | tuple):
        numbered = [(NOTHING, child, str(index)) for index, child in enumerate(value)]
        return _branch(numbered, key, "[]", counted(len(numbered), "item"), place, depth, tables)
    return _leaf(value, key)


def _key(name: str) -> SafeString:
    return format_html('<span class="k">{}</span><span class="c">: </span>', json.dumps(name, ensure_ascii=False))


def _branch(
    entries: list[tuple[SafeString, Any, str]], key: SafeString, brackets: str, words: str, place: str, depth: int, tables: bool
) -> SafeString:
    if not entries:
        return format_html('<span>{}<span class="c">{}</span></span>', key, brackets)
    rows = [
        format_html("<li>{}</li>", _node(child, name, f"{place}{part}." if place else "", depth + 1, tables))
        for name, child, part in entries[:MANY]
    ]
    if len(entries) > MANY:
        rows.append(format_html('<li class="c">… {} more; copy to see all of it</li>', len(entries) - MANY))
    summary = format_html('{}<span class="c">{}</span> <span class="c">{}</span>', key, brackets, words)
    return _fold(_id(place), depth < OPEN_DEPTH, summary, format_html("<ul>{}</ul>", mark_safe("".join(rows))))  # noqa: S308  (rows are from format_html)


def _id(place: str) -> SafeString:
    return format_html(' id="{}"', place) if place else NOTHING


def _fold(attributes: SafeString, is_open: bool, summary: SafeString, body: SafeString) -> SafeString:
    opened = OPEN if is_open else NOTHING
    return format_html("<details{}{}><summary>{}</summary>{}</details>", attributes, opened, summary, body)


def _leaf(value: Any, key: SafeString) -> SafeString:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    kind = "s" if isinstance(value, str) else "w" if isinstance(value, bool) or value is None else "n"
    if len(shown) <= LONG_TEXT:
        return format_html('<span>{}<span class="{}">{}</span></span>', key, kind, shown)
    summary = format_html(
        '{}<span class="s">{}…</span> <span class="c">{}</span>', key, shown[:80], counted(len(shown), "character")
    )
    return _fold(NOTHING, False, summary, format_html('<pre class="s">{}</pre>', value))
