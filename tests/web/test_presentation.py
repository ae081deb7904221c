"""How amounts, times, strips and JSON are said. Tables; no database."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from dashboard import json_view, presentation
from dashboard.presentation import Segment
from dashboard.templatetags import look

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("nano", "said"),
    [
        (None, "unknown"),
        (0, "$0"),
        (90_000, "under $0.0001"),
        (3_104_000, "$0.0031"),
        (250_000_000, "$0.25"),
        (200_000_000, "$0.20"),
        (999_990_000, "$1.00"),
        (12_345_678_900_000, "$12,345.68"),
    ],
)
def test_money(nano: int | None, said: str) -> None:
    assert presentation.money(nano) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "unknown"),
        (0, "0 ms"),
        (0.85, "850 ms"),
        (0.9996, "1.00 s"),
        (1.239, "1.24 s"),
        (42.06, "42.1 s"),
        (59.97, "1 min"),
        (60, "1 min"),
        (123, "2 min 3 s"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_span(seconds: float | None, said: str) -> None:
    assert presentation.span(seconds) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=48), "48 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(days=3), "3 d ago"),
        (timedelta(days=20), "11 Apr 2026"),
        (timedelta(hours=-2), "in 2 h"),
    ],
)
def test_ago(before: timedelta, said: str) -> None:
    assert presentation.ago(NOW - before, NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0 s"), (44.6, "45 s"), (59.4, "59 s"), (59.5, "1 min"), (14.6 * 60, "15 min"), (3599.9, "1 h"),
        (8 * 3600 - 1.2, "8 h"), (8 * 3600 - 40, "7 h 59 min"), (23.999 * 3600, "1 d"), (2 * 86400 - 5, "2 d"),
        (2 * 86400 - 3600, "1 d 23 h"), (30 * 86400, "30 d"),
    ],
)  # fmt: skip
def test_what_is_left_until_a_deadline_is_not_cut_down(seconds: float, said: str) -> None:
    assert presentation.left(seconds) == said


def test_a_status_that_is_not_in_the_table_keeps_its_own_word() -> None:
    assert presentation.look_of("held").word == "Running"
    assert presentation.look_of("on_fire").word == "On fire"


@given(st.lists(st.tuples(st.sampled_from(["queued", "running", "person", "new"]), st.floats(0, 1e6)), max_size=20))
def test_every_segment_is_seen_inside_the_strip(parts: list[tuple[str, float]]) -> None:
    segments, at = [], 0.0
    for kind, length in parts:
        segments.append(Segment(kind, at, at + length))
        at += length
    drawn = presentation.strip(segments, at)
    assert len(drawn.bars) == len(segments)
    assert all(bar.start >= 0 and bar.length >= 2 and bar.start + bar.length <= 1000 for bar in drawn.bars)


class Text(HTMLParser):
    """The text that a reader sees, and the tags that the browser makes."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


TAGS = {"details", "summary", "ul", "li", "span", "pre", "div", "table", "thead", "tbody", "tr", "th", "td", "p"}
rows = st.lists(st.dictionaries(st.text(max_size=70), st.none() | st.integers() | st.text(), min_size=1, max_size=3), max_size=14)


@given(json_values | rows)
def test_no_value_becomes_markup(value: Any) -> None:
    for drawn in (json_view.tree(value), json_view.tree(value, "here"), json_view.exact(value)):
        seen = Text()
        seen.feed(drawn)
        assert seen.tags <= TAGS
    assert json.loads(json_view.text(value)) == value


def test_hostile_text_is_shown_as_it_is() -> None:
    hostile = '"><script>alert(1)</script>'
    seen = Text()
    seen.feed(json_view.tree({hostile: [hostile, hostile * 100]}, 'x"><img src=x>'))
    assert seen.tags <= TAGS
    assert seen.text.count("<script>alert(1)</script>") >= 102


