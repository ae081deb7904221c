"""Bad input to the forms of pages: the page again, with a sentence at the place and all that was typed, and nothing stored."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from orchestration.acts import drafts
from orchestration.models import Escalation, Event, Provider, Run, Schedule, Secret, Version, Workflow
from orchestration.record.pack import unpack_all
from tests import factories
from tests.corpora import definitions, values
from tests.corpora.values import Case
from tests.engine.publishing import publish
from tests.orders import orders
from tests.web.test_api_input import stored

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

TYPED = {
    "NUL": ("a\0b", "a\ufffdb"),
    "a lone surrogate": (b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"),
    "all else": ("ä<b>😀 ", "ä<b>😀 "),
}
"""What is typed into a field of text, or sent by what is no browser, and what is kept of it."""
SAYS = {
    code: re.compile(words)
    for code, words in {
        "not_a_number": "is not a JSON number|too large for a double", "number_too_large": "does not fit in 64 bits",
        "too_deep": "more than 100 levels deep at line", "too_large": "more than 200,000 values", "duplicate_key": "stands twice",
        "not_json": "not JSON: .* at line 1, column|Null characters are not allowed", "wrong_type": "(?i)must be text; it is",
    }.items()
}  # fmt: skip
"""What the page says at the field, by code."""
SCHEDULE = {"name": "Daily", "cron": "0 8 * * *", "zone": "UTC", "catchup": "last", "most": "100"}
PROVIDER = {"name": "main", "protocol": "rehearsal", "structured": "none"}


def send(client: Client, path: str, fields: dict[str, Any]) -> Any:
    return client.generic("POST", path, urlencode(fields), content_type="application/x-www-form-urlencoded")


def shown(answer: Any) -> str:
    """The page as it reads, text areas included."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def typed(answer: Any, text: str) -> bool:
    """Whether the page holds this still, in a field of it."""
    return text.strip() in unescape(answer.content.decode().replace("\r\n", "\n"))


@dataclass(frozen=True)
class Form:
    """A text area for JSON: `frame` has a hole where text is due. `kept` reads what came of it. `any_type`: not only text."""

    path: str
    fields: Callable[[str], dict[str, str]]
    frame: str
    kept: Callable[[Escalation, Any], Any]
    any_type: bool = False


FORMS: dict[str, Form] = {
    "run form": Form(
        "/workflows/asking/run/", lambda text: {"input~json": text}, '{"text": %s}',
        lambda asked, answer: unpack_all([Run.objects.latest("created").input])[0]["text"],
    ),
    "items": Form(
        "/workflows/orders/run/", lambda text: {"input~json": text}, '{"orders": ["a", %s]}',
        lambda asked, answer: unpack_all([Run.objects.latest("created").input])[0]["orders"][1],
    ),
    "schedule": Form(
        "/workflows/asking/schedules/new/", lambda text: {**SCHEDULE, "input~json": text}, '{"text": %s}',
        lambda asked, answer: unpack_all([Schedule.objects.latest("created").input])[0]["text"],
    ),
    "answer": Form(
        "/inbox/{escalation}/", lambda text: {"v~json": text, "action": "send"}, '{"reply": %s}',
        lambda asked, answer: unpack_all([Escalation.objects.get(id=asked.id).answer])[0]["values"]["reply"],
    ),
    "provider": Form(
        "/settings/providers/new/", lambda text: {**PROVIDER, "options": text}, '{"team": %s}',
        lambda asked, answer: answer.status_code, any_type=True,
    ),
    "event": Form(
        "/events/send/", lambda text: {"name": "paid", "payload~json": text}, '{"text": %s}',
        lambda asked, answer: unpack_all([Event.objects.latest("received").payload])[0]["text"], any_type=True,
    ),
    "input to try": Form(
        "/workflows/asking/try/?step=note", lambda text: {"input": text}, '{"run": {"input": {"text": %s}}}',
        lambda asked, answer: answer.status_code, any_type=True,
    ),
}  # fmt: skip


def from_browsers(cases: dict[str, Case]) -> dict[str, Case]:
    """Those that are UTF-8, which is what a browser sends."""

    def readable(case: Case) -> bool:
        try:
            return bool(case.text.decode())
        except UnicodeDecodeError:
            return False

    return {which: case for which, case in cases.items() if readable(case) and case.text}


@pytest.mark.parametrize("name", FORMS)
def test_json_that_can_t_be_read_comes_back_as_it_was_typed(name: str, as_admin: Client) -> None:
    form, asked = FORMS[name], factories.asked()
    publish(orders())
    before = stored()
    for which, case in from_browsers({**values.UNREAD, **({} if form.any_type else values.WRONG)}).items():
        text = case.within(form.frame).decode()
        answer = send(as_admin, form.path.format(escalation=asked.id), form.fields(text))
        assert (which, answer.status_code) == (which, 422)
        assert typed(answer, text), which
        assert SAYS[case.code].search(shown(answer)), which
    assert stored() == before


