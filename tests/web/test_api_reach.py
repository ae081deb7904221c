"""Providers and tools over the REST interface and their pages: what was got may be put back, and nothing is changed by that."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.models import Act, Provider, Tool
from tests.api import Api

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
LINE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | LINE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINE, inner, max_size=3),
    max_leaves=6,
)
DOLLARS = st.floats(0, 1e9) | st.integers(0, 1000)
PRICE = st.fixed_dictionaries({"usd_per_mtok_in": DOLLARS, "usd_per_mtok_out": DOLLARS})
HEADER = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
HEADERS = st.dictionaries(HEADER, LINE | st.just("Bearer ${secrets.desk}"), max_size=3)
PROVIDERS = st.fixed_dictionaries(
    {"protocol": st.sampled_from(["openai", "rehearsal"])},
    optional={
        "base_url": st.just("https://models.example/v1"),
        "secret": st.sampled_from(["", "desk"]),
        "default_model": LINE,
        "structured": st.sampled_from(["json_schema", "json_object", "none"]),
        "prices": st.dictionaries(st.sampled_from(["*", "gpt-5", "a  model", "qwen:7b"]) | LINE, PRICE, max_size=3),
        "headers": HEADERS,
        "options": st.dictionaries(LINE, JSON, max_size=3),
        "cap": st.none() | st.integers(1, 100_000),
    },
)
HTTP = st.fixed_dictionaries(
    {"url": st.sampled_from(["https://desk.example/${input.id}", "https://desk.example"])},
    optional={"method": st.sampled_from(["GET", "POST", "PUT"]), "headers": HEADERS, "body": JSON},
)
SCHEMA = st.sampled_from([{}, {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}])
TOOLS = st.fixed_dictionaries(
    {"http": HTTP, "input": SCHEMA},
    optional={
        "title": LINE,
        "description": st.text(CHARACTERS, max_size=30),
        "effect": st.sampled_from(["none", "idempotent", "reconcilable", "irreversible"]),
        "output": SCHEMA,
        "timeout": st.sampled_from(["5s", "500ms", 7, 0.25]),
        "reconcile": st.none() | HTTP,
    },
)


def many(test: Any) -> Any:
    return settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])(test)


def stored() -> list[Any]:
    return [*Provider.objects.values(), *Tool.objects.values(), Act.objects.count()]


def got_and_put_back(ada: Api, path: str, body: Any) -> None:
    status, _ = ada.put(path, body)
    if status != 200:
        return  # refused, and tested elsewhere
    before, (_, got) = stored(), ada.get(path)
    status, told = ada.put(path, got)
    assert status == 200, told
    assert (ada.get(path)[1], stored()) == (got, before)


@many
@given(body=PROVIDERS)
def test_a_provider_that_was_got_is_put_back_unchanged(ada: Api, body: Any) -> None:
    got_and_put_back(ada, "providers/main", body)


@many
@given(body=TOOLS)
def test_a_tool_that_was_got_is_put_back_unchanged(ada: Api, body: Any) -> None:
    got_and_put_back(ada, "tools/crm.find", body)


@many
@given(body=PROVIDERS)
def test_the_form_of_a_provider_sent_as_it_opens_changes_nothing(ada: Api, as_admin: Client, body: Any) -> None:
    if ada.put("providers/main", body)[0] != 200:
        return
    before = stored()
    opened = as_admin.get("/settings/providers/main/").context["form"].initial
    answer = as_admin.post("/settings/providers/main/", {name: "" if value is None else value for name, value in opened.items()})
    assert answer.status_code == 302, answer.context["form"].errors
    assert stored() == before


def test_what_stands_beside_a_tool_when_it_is_got_can_be_no_lie(ada: Api) -> None:
    body = {"http": {"url": "https://x.example"}, "effect": "none"}
    assert ada.put("tools/crm.find", {**body, "name": "crm.find", "kind": "http", "updated": "whenever"})[0] == 200
    for wrong in ({"name": "crm.other"}, {"kind": "python"}):
        status, told = ada.put("tools/crm.find", {**body, **wrong})
        assert (status, told["problems"][0]["code"]) == (422, "unknown_key")


RECONCILED = {
    "http": {"url": "https://x.example"},
    "effect": "reconcilable",
    "reconcile": {"method": "GET", "url": "https://x.example"},
}


def test_a_tool_shows_how_it_is_asked_whether_it_happened(ada: Api) -> None:
    ada.put("tools/crm.book", RECONCILED)
    assert ada.get("tools/crm.book")[1]["reconcile"] == RECONCILED["reconcile"]


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("providers/main", {"protocol": "rehearsal", "headers": {"x-api-key": "sk-canary"}}, "headers.x-api-key"),
        ("providers/main", {"protocol": "rehearsal", "headers": {"X-Team": "Bearer sk-canary"}}, "headers.X-Team"),
        ("providers/main", {"protocol": "openai", "base_url": "https://me:sk-canary@x.example"}, "base_url"),
        (
            "tools/crm.find",
            {"http": {"url": "https://x.example", "headers": {"Authorization": "Bearer sk-canary"}}},
            "http.headers.Authorization",
        ),
        (
            "tools/crm.find",
            {**RECONCILED, "reconcile": {"url": "https://x.example", "headers": {"Cookie": "sk-canary"}}},
            "reconcile.headers.Cookie",
        ),
    ],
)
def test_a_credential_is_refused_where_it_would_be_shown(ada: Api, path: str, body: Any, place: str) -> None:
    response = ada.ask("PUT", path, body)
    told = response.json()
    assert (response.status_code, [problem["path"] for problem in told["problems"]]) == (422, [place])
    assert "secret" in told["problems"][0]["message"]
    assert b"sk-canary" not in response.content
    assert not Provider.objects.exists()
    assert not Tool.objects.exists()


def test_the_form_says_at_its_field_that_a_credential_is_a_secret(as_admin: Client, admin: User) -> None:
    sent = {"name": "main", "protocol": "openai", "base_url": "https://x.example", "structured": "none"}
    answer = as_admin.post("/settings/providers/new/", {**sent, "headers": "Authorization: Bearer abc"})
    assert answer.status_code == 422
    assert "${secrets.name}" in answer.context["form"].errors["headers"][0]
    assert (
        as_admin.post("/settings/providers/new/", {**sent, "headers": "Authorization: Bearer ${secrets.desk}"}).status_code == 302
    )