class Table(HTMLParser):
    """What stands in the rows of a table, its head first; `numbers` are the columns that are aligned as such."""

    def __init__(self, drawn: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.numbers: list[int] = []
        self.feed(drawn)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.numbers += [len(self.rows[-1])] if tag == "th" and ("class", "number") in attrs else []
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def test_flat_objects_that_are_alike_are_rows_below_what_they_share() -> None:
    lines = [{"sku": "A-1", "pieces": 2}, {"sku": "1", "price": 1.5, "note": ""}, {"sku": None, "pieces": None, "more": []}]
    found = Table(json_view.tree({"lines": lines}))
    assert found.rows == [
        ["sku", "pieces", "price", "note", "more"],
        ["A-1", "2", "", "", ""],
        ["1", "", "1.5", "empty", ""],
        ["null", "null", "", "", "[]"],
    ]
    assert found.numbers == [1, 2]
    assert "<table" not in json_view.exact({"lines": lines})


NO_TABLES: list[Any] = [
    [], [1, 2], ["a"], {"a": {"b": 1}}, [{}], [{"a": 1}, 2], [{"a": 1}, {"b": 2}], [{"a": [1]}], [{"a": {"b": 1}}, {"a": 2}],
    [{str(n): n for n in range(13)}], [{"n" * 61: 1}],
]  # fmt: skip


@pytest.mark.parametrize("value", NO_TABLES, ids=lambda value: repr(value)[:30])
def test_what_is_nested_or_unlike_is_no_table(value: Any) -> None:
    assert "<table" not in json_view.tree(value)


def test_a_hostile_table_stays_bounded_and_hides_nothing() -> None:
    long = "<b>" + "x" * 400 + "\u202e end"
    drawn = json_view.tree([{"n": n, "text": "\x00\x1b[31m\u202eb" if n else long} for n in range(1_000)], "here")
    found = Table(drawn)
    assert len(found.rows) == 201 and drawn.count('class="rows__more"') == 1
    assert "and 990 more" in drawn and "800 more; copy to see all of it" in drawn
    assert found.rows[1][1] == f"{long[:120]}… {len(long)} characters{long}"
    assert found.rows[2][1] == "\\u0000\\u001b[31m\u202eb"


def test_large_values_stay_usable() -> None:
    assert len(json_view.tree(list(range(100_000)))) < 2 * json_view.LARGE
    assert "800 more" in json_view.tree(list(range(1000)))
    assert json_view.text({"a": "b" * 100}, 20) == '{"a": "bbbbbbbbbbbb…'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`a` and `b.c`", "<code>a</code> and <code>b.c</code>"),
        ("`<i>` < 1", "<code>&lt;i&gt;</code> &lt; 1"),
        ("it's `open", "it&#x27;s `open"),
        ("```json``` `` `", "```json``` `` `"),
        ("`a\nb`", "`a\nb`"),
        ("", ""),
    ],
)
def test_what_stands_in_backticks_is_code(text: str, html: str) -> None:
    assert look.coded(text) == html


WRONG = {"path": "x", "message": "lacks `x`"}


@pytest.mark.parametrize(
    ("template", "context"),
    [
        ("inbox/why.html", {"reason": {"because": "lacks `x`"}}),
        ("inbox/why.html", {"reason": {"code": "refused", "message": "lacks `x`"}}),
        ("inbox/why.html", {"reason": {"code": "refused", "problems": [WRONG]}}),
        ("inbox/why.html", {"reason": {}, "note": "lacks `x`"}),
        ("inbox/tried.html", {"asked": {"dossier": {}}, "tries": [{"why": "lacks `x`"}]}),
        ("inbox/tried.html", {"asked": {"dossier": {}}, "tries": [{"problems": [WRONG]}]}),
        ("schedules/_coming.html", {"coming": {"problems": [WRONG]}}),
        ("components/decision.html", {"decision": {"sentence": "lacks `x`"}}),
        ("errors/422.html", {"message": "lacks `x`"}),
    ],
)
def test_names_in_what_is_said_stand_as_code_wherever_it_is_said(template: str, context: dict[str, Any]) -> None:
    assert "lacks <code>x</code>" in render_to_string(template, context)