@pytest.mark.parametrize("name", FORMS)
def test_json_that_can_be_kept_is_kept_or_mended(name: str, as_admin: Client) -> None:
    form = FORMS[name]
    publish(orders())
    for which, case in {**values.GOOD, **values.MENDED}.items():
        Provider.objects.all().delete()
        asked = factories.asked()
        answer = send(as_admin, form.path.format(escalation=asked.id), form.fields(case.within(form.frame).decode()))
        assert form.kept(asked, answer) in (case.becomes, 200, 302), which


@pytest.mark.parametrize("which", TYPED)
def test_text_of_any_characters_is_kept_or_mended(which: str, as_admin: Client) -> None:
    text, becomes = TYPED[which]
    asked = factories.asked()
    assert send(as_admin, "/workflows/asking/run/", {"input/text": text, "key": text}).status_code == 302
    run = Run.objects.latest("created")
    assert (unpack_all([run.input])[0]["text"], run.key) == (becomes, becomes.strip())
    assert send(as_admin, f"/inbox/{asked.id}/draft/", {"v/reply": text}).status_code == 302
    assert send(as_admin, f"/inbox/{asked.id}/", {"v/reply": text, "action": "send"}).status_code == 302
    assert unpack_all([Escalation.objects.get(id=asked.id).answer])[0]["values"]["reply"] == becomes
    assert send(as_admin, f"/runs/{run.id}/cancel/", {"reason": text}).status_code == 302
    before = Secret.objects.count()
    answer = send(as_admin, "/settings/secrets/", {"name": "llm", "value": text})
    assert (answer.status_code, Secret.objects.count() - before) == ((422, 0) if "\0" in str(text) else (302, 1))
    for fields in ({**PROVIDER, "headers": f"X-Team: {text}"}, {**PROVIDER, "prices": f"{text} 1 x"}, {**PROVIDER, "cap": text}):
        assert send(as_admin, "/settings/providers/new/", fields).status_code in (302, 422)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *(("prices", f"gpt {number} 2") for number in ("NaN", "-1", "1e400", "1" + "0" * 5000, "two", "")),
        *(("cap", number) for number in ("0", "1.5", "NaN", "1" + "0" * 5000, "many")),
        *(("base_url", url) for url in ("ftp://x.example", "http://[::1", "http://", "https://me:key@x.example", "x" * 501)),
        *(("default_model", name) for name in ("two\nlines", "x" * 201)),
        *(("headers", line) for line in ("no colon", "Authorization: Bearer sk-1", "a b: c")),
        *(("name", name) for name in ("Main", "", "../x", "x" * 49)),
        *((field, "other") for field in ("protocol", "secret", "structured")),
    ],
    ids=lambda text: text[:30],
)
def test_a_wrong_field_of_a_provider_is_told_at_it_and_all_fields_come_back(field: str, text: str, as_admin: Client) -> None:
    sent = {"name": "main", "protocol": "openai", "base_url": "https://x.example", "structured": "none", "default_model": "kept"}
    answer = send(as_admin, "/settings/providers/new/", {**sent, field: text})
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert list(errors) in ([field], ["__all__"]), errors
    assert typed(answer, text.splitlines()[0] if text else "") or field in ("protocol", "secret", "structured")
    assert field == "default_model" or 'value="kept"' in answer.content.decode()
    assert not Provider.objects.exists()


def test_a_definition_that_can_not_be_read_comes_back_from_the_editor_or_stays_as_the_draft(as_designer: Client) -> None:
    drafts.push(text=definitions.texts(factories.asking())[definitions.YAML], by="dora")
    for which, bad in from_browsers_too(definitions.UNREADABLE).items():
        text = bad.text.decode()
        made = send(as_designer, "/workflows/new/", {"text": text})
        assert (which, made.status_code) == (which, 422)
        assert typed(made, text), which
        checked = send(as_designer, "/workflows/new/", {"text": text, "do": "check"})
        assert (which, checked.status_code) == (which, 200)
        before = Workflow.objects.get()
        saved = send(as_designer, "/workflows/asking/edit/", {"text": text, "revision": before.revision, "do": "save"})
        assert (which, saved.status_code) == (which, 302 if bad.draft else 422)
        assert bad.draft or typed(saved, text), which
        found = Workflow.objects.get()
        assert (found.draft, found.revision) == ((text, before.revision + 1) if bad.draft else (before.draft, before.revision)), (
            which
        )
        if len(text) > 10_000:
            continue  # the pages that follow are large, and say what the check has said
        page = shown(as_designer.get("/workflows/asking/edit/"))
        assert not bad.draft or re.search(r"\d errors?\b", page), which
        assert as_designer.post("/workflows/asking/publish/", {"revision": found.revision}).status_code == 422, which
    assert not Version.objects.exists()


def from_browsers_too(texts: dict[str, definitions.Text]) -> dict[str, definitions.Text]:
    return {which: bad for which, bad in texts.items() if bad.code != "not_text" and len(bad.text) < 3_000_000}


def test_a_tool_that_can_not_be_read_comes_back_as_it_was_typed(as_admin: Client) -> None:
    before = stored()
    for which, bad in from_browsers_too(definitions.UNREADABLE).items():
        text = bad.text.decode()
        answer = send(as_admin, "/settings/tools/new/", {"name": "crm.get", "text": text})
        assert (which, answer.status_code) == (which, 422)
        assert typed(answer, text), which
    assert stored() == before
