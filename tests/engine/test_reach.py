"""Providers, tools, secrets and tokens: what admins write, and what never comes out again."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from orchestration import vault
from orchestration.acts import reach, tokens, workflows
from orchestration.core import source
from orchestration.core.errors import NotFound, Refused
from orchestration.models import Act, ApiToken, Provider, Secret
from orchestration.queries.catalog import current
from orchestration.record.pack import unpack_all
from orchestration.roles import Role
from tests.engine.publishing import end, publish, workflow

pytestmark = pytest.mark.django_db

# What runs may reach


def test_a_provider_is_written_whole_and_reaches_the_world(settings: Any) -> None:
    body = {
        "protocol": "openai",
        "base_url": "http://127.0.0.1:9/v1/",
        "secret": "llm",
        "prices": {"*": {"usd_per_mtok_in": 1, "usd_per_mtok_out": 2.5}},
        "options": {"extra": {"x": "y" * 5000}},
        "cap": 3,
    }
    settings.REACH = ("127.0.0.1:9",)
    (warning,) = reach.put_provider(name="main", body=body, by="ada")
    assert (warning.code, warning.severity) == ("unknown_secret", "warning")
    world = current()
    found = world.providers["main"]
    assert (found.base_url, found.secret, found.options) == ("http://127.0.0.1:9/v1", "llm", body["options"])
    price = world.catalog.providers["main"].price("any")
    assert price is not None
    assert (price.usd_per_mtok_in, price.usd_per_mtok_out) == (1.0, 2.5)
    assert world.caps == {"main": 3}
    reach.put_provider(name="main", body={"protocol": "rehearsal"}, by="ada")
    assert current().providers["main"].secret is None
    assert Provider.objects.get().options == "{}"


@pytest.mark.parametrize(
    ("name", "body", "path", "code"),
    [
        ("Main", {}, "name", "bad_id"),
        ("main", {}, "protocol", "missing_key"),
        ("main", {"protocol": "smoke"}, "protocol", "bad_value"),
        ("main", {"protocol": "openai"}, "base_url", "missing_key"),
        ("main", {"protocol": "openai", "base_url": "file:///etc/passwd"}, "base_url", "bad_value"),
        ("main", {"protocol": "rehearsal", "caps": 1}, "caps", "unknown_key"),
        ("main", {"protocol": "rehearsal", "cap": "3"}, "cap", "wrong_type"),
        ("main", {"protocol": "rehearsal", "prices": {"*": {"usd_per_mtok_in": -1}}}, "prices.*.usd_per_mtok_in", "bad_value"),
    ],
)
def test_a_wrong_provider_is_refused_in_words(name: str, body: Any, path: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        reach.put_provider(name=name, body=body, by="ada")
    assert (path, code) in {(problem.path, problem.code) for problem in refused.value.problems}
    assert not Provider.objects.exists()


TOOL = {
    "http": {
        "method": "GET",
        "url": "http://127.0.0.1:9/customers/${input.id}",
        "headers": {"Authorization": "Bearer ${secrets.desk}"},
    },
    "effect": "none",
    "input": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    "output": {"type": "object", "required": ["tier"], "properties": {"tier": {"type": "string"}}},
}


def test_a_shared_tool_can_be_named_in_definitions() -> None:
    step = {"id": "fetch", "type": "tool", "tool": "crm.get_customer", "input": {"id": "${run.input.text}"}, "next": "done"}
    draft = source.write(workflow(step, end()))
    assert "unknown_tool" in {problem.code for problem in workflows.check(draft).problems}
    assert reach.put_tool(name="crm.get_customer", body=TOOL, by="ada") == ()
    found = workflows.check(draft)
    assert found.plan is not None
    assert found.plan.steps["fetch"].tool is not None
    assert found.plan.steps["fetch"].tool.effect == "none"


def test_a_tool_that_the_installation_lets_no_call_through_to_is_pointed_out(settings: Any) -> None:
    reach.put_secret(name="desk", value="s", by="ada")
    reach.put_tool(name="crm.get", body=TOOL, by="ada")
    own = {"ping": {"http": {"url": "http://localhost/x"}, "effect": "none"}}
    fetch = {"id": "fetch", "type": "tool", "tool": "crm.get", "input": {"id": "x"}, "next": "look"}
    look = {"id": "look", "type": "tool", "tool": "ping", "next": "done"}
    draft = source.write(workflow(fetch, look, end(), models={}, tools=own))
    settings.REACH = ()
    found = {problem.path: problem for problem in workflows.check(draft).problems}
    assert {(path, p.code, p.severity) for path, p in found.items()} == {
        ("tools.ping.http.url", "out_of_reach", "warning"),
        ("steps[0].tool", "out_of_reach", "warning"),
    }
    assert found["steps[0].tool"].message == (
        "crm.get calls 127.0.0.1:9, an inner address: each call is refused until INTERLOCK_REACH lists it."
    )
    settings.REACH = ("127.0.0.1:9", "localhost:80")
    assert workflows.check(draft).problems == ()


@pytest.mark.parametrize(
    ("name", "change", "path"),
    [
        ("crm get", {}, "name"),
        ("crm.get", {"http": None}, "http"),
        ("crm.get", {"http": {"url": "http://x/${input.nothing}"}}, "http.url"),
        ("crm.get", {"input": {"type": "objekt"}}, "input.type"),
        ("crm.get", {"effect": "some"}, "effect"),
        ("crm.get", {"wrong": 1}, "wrong"),
    ],
)
def test_a_wrong_tool_is_refused_by_the_checks_of_a_definition(name: str, change: Any, path: str) -> None:
    with pytest.raises(Refused) as refused:
        reach.put_tool(name=name, body={**TOOL, **change}, by="ada")
    assert path in {problem.path for problem in refused.value.problems}


def test_who_writes_a_shared_tool_anew_is_told_which_versions_name_it_and_what_breaks_and_what_was_there_is_kept() -> None:
    reach.put_secret(name="desk", value="s", by="ada")
    reach.put_tool(name="crm.get_customer", body=TOOL, by="ada")
    step = {"id": "fetch", "type": "tool", "tool": "crm.get_customer", "input": {"id": "x"}, "next": "say"}
    say = {"id": "say", "type": "set", "values": {"tier": "${steps.fetch.tier}"}, "next": "done"}
    publish(workflow(step, say, end(), models={}))
    moved = {**TOOL, "http": {**TOOL["http"], "url": "http://127.0.0.1:9/elsewhere"}}
    (note,) = reach.put_tool(name="crm.get_customer", body=moved, by="ada")
    assert (note.code, note.severity) == ("in_use", "info")
    assert note.message == "Version 1 of sample names it. Its calls are made like this from now on."
    (warning,) = reach.put_tool(name="crm.get_customer", body={**moved, "output": {}}, by="ada")
    assert (warning.code, warning.severity) == ("breaks_version", "warning")
    assert warning.message.startswith("Version 1 of sample names it, and does not fit it any more. Say reads steps.fetch.tier, ")
    assert reach.put_tool(name="crm.get_customer", body={**moved, "output": {}}, by="ada") == ()
    kept = unpack_all(Act.objects.filter(verb="put_tool").order_by("number").values_list("detail", flat=True))
    assert [detail["before"] for detail in kept] == [None, TOOL, moved]
    (note,) = reach.put_tool(name="crm.get_customer", body=kept[1]["before"], by="ada")
    assert note.code == "in_use"


def test_who_writes_a_provider_anew_is_told_what_it_breaks_and_what_was_there_is_kept() -> None:
    account = {"protocol": "rehearsal", "default_model": "m"}
    reach.put_provider(name="acme", body=account, by="ada")
    ask = {"id": "ask", "type": "llm", "model": "main", "prompt": "x", "next": "done"}
    publish(workflow(ask, end(), models={"main": {"provider": "acme"}}))
    (warning,) = reach.put_provider(name="acme", body={**account, "default_model": ""}, by="ada")
    assert (warning.code, "acme has no default model" in warning.message) == ("breaks_version", True)
    detail = unpack_all(Act.objects.filter(verb="put_provider").order_by("number").values_list("detail", flat=True))[-1]
    (note,) = reach.put_provider(name="acme", body=detail["before"], by="ada")
    assert note.code == "in_use"
    assert current().providers["acme"].default_model == "m"


def test_what_is_written_again_as_it_is_leaves_no_act_and_no_new_world() -> None:
    for _ in range(2):
        reach.put_provider(name="main", body={"protocol": "rehearsal", "options": {"scripts": {"*": []}}}, by="ada")
        reach.put_tool(name="crm.get", body=TOOL, by="ada")
        world = current()
    assert current() is world
    assert [act.verb for act in Act.objects.order_by("id")] == ["put_provider", "put_tool"]


def test_a_secret_is_sealed_resolved_by_name_and_told_nowhere(caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    canary = "canary-7d3f-🙂"
    reach.put_secret(name="desk", value=canary, by="ada")
    assert vault.resolve(["desk", "other"]) == {"desk": canary}
    assert canary not in str(list(Secret.objects.values())) + str(list(Act.objects.values())) + caplog.text
    assert "desk" in current().catalog.secrets
    rotated = "b" * 43 + "="
    settings.SECRETS_KEY = (rotated, *settings.SECRETS_KEY)
    assert vault.resolve(["desk"]) == {"desk": canary}
    settings.SECRETS_KEY = (rotated,)
    assert vault.resolve(["desk"]) == {}
    assert "can't be opened" in caplog.text


# Tokens


def test_of_a_token_only_the_hash_is_kept(operator: User) -> None:
    token = tokens.create(user=operator, by="ada", name="CI")
    dump = str(list(ApiToken.objects.values())) + str(list(Act.objects.values()))
    assert token not in dump
    assert token[8:] not in dump
    bearer = tokens.bearer(token)
    assert bearer is not None
    assert (bearer.user, bearer.role) == (operator, Role.OPERATOR)


def test_a_token_ends_by_time_by_hand_and_with_its_user(operator: User) -> None:
    def fresh(**more: Any) -> tuple[str, ApiToken]:
        token = tokens.create(user=operator, by="ada", **more)
        return token, ApiToken.objects.latest("id")

    timed, row = fresh(days=1)
    assert tokens.bearer(timed) is not None
    ApiToken.objects.filter(pk=row.pk).update(expires=timezone.now())
    assert tokens.bearer(timed) is None
    revoked, row = fresh()
    tokens.revoke(token=row.pk, by="ada")
    assert tokens.bearer(revoked) is None
    with pytest.raises(NotFound):
        tokens.revoke(token=row.pk, by="ada")
    orphan, _ = fresh()
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert tokens.bearer(orphan) is None
    assert tokens.bearer("ilk_" + "x" * 43) is None


def test_a_token_may_be_made_for_less_than_its_user_and_never_gives_more(designer: User, viewer: User) -> None:
    less = tokens.bearer(tokens.create(user=designer, by="ada", role=Role.VIEWER))
    more = tokens.bearer(tokens.create(user=viewer, by="ada", role=Role.ADMIN))
    assert less is not None
    assert more is not None
    assert (less.role, more.role) == (Role.VIEWER, Role.VIEWER)


def test_the_last_use_is_noted_once_a_minute(operator: User, django_assert_num_queries: Any) -> None:
    token = tokens.create(user=operator, by="ada")
    with django_assert_num_queries(5 if connection.vendor == "sqlite" else 3):  # SQLite is told not to wait for a lock
        tokens.bearer(token)
    with django_assert_num_queries(2):
        tokens.bearer(token)
