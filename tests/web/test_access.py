"""Default deny: every address, walked, for those who may not."""

import html
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLResolver, get_resolver

from config import settings as real
from dashboard.access import PUBLIC
from dashboard.errors import MACHINES
from orchestration import accounts
from orchestration.acts.runs import start as start_run
from orchestration.models import Run
from orchestration.roles import Role, allows, role_of
from tests.conftest import PASSWORD
from tests.factories import asking, publish

pytestmark = pytest.mark.any_database

METHODS = ("get", "post", "put", "patch", "delete")
SAMPLES = {"int": "7", "uuid": "0190a6b0-0000-7000-8000-000000000000"}


def addresses(
    resolver: URLResolver | None = None, before: str = "/", space: str = "", text: str = "x"
) -> Iterator[tuple[str, str]]:
    """(view name, an address that leads to it) for every route there is, with `text` where it names something."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = before + sample(entry.pattern, text)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from addresses(entry, path, inner, text)
        else:
            yield f"{space}{entry.name or ''}", path


def sample(pattern: Any, text: str) -> str:
    route = str(pattern)
    if hasattr(pattern, "_route"):
        return re.sub(r"<(?:(\w+):)?\w+>", lambda hit: SAMPLES.get(hit[1] or "str", text), route)
    route = re.sub(r"\(\?P<\w+>([^()|]*)[^()]*\)", lambda hit: hit[1] if hit[1].isalnum() else "x", route)
    return route.lstrip("^").rstrip("$")


ADDRESSES = sorted(set(addresses()))


def test_what_is_public_is_this_and_no_more() -> None:
    assert {"healthz", "account_login", "account_logout", "account_inactive", "mfa_authenticate"} == PUBLIC
    assert {name for name, _ in ADDRESSES} >= PUBLIC


@pytest.mark.django_db
def test_no_address_answers_one_who_is_not_signed_in(as_nobody: Client) -> None:
    assert len(ADDRESSES) > 20
    answered = [
        f"{method} {path} → {response.status_code}"
        for name, path in ADDRESSES
        for method in METHODS
        if name not in PUBLIC and not _denied(path, response := getattr(as_nobody, method)(path))
    ]
    assert answered == []


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["Bearer nonsense", "Bearer ", "Basic YWRhOmFkYQ==", "nonsense"])
def test_no_address_answers_a_token_that_is_none(as_nobody: Client, token: str) -> None:
    as_nobody.defaults["HTTP_AUTHORIZATION"] = token
    answered = [path for name, path in ADDRESSES if name not in PUBLIC and not _denied(path, as_nobody.get(path))]
    assert answered == []


@pytest.mark.django_db
def test_a_nul_in_an_address_is_answered_once_and_asked_of_no_database(as_admin: Client) -> None:
    """In a name, and in a parameter of any name. PostgreSQL takes it for an error, SQLite for text."""
    publish(asking())
    named = [path for _, path in addresses(text="a%00b") if "%00" in path]
    assert len(named) > 30
    wrong = [(path, method) for path in named for method in ("get", "post") if getattr(as_admin, method)(path).status_code != 404]
    assert wrong == []
    for path in ("/workflows/", "/runs/", "/inbox/", "/api/v1/runs", "/api/v1/escalations", "/api/v1/workflows"):
        for query in ("after=a%00b", "q=x&key=%00&workflow=%00&queue=%00", "a%00b=7"):
            answer = as_admin.get(f"{path}?{query}")
            assert answer.status_code in (200, 422), (path, query)
    run = Run.objects.get(id=start_run(workflow="asking", input={"text": "x"}, by="ada", key="a\0b"))
    assert [found["id"] for found in as_admin.get("/api/v1/runs?key=a%00b").json()["items"]] == [run.id]


def test_one_without_a_role_is_told_so_everywhere(as_nobody: Client, db: None) -> None:
    as_nobody.force_login(User.objects.create_user("nora", password=PASSWORD))
    answered = [path for name, path in ADDRESSES if name not in PUBLIC and as_nobody.get(path).status_code != 403]
    assert answered == []
    assert b"no role yet" in as_nobody.get("/account/password/").content


def test_one_with_a_one_time_password_may_only_choose_an_own_one(as_nobody: Client, db: None) -> None:
    accounts.open_account("otis", Role.DESIGNER)
    as_nobody.force_login(User.objects.get(username="otis"))
    free = PUBLIC | {"account_change_password"}
    led = {path: as_nobody.get(path) for name, path in ADDRESSES if name not in free and not path.startswith(MACHINES)}
    assert {response.get("Location") for response in led.values()} == {"/account/password/"}
    assert as_nobody.get("/account/password/").status_code == 200
    part = as_nobody.get("/admin/", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"]) == (200, "/account/password/")


def test_the_tables_are_for_admins(as_admin: Client, as_designer: Client) -> None:
    assert as_admin.get("/admin/").status_code == 200
    assert as_designer.get("/admin/").status_code == 403


def _denied(path: str, response: Any) -> bool:
    if path.startswith(MACHINES):
        return response.status_code == 401 and response["Content-Type"].startswith("application/problem+json")
    return response.status_code == 302 and response["Location"].startswith("/account/login/?next=")


@pytest.mark.django_db
def test_a_role_covers_those_before_it(admin: User, designer: User, operator: User, viewer: User) -> None:
    nobody = User.objects.create_user("nora")
    gone = User.objects.create_user("greg", is_active=False, is_superuser=True)
    rows: list[tuple[Any, Role | None, str]] = [
        (admin, Role.ADMIN, "yyyy"),
        (designer, Role.DESIGNER, "yyyn"),
        (operator, Role.OPERATOR, "yynn"),
        (viewer, Role.VIEWER, "ynnn"),
        (nobody, None, "nnnn"),
        (gone, None, "nnnn"),
        (AnonymousUser(), None, "nnnn"),
        (None, None, "nnnn"),
    ]
    for person, role, may in rows:
        assert role_of(person) == role
        assert "".join("y" if allows(person, each) else "n" for each in Role) == may


def test_a_role_is_asked_for_once_in_a_request(viewer: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert allows(viewer, Role.VIEWER)
        assert not allows(viewer, Role.OPERATOR)
        assert not accounts.must_change_password(viewer)


def test_a_new_role_replaces_the_old_one(db: None) -> None:
    accounts.open_account("rosa", Role.ADMIN)
    accounts.open_account("rosa", Role.VIEWER)
    rosa = User.objects.get(username="rosa")
    assert (role_of(rosa), rosa.is_superuser, rosa.is_staff) == (Role.VIEWER, False, False)
    first = accounts.open_account("rosa")
    second = accounts.open_account("rosa")
    rosa.refresh_from_db()
    assert role_of(User.objects.get(username="rosa")) is Role.VIEWER
    assert not rosa.check_password(first)
    assert rosa.check_password(second)


def test_ten_wrong_passwords_lock_even_the_right_one_out(as_nobody: Client, viewer: User, operator: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = real.ACCOUNT_RATE_LIMITS
    cache.clear()

    def signs_in(name: str, password: str) -> bool:
        response = as_nobody.post("/account/login/", {"login": name, "password": password})
        as_nobody.logout()
        return response.status_code == 302

    assert signs_in("vera", PASSWORD)
    assert not any(signs_in("vera", f"guess {number}") for number in range(10))
    assert not signs_in("vera", PASSWORD)
    assert signs_in("otto", PASSWORD)
    cache.clear()


def test_signing_up_and_mailing_passwords_do_not_exist(as_nobody: Client) -> None:
    for path in ("/account/signup/", "/account/password/reset/", "/account/email/", "/accounts/login/"):
        assert as_nobody.get(path).status_code == 404


def test_answers_say_what_browsers_may_do(as_viewer: Client) -> None:
    response = as_viewer.get("/account/password/")
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in str(policy)
    assert (policy["connect-src"], policy["frame-ancestors"], policy["base-uri"]) == ("'self'", "'none'", "'none'")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert "no-cache" in response["Cache-Control"]
    assert "microphone=()" in response["Permissions-Policy"]


def test_a_form_without_its_token_is_refused_with_a_page_that_says_why(viewer: User) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(viewer)
    response = careful.post("/account/password/", {})
    assert response.status_code == 403
    assert b"load the page again" in response.content.lower() or b"too old" in response.content.lower()


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/inbox/abc/?tab=mine", "/inbox/abc/?tab=mine"),
        ("http://evil.example/inbox/abc/", "/inbox/abc/claim/"),
        ("http://testserver.evil.example/", "/inbox/abc/claim/"),
        ("javascript:alert(1)", "/inbox/abc/claim/"),
        ("", "/inbox/abc/claim/"),
    ],
)
def test_who_sends_a_form_and_is_signed_out_is_led_back_to_where_it_stood(
    as_nobody: Client, db: None, referer: str, back: str
) -> None:
    sent = as_nobody.post("/inbox/abc/claim/", {}, headers={"Referer": referer})
    assert sent["Location"] == f"/account/login/?{urlencode({'next': back}, safe='/')}"
    careful = Client(enforce_csrf_checks=True)
    refused = careful.post("/inbox/abc/claim/", {}, headers={"Referer": referer}).content.decode()
    assert f'href="{html.escape(back)}">Open the page again' in refused


def test_what_is_refused_before_any_view_is_said_in_words(as_nobody: Client, settings: Any) -> None:
    wrong_host = as_nobody.get("/healthz", headers={"Host": "evil.example"})
    assert wrong_host.status_code == 400
    assert b"<html" in wrong_host.content
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
    too_large = as_nobody.post("/account/login/", {"login": "x" * 1_100_000})
    assert too_large.status_code == 413
    assert b"larger than 1 MB" in too_large.content
    nowhere = as_nobody.get("/api/v1/nowhere")
    assert (nowhere.status_code, nowhere["Content-Type"]) == (404, "application/problem+json")
    assert nowhere.json()["title"] == "Not Found"


def test_a_filter_that_means_nothing_is_answered_in_whole_sentences(as_viewer: Client) -> None:
    page = as_viewer.get("/runs/?status=nonsense")
    assert page.status_code == 422
    said = html.unescape(page.content.decode()).partition('<p class="quiet">')[2].partition("</p>")[0]
    assert said.startswith("There is no status nonsense; there is ") and said.endswith(" … (16 in all)."), said


def test_the_console_opens_an_account_and_shows_its_password(db: None) -> None:
    said = StringIO()
    call_command("account", "oona", "--role", "operator", stdout=said)
    oona = User.objects.get(username="oona")
    assert role_of(oona) is Role.OPERATOR
    assert oona.check_password(said.getvalue().split()[-1])
    assert accounts.must_change_password(oona)
    with pytest.raises(CommandError, match="invalid"):
        call_command("account", "oona", "--role", "king")


@pytest.mark.parametrize("name", ["bad name!", "", "a" * 151, "new\nline", "OTTO"])
def test_the_console_and_the_page_open_no_account_of_a_name_that_can_not_be_one(
    as_admin: Client, operator: User, name: str
) -> None:
    before = User.objects.count()
    with pytest.raises(CommandError) as refused:
        call_command("account", name)
    page = as_admin.post("/settings/people/", {"username": name, "role": "viewer"})
    assert page.status_code == 422
    sentence = str(refused.value).removeprefix("No account was opened. ")
    assert html.escape(sentence) in page.content.decode(), "the rule is one, and so is its sentence"
    assert User.objects.count() == before


def test_the_console_gives_an_old_account_a_new_password_whatever_it_is_called(db: None) -> None:
    odd = User.objects.create_user("odd name", password=PASSWORD)
    call_command("account", "odd name", stdout=StringIO())
    odd.refresh_from_db()
    assert not odd.check_password(PASSWORD)


def test_whoever_has_a_one_time_password_is_told_why_and_offered_nothing_else(as_nobody: Client, db: None) -> None:
    password = accounts.open_account("otis", Role.DESIGNER)
    assert as_nobody.post("/account/login/", {"login": "otis", "password": password}).status_code == 302
    page = as_nobody.get("/account/password/").content.decode()
    assert "Choose your own password" in page and "replace it by one that only you know" in page
    assert 'aria-label="Sections"' not in page, "no link that leads back here"
    answer = {"oldpassword": password, "password1": "short", "password2": "short"}
    refused = as_nobody.post("/account/password/", answer).content.decode()
    assert "too short" in refused and "Choose your own password" in refused
    own = {"oldpassword": password, "password1": PASSWORD, "password2": PASSWORD}
    assert as_nobody.post("/account/password/", own)["Location"] == "/"
    page = as_nobody.get("/account/password/").content.decode()
    assert "<h1>Change password</h1>" in page and 'aria-label="Sections"' in page
    labels = re.findall(r"<label for=\"id_\w+\">([^<]+)</label>", page)
    assert labels == ["Current password", "New password", "New password again"]
    assert page.count("At least 10 characters") == 1
    assert "<ul" not in page[page.index("id_password1") : page.index("id_password2")]
