"""The settings: who may what, what is shown once, and that secrets are never shown at all."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestration import vault
from orchestration.acts import reach
from orchestration.models import Act, ApiToken, Provider, Secret, Tool, Worker
from orchestration.queries.reach import provider
from orchestration.record.clock import database_now
from orchestration.roles import Role, role_of
from tests.api import Api
from tests.conftest import PASSWORD

pytestmark = pytest.mark.any_database

CANARY = "sk-canary-5f2c"
READS = {
    "": "yyyy",
    "providers/": "yyyy",
    "providers/main/": "yyyy",
    "tools/": "yyyy",
    "tools/desk.find/": "yyyy",
    "secrets/": "nnyy",
    "tokens/": "yyyy",
    "people/": "nnny",
}
WRITES = {
    "providers/new/": "nnny",
    "providers/main/": "nnny",
    "tools/new/": "nnny",
    "tools/desk.find/": "nnny",
    "secrets/": "nnny",
    "tokens/": "yyyy",
    "people/": "nnny",
    "people/vera/": "nnny",
}
TOOL = {"http": {"method": "GET", "url": "https://desk.example/find"}, "effect": "none"}


@pytest.fixture
def filled(db: None) -> None:
    reach.put_secret(name="key", value=CANARY, by="ada")
    prices = {"gpt": {"usd_per_mtok_in": 0.25, "usd_per_mtok_out": 2}}
    body = {
        "protocol": "openai",
        "base_url": "https://models.example/v1",
        "secret": "key",
        "prices": prices,
        "headers": {"X-A": "b"},
    }
    reach.put_provider(name="main", body=body, by="ada")
    reach.put_tool(name="desk.find", body=TOOL, by="ada")


def test_each_page_is_for_those_whose_role_covers_it(
    filled: None, as_viewer: Client, as_operator: Client, as_designer: Client, as_admin: Client
) -> None:
    cast = (as_viewer, as_operator, as_designer, as_admin)
    read = {path: "".join("n" if c.get(f"/settings/{path}").status_code == 403 else "y" for c in cast) for path in READS}
    assert read == READS
    written = {path: "".join("n" if c.post(f"/settings/{path}").status_code == 403 else "y" for c in cast) for path in WRITES}
    assert written == WRITES
    assert (Provider.objects.count(), Tool.objects.count(), Secret.objects.count()) == (1, 1, 1)


def test_a_viewer_looks_at_everything_but_secrets(filled: None, as_viewer: Client, as_designer: Client) -> None:
    reach.put_secret(name="payroll", value=CANARY, by="ada")
    tabs = as_viewer.get("/settings/").content.decode()
    assert '"/settings/tools/"' in tabs and '"/settings/providers/"' in tabs and '"/settings/secrets/"' not in tabs
    seen, known = (client.get("/settings/providers/main/").content.decode() for client in (as_viewer, as_designer))
    assert "https://models.example/v1" in seen and "Write it" not in seen and CANARY not in seen
    assert ("payroll" in seen, "payroll" in known) == (False, True)
    assert "Write it" not in as_viewer.get("/settings/tools/desk.find/").content.decode()


def test_pages_cost_the_same_however_much_there_is(
    filled: None, as_admin: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(5):
        User.objects.create_user(f"u{number}")
        reach.put_secret(name=f"s{number}", value="x", by="ada")
        reach.put_tool(name=f"t{number}", body=TOOL, by="ada")
    for path, number in {"": 11, "providers/": 5, "tools/": 9, "secrets/": 5, "tokens/": 5, "people/": 6}.items():
        as_admin.get(f"/settings/{path}")
        with django_assert_max_num_queries(number):
            assert as_admin.get(f"/settings/{path}").status_code == 200


def test_no_page_shows_a_secret(filled: None, as_admin: Client) -> None:
    for path in READS:
        assert CANARY.encode() not in as_admin.get(f"/settings/{path}").content
    refused = as_admin.post("/settings/secrets/", {"name": "not a name", "value": CANARY})
    assert refused.status_code == 422
    assert CANARY.encode() not in refused.content


def test_a_secret_is_written_and_replaced(as_admin: Client, db: None) -> None:
    for value in ("one", "two"):
        assert as_admin.post("/settings/secrets/", {"name": "desk", "value": value}).status_code == 302
    assert vault.resolve(["desk"]) == {"desk": "two"}
    assert Act.objects.filter(subject="secret:desk", by="ada").count() == 2


def test_a_provider_goes_through_its_form_and_back_unchanged(filled: None, as_admin: Client) -> None:
    before = reach_view()
    page = as_admin.get("/settings/providers/main/")
    sent = {name: "" if value is None else value for name, value in page.context["form"].initial.items()}
    assert as_admin.post("/settings/providers/main/", sent).status_code == 302
    assert reach_view() == before
    sent |= {"prices": "gpt 1 2.5\n\n* 3 4", "cap": "7", "headers": "", "options": '{"stream": true}'}
    as_admin.post("/settings/providers/main/", sent)
    after = reach_view()
    assert (after.cap, after.headers, after.options) == (7, {}, {"stream": True})
    assert after.prices["*"] == {"usd_per_mtok_in": 3.0, "usd_per_mtok_out": 4.0}


def reach_view() -> Any:
    """The account as it is stored, but for when."""
    return replace(provider("main"), updated=datetime(2000, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("prices", "gpt 1", "Line 1 is no price"),
        ("prices", "gpt -1 1", "at least 0"),
        ("headers", "no colon", "Line 1 is no header"),
        ("options", "{", "JSON"),
        ("options", "[1]", "options"),
        ("base_url", "ftp://x", "http"),
        ("base_url", "", "base_url"),
        ("name", "Big Name", "no name for a provider"),
        ("name", "main", "There is a provider main already"),
        ("cap", "0", "1"),
    ],
)
def test_a_wrong_provider_is_refused_at_its_field_and_keeps_the_rest(
    filled: None, as_admin: Client, field: str, given: str, words: str
) -> None:
    right = {"name": "other", "protocol": "openai", "base_url": "https://models.example", "structured": "none"}
    answer = as_admin.post("/settings/providers/new/", {**right, field: given})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert words in " ".join(form.errors.get(field, ())), form.errors
    assert form["protocol"].value() == "openai"
    assert Provider.objects.count() == 1


def test_a_provider_whose_secret_is_missing_is_written_with_a_warning(filled: None, as_admin: Client) -> None:
    Secret.objects.all().delete()
    sent = {"protocol": "openai", "base_url": "https://x.example", "structured": "none", "secret": "key"}
    assert b"There is no secret key yet" in as_admin.post("/settings/providers/main/", sent, follow=True).content


def test_a_provider_that_no_call_is_let_through_to_is_written_with_a_warning(as_admin: Client, ada: Api, settings: Any) -> None:
    message = "lan is reached at 10.0.0.5:11434, an inner address: each call is refused until INTERLOCK_REACH lists it."
    sent = {"protocol": "openai", "base_url": "http://10.0.0.5:11434/v1", "structured": "none"}

    def told(body: dict[str, str]) -> tuple[list[Any], bool]:
        page = as_admin.post("/settings/providers/lan/", body, follow=True)
        assert page.redirect_chain, "it was refused"
        return ada.put("providers/lan", body)[1]["problems"], message in page.content.decode()

    settings.REACH = ("10.0.0.5:80",)
    assert ada.put("providers/lan", sent)[0] == 200
    problems, on_the_page = told(sent)
    assert [(p["code"], p["severity"], p["path"], p["message"]) for p in problems] == [
        ("out_of_reach", "warning", "base_url", message)
    ]
    assert on_the_page
    assert told({**sent, "protocol": "rehearsal"}) == ([], False)
    settings.REACH = ("10.0.0.5:11434",)
    assert told(sent) == ([], False)


def test_a_tool_is_written_as_text_and_comes_back_with_its_problems(filled: None, as_admin: Client) -> None:
    text = as_admin.get("/settings/tools/new/").context["text"]
    assert as_admin.post("/settings/tools/new/", {"name": "crm.find", "text": text.replace("\n", "\r\n")}).status_code == 302
    assert b"Look up a customer" in as_admin.get("/settings/tools/").content
    for wrong, words in (("effect: [", ""), ("effect: sometimes", "effect"), ("http: &a {}", "nchor")):
        answer = as_admin.post("/settings/tools/crm.find/", {"text": wrong})
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert wrong.encode().replace(b"&", b"&amp;") in answer.content
    taken = as_admin.post("/settings/tools/new/", {"name": "crm.find", "text": text})
    assert b"There is a tool crm.find already" in taken.content


def test_a_token_is_shown_once_and_works_until_it_is_revoked(as_operator: Client, as_nobody: Client, operator: User) -> None:
    answer = as_operator.post("/settings/tokens/", {"name": "nightly", "days": "30", "role": "viewer"})
    token = answer.context["made"]
    assert "no-store" in answer["Cache-Control"]
    assert answer.content.count(token.encode()) == 2  # to read, and to copy
    assert token.encode() not in as_operator.get("/settings/tokens/").content
    bearer = {"Authorization": f"Bearer {token}"}
    assert as_nobody.get("/api/v1/workflows", headers=bearer).status_code == 200
    made = ApiToken.objects.get()
    assert (made.role, made.expires is not None, token in str(vars(made))) == ("viewer", True, False)
    as_operator.post(f"/settings/tokens/{made.pk}/revoke/")
    assert as_nobody.get("/api/v1/workflows", headers=bearer).status_code == 401
    assert b"revoked" in as_operator.get("/settings/tokens/").content
    assert as_operator.post("/settings/tokens/", {"name": " "}).status_code == 422


def test_nobody_revokes_the_token_of_another(as_operator: Client, as_admin: Client) -> None:
    as_operator.post("/settings/tokens/", {"name": "mine"})
    token = ApiToken.objects.get()
    assert as_admin.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
    assert as_operator.get(f"/settings/tokens/{token.pk}/revoke/").status_code == 405
    token.refresh_from_db()
    assert token.revoked is None


def test_an_invited_person_signs_in_with_what_was_shown_once(as_admin: Client, as_nobody: Client) -> None:
    answer = as_admin.post("/settings/people/", {"username": "oona", "role": "operator"})
    password = answer.context["shown"]["password"]
    assert "no-store" in answer["Cache-Control"]
    assert password.encode() not in as_admin.get("/settings/people/").content
    assert as_nobody.post("/account/login/", {"login": "oona", "password": password}).status_code == 302
    assert as_nobody.get("/workflows/")["Location"] == "/account/password/"
    assert role_of(User.objects.get(username="oona")) is Role.OPERATOR
    for name in ("oona", "OONA", "two words", ""):
        refused = as_admin.post("/settings/people/", {"username": name, "role": "viewer"})
        assert refused.status_code == 422, name
        assert b"account" in refused.content


def test_roles_change_and_somebody_stays_admin(as_admin: Client, admin: User, viewer: User) -> None:
    as_admin.post("/settings/people/vera/", {"do": "role", "role": "designer"})
    assert role_of(User.objects.get(username="vera")) is Role.DESIGNER
    answer = as_admin.post("/settings/people/ada/", {"do": "role", "role": "viewer"})
    assert (answer.status_code, b"is the only admin" in answer.content) == (422, True)
    assert as_admin.post("/settings/people/ada/", {"do": "lock"}).status_code == 422
    as_admin.post("/settings/people/vera/", {"do": "role", "role": "admin"})
    assert as_admin.post("/settings/people/ada/", {"do": "role", "role": "viewer"}).status_code == 302
    assert role_of(User.objects.get(username="ada")) is Role.VIEWER
    details = Act.objects.filter(verb="set_role").values_list("subject", "by")
    assert list(details) == [("user:vera", "ada"), ("user:vera", "ada"), ("user:ada", "ada")]


def test_who_is_locked_out_is_out_at_once(as_admin: Client, as_viewer: Client, as_nobody: Client, viewer: User) -> None:
    token = as_viewer.post("/settings/tokens/", {"name": "mine"}).context["made"]
    as_admin.post("/settings/people/vera/", {"do": "lock"})
    assert as_viewer.get("/workflows/").status_code == 302
    assert as_nobody.get("/api/v1/workflows", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    as_admin.post("/settings/people/vera/", {"do": "unlock"})
    assert as_nobody.get("/api/v1/workflows", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_new_one_time_password_ends_the_old_one_and_every_session(as_admin: Client, as_viewer: Client, viewer: User) -> None:
    shown = as_admin.post("/settings/people/vera/", {"do": "password"}).context["shown"]
    assert as_viewer.get("/workflows/").status_code == 302
    viewer.refresh_from_db()
    assert viewer.check_password(shown["password"])
    assert not viewer.check_password(PASSWORD)


def test_every_page_says_when_nobody_moves_runs(as_viewer: Client) -> None:
    paths = ("/workflows/", "/settings/", "/settings/tokens/", "/account/password/")
    assert all(b"No worker is moving runs" in as_viewer.get(path).content for path in paths)
    now = database_now()
    Worker.objects.create(id="w1", name="one", pid=1, capacity=10, started=now, beat=now)
    assert not any(b"No worker is moving runs" in as_viewer.get(path).content for path in paths)
    part = as_viewer.get("/settings/", headers={"HX-Request": "true"}).content
    assert re.search(rb"Runs are moving", part)
    assert b"<html" not in part


def test_the_start_is_where_the_day_of_a_role_begins(as_operator: Client, as_designer: Client) -> None:
    assert as_operator.get("/")["Location"] == "/inbox/"
    assert as_designer.get("/")["Location"] == "/workflows/"


def test_all_that_is_wrong_is_said_at_once_in_words_and_what_is_needed_is_not_called_optional(
    filled: None, as_admin: Client, as_viewer: Client
) -> None:
    new = as_admin.get("/settings/providers/new/").content.decode()
    assert re.findall(r"(Name|Base URL|Headers) <span class=\"field__need\">", new) == ["Headers"]
    assert "Cancel</a>" in new and "Leave it as it is" not in new
    sent = {"protocol": "openai", "structured": "none", "prices": "gpt", "cap": "none", "headers": "X-A: \x07", "base_url": "x"}
    page = as_admin.post("/settings/providers/new/", sent).content.decode()
    for words in ("It needs a name", "begins with http://", "Line 1 is no price", "whole number"):
        assert words in page, words
    refused = as_admin.post("/settings/secrets/", {"name": "1", "value": ""}).content.decode()
    assert "is no name for a secret" in refused and "1 to 10,000 characters" in refused
    assert "bad_id" not in refused and "Replace a secret" not in refused
    assert "Replace a secret" in as_admin.post("/settings/secrets/", {"name": "key", "value": ""}).content.decode()
    alone = as_admin.post("/settings/people/ada/", {"do": "role", "role": "viewer"}).content.decode()
    assert "last_admin" not in alone and 'role="alert"' in alone
    tool = as_admin.post("/settings/tools/new/", {"name": "No", "text": "effect: none"}).content.decode()
    assert "is no name for a tool" in tool and "http" in tool and "bad_id" not in tool
    assert "Enter keeps" not in as_viewer.get("/settings/tools/desk.find/").content.decode()
