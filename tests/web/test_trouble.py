"""When the database can't be used for a while: one clear answer, nothing stored, nothing lost; and who may look at its tables."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.urls import reverse

from dashboard.admin import HIDDEN
from orchestration import vault
from orchestration.models import ApiToken, Run
from tests.api import Api
from tests.engine.publishing import end, publish, workflow

PUT = {**workflow({"id": "put", "type": "set", "values": {"n": 1}, "next": "done"}, end()), "models": {}}

START = "/workflows/sample/run/"


@pytest.fixture
def locked(transactional_db: None, admin: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Api, Client]]:
    """Another program writes, and does not stop. Whoever waits for it here has no patience."""
    publish(PUT)
    api, browser = Api(admin), Client(raise_request_exception=False)
    api.client.raise_request_exception = False
    browser.force_login(admin)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.001)
    connection.close()
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield api, browser
    other.execute("ROLLBACK")
    other.close()
    connection.close()


@pytest.mark.sqlite
def test_a_locked_database_is_said_so_and_whoever_reads_does_not_notice(locked: tuple[Api, Client]) -> None:
    api, browser = locked
    answer = api.ask("POST", "workflows/sample/runs", {"input": {"text": "x", "n": 0}})
    told = answer.json()
    assert (answer.status_code, told["title"], answer["Retry-After"]) == (503, "Service Unavailable", "5")
    assert "Nothing was stored" in told["detail"]
    page = browser.post(START, {"input/text": "what I wrote", "input/n": "0", "version": "1"})
    assert page.status_code == 503
    assert "still in the form" in page.content.decode()
    assert Run.objects.count() == 0
    assert api.get("runs")[0] == 200
    assert ApiToken.objects.get().used is None, "that it was used is not worth waiting for"
    assert browser.get("/runs/").status_code == 200


def test_a_database_that_is_gone_is_503_on_every_page_and_health_is_red(
    as_admin: Client, ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **more: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    for client in (as_admin, ada.client):
        client.raise_request_exception = False
    with monkeypatch.context() as without:
        without.setattr(BaseDatabaseWrapper, "cursor", gone)
        health, page, listed = as_admin.get("/healthz"), as_admin.get("/runs/"), ada.ask("GET", "runs")
    assert (health.status_code, health.json()) == (503, {"status": "the database does not answer"})
    assert page.status_code == 503
    assert "The database does not answer" in page.content.decode()
    assert (listed.json()["status"], listed.status_code) == (503, 503)


def test_in_the_embedded_mode_health_is_red_where_nobody_moves_runs(db: None, client: Client, settings: Any) -> None:
    settings.EMBEDDED = True
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (503, {"status": "nobody moves runs"})
    settings.EMBEDDED = False
    assert client.get("/healthz").status_code == 200


def test_the_admin_shows_the_tables_and_writes_nothing(as_admin: Client, admin: User) -> None:
    publish(PUT)
    vault.put("desk", "s3cr3t")
    Api(admin)
    models = list(apps.get_app_config("orchestration").get_models())
    assert len(models) > 10
    shown = 0
    for model in models:
        name = model._meta.model_name
        listed = as_admin.get(reverse(f"admin:orchestration_{name}_changelist"))
        assert listed.status_code == 200, name
        assert as_admin.get(reverse(f"admin:orchestration_{name}_add")).status_code == 403
        for row in model._default_manager.all()[:1]:
            shown += 1
            address = reverse(f"admin:orchestration_{name}_change", args=[row.pk])
            page = as_admin.get(address)
            assert page.status_code == 200, name
            assert as_admin.post(address, {"name": "x"}).status_code == 403
            for hidden in HIDDEN.get(model.__name__, ()):
                assert getattr(row, hidden) not in page.content.decode() + listed.content.decode(), name
    assert shown >= 4


def test_who_is_signed_in_keeps_the_way_on_where_nothing_is_broken(as_viewer: Client, as_nobody: Client) -> None:
    for path, status in (("/nowhere/", 404), ("/settings/people/", 403), ("/runs/none/", 404)):
        answer = as_viewer.get(path)
        page = answer.content.decode()
        assert (answer.status_code, '<nav class="nav"' in page) == (status, True), path
    assert '<nav class="nav"' not in as_nobody.get("/nowhere/").content.decode()
