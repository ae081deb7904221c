"""A form of any schema: what was opened and sent back unchanged is the same value, whatever the schema; and what is wrong is
told at its field, with the typed text kept."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.schema_form import SchemaForm
from orchestration.core.contract import contract
from orchestration.core.errors import Refused
from orchestration.core.values import canonical

KEYS = st.sampled_from(["a", "b c", "d/e", "f~1", "on", "ключ"])
TEXT = st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=90)


@st.composite
def schema_and_value(draw: st.DrawFn, depth: int = 0) -> tuple[dict[str, Any], Any]:
    """A schema and a value that fits it."""
    kinds = ["string", "number", "integer", "boolean", "enum", "mixed"] + (["object", "array", "unique"] if depth < 3 else [])
    kind = draw(st.sampled_from(kinds))
    null = draw(st.booleans()) and kind not in ("mixed", "enum", "unique")
    schema, value = draw(_of_kind(kind, depth))
    if null:
        schema = {**schema, "type": [schema["type"], "null"]}
        value = draw(st.sampled_from([None, value]))
    return schema, value


@st.composite
def _of_kind(draw: st.DrawFn, kind: str, depth: int) -> tuple[dict[str, Any], Any]:
    if kind == "string":
        return {"type": "string", "maxLength": draw(st.sampled_from([90, 2000]))}, draw(TEXT)
    if kind == "number":
        return {"type": "number"}, draw(st.floats(allow_nan=False, allow_infinity=False).map(lambda one: one + 0.0))
    if kind == "integer":
        return {"type": "integer"}, draw(st.integers(-(2**63), 2**63 - 1))
    if kind == "boolean":
        return {"type": "boolean"}, draw(st.booleans())
    if kind == "enum":
        options = draw(st.lists(st.one_of(st.integers(0, 9), TEXT, st.booleans(), st.none()), min_size=1, unique_by=canonical))
        return {"enum": options}, draw(st.sampled_from(options))
    if kind == "mixed":
        return {"type": ["string", "object"]}, draw(st.one_of(TEXT, st.dictionaries(KEYS, st.integers(0, 9))))
    if kind == "unique":
        options = draw(st.lists(TEXT, min_size=1, unique=True))
        chosen = draw(st.lists(st.sampled_from(options), unique=True))
        return {"type": "array", "uniqueItems": True, "items": {"type": "string", "enum": options}}, chosen
    if kind == "array":
        item, one = draw(schema_and_value(depth + 1))
        return {"type": "array", "items": item}, draw(st.sampled_from([[], [one], [one, one]]))
    parts = {key: draw(schema_and_value(depth + 1)) for key in draw(st.lists(KEYS, unique=True, min_size=1, max_size=4))}
    required = draw(st.lists(st.sampled_from(list(parts)), unique=True))
    left_out = {key for key in parts if key not in required and draw(st.booleans())}
    value = {key: one for key, (_, one) in parts.items() if key not in left_out}
    if draw(st.booleans()):
        value["not declared"] = [1, {"x": None}]
    return {"type": "object", "required": required, "properties": {key: part for key, (part, _) in parts.items()}}, value


class Browser(HTMLParser):
    """What a browser without scripts would send for this markup."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.templates, self.select, self.textarea = 0, "", ""
        self.feed(page)

    def send(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        self.templates += tag == "template"
        if self.templates:
            return
        if tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            assert "\n" not in value, "an input of one line loses line ends"
            self.send(name, value if "value" in given else "on")
        elif tag == "select":
            self.select = name
        elif tag == "option" and (self.select not in self.sent or "selected" in given):
            self.sent[self.select] = [value]
        elif tag == "textarea":
            self.textarea, self.typed = name, ""

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.typed += data

    def handle_endtag(self, tag: str) -> None:
        self.templates -= tag == "template"
        if tag == "textarea" and self.textarea:
            self.send(self.textarea, self.typed.removeprefix("\n").replace("\n", "\r\n"))
            self.textarea = ""


def as_sent(page: str) -> dict[str, list[str]]:
    return Browser(page).sent


@given(schema_and_value())
@settings(max_examples=150, deadline=None)
def test_what_is_opened_and_sent_back_unchanged_is_the_same_value(drawn: tuple[dict[str, Any], Any]) -> None:
    schema, value = drawn
    assert contract(schema).accepts(value)
    page = render_to_string("components/schema_form.html", {"form": SchemaForm.of(schema, value)})
    form = SchemaForm.of(schema, value)
    assert not form.raw, "it is asked for in fields"
    assert canonical(SchemaForm.sent(schema, as_sent(page)).value()) == canonical(contract(schema).coerce(value))


REPLY: dict[str, Any] = {
    "type": "object",
    "required": ["label", "lines", "sure"],
    "properties": {
        "label": {"enum": ["refund", "bug", "question"]},
        "sure": {"type": "boolean"},
        "amount": {"type": ["number", "null"], "minimum": 0, "maximum": 50},
        "day": {"type": "string", "format": "date"},
        "lines": {
            "type": "array", "minItems": 1, "maxItems": 3,
            "items": {"type": "object", "required": ["text"],
                      "properties": {"text": {"type": "string"}, "n": {"type": "integer"}}},
        },
        "address": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string", "minLength": 1}}},
        "other": {},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "place", "words"),
    [
        ({"v/amount": "a lot"}, "v/amount", 'Must be a number or null; it is "a lot".'),
        ({"v/amount": "51"}, "v/amount", "Must be at most 50; it is 51."),
        ({"v/amount": "1e999"}, "v/amount", 'Must be a number or null; it is "1e999".'),
        ({"v/day": "tomorrow"}, "v/day", "Must be written as a date"),
        ({"v/label": '"gold"'}, "v/label", "Must be one of refund, bug or question"),
        ({"v/label": ""}, "v/label", "Is missing, and is required."),
        ({"v/lines/0/n": "1.5"}, "v/lines/0/n", "Must be a whole number; it is 1.5."),
        ({"v/address~on": "on"}, "v/address/city", "Is missing, and is required."),
        ({"v/other": "{not json"}, "v/other", ""),
        ({"v/lines~item": []}, "v/lines", "at least 1 item"),
        ({"v~more": "[1]"}, "v", "must be a JSON object"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(typed: dict[str, Any], place: str, words: str) -> None:
    opened = SchemaForm.of(REPLY, {"label": "bug", "sure": True, "lines": [{"text": "a"}]})
    post = QueryDict(mutable=True)
    for name, each in {**opened.answer, **typed}.items():
        post.setlist(name, each if isinstance(each, list) else [each])
    form = SchemaForm.sent(REPLY, post)
    with pytest.raises(Refused) as refused:
        form.value()
    marked = form.mark(refused.value.problems)
    at_field = {field.name: field.errors for field in marked.fields.every() if field.errors}
    assert list(at_field) == [place]
    assert words.lower() in at_field[place][0].lower()
    page = render_to_string("components/schema_form.html", {"form": marked})
    again = as_sent(page)
    kept = {name: again.get(name, []) for name in typed}
    assert kept == {name: each if isinstance(each, list) else [each] for name, each in typed.items() if each} | {
        name: [] for name, each in typed.items() if not each
    }


def test_a_list_grows_and_shrinks_without_scripts_and_keeps_what_was_typed() -> None:
    form = SchemaForm.of(REPLY, {"label": "bug", "sure": False, "lines": [{"text": "a"}, {"text": "b"}]})
    page = as_sent(render_to_string("components/schema_form.html", {"form": form}))
    taken = form.turned({"form_turn": "take v/lines 0"})
    assert taken is not None and taken.value()["lines"] == [{"text": "b"}]
    more = SchemaForm.sent(REPLY, {**page, "v/lines/1/text": ["typed"]}).turned({"form_turn": "add v/lines"})
    assert more is not None
    assert more.draft()["lines"][:2] == [{"text": "a"}, {"text": "typed"}]
    lines = next(field for field in more.fields.every() if field.name == "v/lines")
    assert len(lines.children) == 3 and lines.full
    assert form.turned({}) is None
    assert form.turned({"form_turn": "keep"}) == form


def test_a_blank_form_opens_with_defaults_and_a_given_value_without_them() -> None:
    schema = {
        "type": "object",
        "required": ["tone"],
        "properties": {"tone": {"enum": ["warm", "dry"], "default": "dry"}, "send": {"type": "boolean", "default": True}},
    }
    assert SchemaForm.of(schema).value() == {"tone": "dry", "send": True}
    assert SchemaForm.of(schema, {"tone": "warm"}).value() == {"tone": "warm"}
    unsent = {**SchemaForm.of(schema).answer, "v/send": [""]}
    assert SchemaForm.sent(schema, unsent).value() == {"tone": "dry"}


def test_fields_that_differ_from_the_proposal_say_what_it_was() -> None:
    proposal = {"label": "refund", "sure": True, "lines": [{"text": "a"}], "amount": 3.5}
    form = SchemaForm.of(REPLY, {**proposal, "label": "bug", "amount": None}, proposal=proposal)
    assert {field.name: field.was for field in form.fields.every() if field.was is not None} == {
        "v/label": "refund",
        "v/amount": "3.5",
    }


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "array"}]},
        {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "required": ["of"], "properties": {
            "of": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}}},
        {"type": "object", "properties": {
            f"p{n}": {"type": "object", "properties": {f"q{m}": {"type": "string"} for m in range(40)}} for n in range(40)}},
    ],
)  # fmt: skip
def test_every_schema_has_a_form_of_bounded_size(schema: dict[str, Any]) -> None:
    page = render_to_string("components/schema_form.html", {"form": SchemaForm.of(schema)})
    assert len(page) < 400_000
    assert SchemaForm.of(schema, raw=True).raw


def test_a_value_too_large_for_controls_is_edited_as_text() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    form = SchemaForm.of(schema, list(range(700)))
    assert form.raw and form.value() == list(range(700))
    with pytest.raises(Refused, match="values"):
        SchemaForm.sent(schema, {"v~json": ["[1, 'x']"]}).value()
