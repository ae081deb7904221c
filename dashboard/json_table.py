"""A list of flat objects that are alike as a table: what they hold by one name stands below each other."""

import json
import re
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orchestration.core.wording import counted

MOST_COLUMNS, LONGEST_NAME = 12, 60
AT_FIRST, MOST_ROWS = 10, 200
CLIPPED, LONG = 120, 30
"""Characters of a text that stand in its cell, if it has more, and above which a column is wide."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Row = dict[str, Any]


def columns(value: Any) -> list[str]:
    """The names that the objects have, in the order in which they appear; [] where it is no list of flat objects that all have
    one of them, or where there are more than stand beside each other."""
    if not isinstance(value, list | tuple) or not all(map(_is_flat_object, value)):
        return []
    names = list(dict.fromkeys(name for row in value for name in row))
    if len(names) > MOST_COLUMNS or any(len(name) > LONGEST_NAME for name in names):
        return []
    return names if any(all(name in row for row in value) for name in names) else []


def _is_flat_object(value: Any) -> bool:
    return isinstance(value, dict) and not any(each and isinstance(each, dict | list | tuple) for each in value.values())


def table(rows: list[Row], names: list[str], fold_id: SafeString) -> SafeString:
    """Its markup. All but the first rows are behind a fold with this attribute. It works without a script."""
    looks = {name: _look([row[name] for row in rows if row.get(name) is not None]) for name in names}
    heads = format_html_join("", '<th scope="col" class="{}">{}</th>', ((looks[name], _visible(name)) for name in names))
    first, more = _rows(rows[:AT_FIRST], looks), _rows(rows[AT_FIRST:MOST_ROWS], looks)
    beyond = len(rows) - MOST_ROWS
    told = format_html('<p class="c">… {} more; copy to see all of it</p>', f"{beyond:,}") if beyond > 0 else ""
    words = '<span class="when-shut">and {} more</span><span class="when-open">the first {} alone</span>'
    said = format_html(words, f"{len(rows) - AT_FIRST:,}", AT_FIRST)
    fold = format_html('<details class="rows__fold"{}><summary>{}</summary>{}</details>', fold_id, said, told) if more else ""
    body = format_html('<tbody>{}</tbody><tbody class="rows__more">{}</tbody>', first, more)
    return format_html('<div class="rows"><table><thead><tr>{}</tr></thead>{}</table>{}</div>', heads, body, fold)


def _look(given: list[Any]) -> str:
    """How the column of these values is drawn."""
    if given and all(isinstance(each, int | float) and not isinstance(each, bool) for each in given):
        return "number"
    return "long" if any(isinstance(each, str) and len(each) > LONG for each in given) else ""


def _rows(rows: list[Row], looks: dict[str, str]) -> SafeString:
    return format_html_join("", "<tr>{}</tr>", ((_cells(row, looks),) for row in rows))


def _cells(row: Row, looks: dict[str, str]) -> SafeString:
    cells = ((look, _cell(row[name]) if name in row else "") for name, look in looks.items())
    return format_html_join("", '<td class="{}">{}</td>', cells)


def _cell(value: Any) -> SafeString:
    if value == "":
        return SafeString('<span class="c">empty</span>')
    is_text = isinstance(value, str)
    shown = _visible(value) if is_text else json.dumps(value, default=str)
    if len(shown) > CLIPPED:
        summary = format_html(
            '<span class="when-shut">{}… </span><span class="c">{}</span>', shown[:CLIPPED], counted(len(shown), "character")
        )
        return format_html('<details class="rows__long"><summary>{}</summary><div>{}</div></details>', summary, shown)
    return format_html("{}", shown) if is_text else format_html('<span class="{}">{}</span>', _kind(value), shown)


def _kind(value: Any) -> str:
    return "w" if value is None or isinstance(value, bool | list | dict) else ""


def _visible(text: str) -> str:
    """With control characters as JSON writes them; ends of lines and tabs are none."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
