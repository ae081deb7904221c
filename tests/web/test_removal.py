"""Providers, tools and secrets are deleted by admins, once nothing names them that runs may come to."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import drafts, reach, runs
from orchestration.core import source
from orchestration.models import Act, Provider, Run, Secret, Tool
from orchestration.record.pack import unpack_all
from tests import factories
from tests.api import Api
from tests.engine.publishing import end, publish, workflow

pytestmark = pytest.mark.django_db

HTTP: dict[str, Any] = {"method": "GET", "url": "https://desk.example/find"}
SHARED = {"http": HTTP, "effect": "none"}
KEYED = {"http": {**HTTP, "headers": {"Authorization": "Bearer ${secrets.desk}"}}, "effect": "none"}
ACCOUNT = {"protocol": "openai", "base_url": "https://models.example/v1"}
LOOK = {"id": "look", "type": "tool", "tool": "desk.find", "next": "done"}
ASK = {"id": "look", "type": "llm", "model": "main", "prompt": "Hello", "next": "done"}
EMPTY = {"id": "look", "type": "set", "values": {"x": 1}, "next": "done"}


def naming(*steps: Any, **more: Any) -> dict[str, Any]:
    models = {"main": {"provider": "acme"}} if any(step["type"] == "llm" for step in steps) else {}
    return workflow(*steps, end(), **{"id": "naming", "input": {"type": "object"}, "models": models, **more})


def looped(step: dict[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in step.items() if key != "next"}
    return {"id": "again", "type": "loop", "max": 2, "body": [inner], "next": "done"}


def armed(step: dict[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in step.items() if key != "next"}
    return {"id": "both", "type": "parallel", "branches": [{"id": "one", "body": [inner]}], "next": "done"}


@pytest.fixture(autouse=True)
def things(db: None) -> None:
    Provider.objects.all().delete()
    reach.put_secret(name="desk", value="x", by="ada")
    reach.put_provider(name="acme", body={**ACCOUNT, "default_model": "m"}, by="ada")
    reach.put_tool(name="desk.find", body=SHARED, by="ada")


def draft(definition: Any) -> Callable[[], object]:
    return lambda: drafts.push(text=definition if isinstance(definition, str) else source.write(definition), by="ada")


def live_run(definition: Any) -> Callable[[], object]:
    """A run of version 1, while version 2 names nothing."""

    def made() -> None:
        publish(definition)
        runs.start(workflow="naming", input={}, by="otto")
        publish(naming(EMPTY))

    return made


OWN = naming({**LOOK, "tool": "find"}, tools={"find": KEYED})


@pytest.mark.parametrize(
    ("path", "named", "sentence"),
    [
        ("tools/desk.find", lambda: publish(naming(LOOK)), "Version 1 of naming names it."),
        ("tools/desk.find", lambda: publish(naming(looped(LOOK))), "Version 1 of naming names it."),
        ("tools/desk.find", lambda: publish(naming(armed(LOOK))), "Version 1 of naming names it."),
        ("tools/desk.find", lambda: publish(naming({**ASK, "tools": ["desk.find"], "max_rounds": 2})), "Version 1 of naming"),
        ("tools/desk.find", live_run(naming(LOOK)), "Version 1 of naming names it."),
        ("tools/desk.find", draft(naming(LOOK)), "The draft of naming names it."),
        ("tools/desk.find", draft({**naming(LOOK), "nonsense": 1}), "The draft of naming names it."),
        ("providers/acme", lambda: publish(naming(ASK)), "Version 1 of naming names it."),
        ("providers/acme", draft(naming(ASK)), "The draft of naming names it."),
        ("secrets/desk", lambda: publish(OWN), "Version 1 of naming names it."),
        ("secrets/desk", lambda: reach.put_tool(name="desk.get", body=KEYED, by="ada"), "The tool desk.get names it."),
        (
            "secrets/desk",
            lambda: reach.put_provider(name="keyed", body={**ACCOUNT, "secret": "desk"}, by="ada"),
            "The provider keyed names it.",
        ),
        (
            "secrets/desk",
            lambda: reach.put_provider(name="keyed", body={**ACCOUNT, "headers": {"X-Key": "${secrets.desk}"}}, by="ada"),
            "The provider keyed names it.",
        ),
    ],
)
def test_what_is_named_stays_and_who_names_it_is_said(path: str, named: Callable[[], object], sentence: str, ada: Api) -> None:
    named()
    before = Act.objects.count()
    status, told = ada.delete(path)
    assert (status, told["problems"][0]["code"]) == (409, "in_use")
    assert sentence in told["problems"][0]["message"]
    assert ada.get(path)[0] == 200
    assert Act.objects.count() == before


def test_a_newer_version_lets_go_of_what_the_older_named(ada: Api) -> None:
    publish(naming(LOOK))
    assert ada.delete("tools/desk.find")[0] == 409
    publish(naming(EMPTY))
    assert ada.delete("tools/desk.find")[0] == 204
    assert ada.post("workflows/naming/runs", {"version": 1})[0] == 202, "the old one may be started still"
    run = factories.move(Run.objects.get())
    assert (run.status, run.outcome) == ("failed", "bad")


def test_what_nobody_names_is_deleted_for_good_and_by_somebody(ada: Api) -> None:
    reach.put_tool(name="find", body=SHARED, by="ada")
    drafts.push(text=source.write(naming({**LOOK, "tool": "find"}, tools={"find": SHARED}, id="own")), by="ada")
    drafts.push(text=source.write(naming(EMPTY)), by="ada")
    drafts.save_draft(workflow="naming", text="id: [desk.find acme", revision=1, by="dora")  # can't be read
    things = (("provider", "providers/acme"), ("tool", "tools/desk.find"), ("tool", "tools/find"), ("secret", "secrets/desk"))
    for kind, path in things:
        assert ada.delete(path) == (204, None)
        assert ada.get(path)[0] == ada.delete(path)[0] == 404
        act = Act.objects.filter(subject=f"{kind}:{path.partition('/')[2]}").order_by("number").last()
        assert act is not None
        assert (act.verb, act.by) == (f"delete_{kind}", "ada")
        before = unpack_all([act.detail])[0].get("before", {})
        assert set(before) >= {"provider": {"protocol", "base_url"}, "tool": {"http", "effect"}, "secret": set()}[kind], (
            "to put back"
        )
        assert kind != "secret" or not before
    assert not (Provider.objects.exists() or Tool.objects.exists() or Secret.objects.exists())
    assert "unknown_tool" in {item["code"] for item in ada.post("workflows/check", naming(LOOK))[1]["problems"]}


def test_a_page_says_who_names_it_and_deletes_when_nobody_does(as_admin: Client, as_designer: Client) -> None:
    publish(naming(LOOK))
    page = "/settings/tools/desk.find/delete/"
    assert page in as_admin.get("/settings/tools/desk.find/").content.decode()
    assert page not in as_designer.get("/settings/tools/desk.find/").content.decode()
    told = as_admin.get(page).content.decode()
    assert '<a href="/workflows/naming/">Version 1 of naming names it.</a>' in told
    assert "Delete it" not in told
    assert as_admin.post(page).status_code == 409
    for path in ("providers/acme", "secrets/desk"):
        assert as_designer.post(f"/settings/{path}/delete/").status_code == 403
        assert "Delete it" in as_admin.get(f"/settings/{path}/delete/").content.decode()
        gone = as_admin.post(f"/settings/{path}/delete/", follow=True).content.decode()
        assert f"{path.partition('/')[2]} is deleted." in gone
        assert as_admin.get(f"/settings/{path}/delete/").status_code == 404
    assert Tool.objects.exists()


def test_a_page_says_before_and_after_a_tool_is_written_which_versions_name_it(as_admin: Client) -> None:
    page = "/settings/tools/desk.find/"
    assert "Version 1 of naming" not in as_admin.get(page).content.decode()
    publish(naming(LOOK))
    assert '<a href="/workflows/naming/">Version 1 of naming names it.</a>' in as_admin.get(page).content.decode()
    written = "http: {url: https://elsewhere.example}\neffect: irreversible\n"
    told = as_admin.post(page, {"text": written}, follow=True).content.decode()
    assert "Version 1 of naming names it. Its calls are made like this from now on." in told


def test_what_is_wrong_with_a_tool_is_said_with_its_line(as_admin: Client) -> None:
    text = "http:\n  method: GET\n  url: https://desk.example/${input.x\neffect: sometimes\n"
    answer = as_admin.post("/settings/tools/desk.find/", {"text": text})
    assert {(problem.path, problem.line) for problem in answer.context["problems"]} >= {("effect", 4)}
    answer = as_admin.post("/settings/tools/desk.find/", {"text": text.replace("sometimes", "none")})
    assert {(problem.path, problem.line) for problem in answer.context["problems"]} == {("http.url", 3)}
    assert 'data-goto="3"' in answer.content.decode()
