"""The live socket over the real server: current revisions at once, nudges as they come, and an end when the session ends."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from redis import RedisError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dashboard import ear, live
from orchestration import nudges
from orchestration.acts import drafts
from orchestration.models import Run, Version, Workflow
from orchestration.queries import changes

pytestmark = pytest.mark.any_database

PATIENCE = 20


@pytest.fixture
def run(transactional_db: None) -> Run:
    workflow = Workflow.objects.create(id="sample")
    version = Version.objects.create(workflow=workflow, number=1, hash="h", definition="{}", proof="{}", published_by="dora")
    now = timezone.now()
    return Run.objects.create(
        workflow=workflow, version=version, input="{}", created=now, created_by="ada", status="ready", due=now, revision=4
    )


@contextmanager
def socket(site: str, user: User) -> Iterator[ClientConnection]:
    client = Client()
    client.force_login(user)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    address = site.replace("http://", "ws://") + "/live/"
    origin: Any = site
    with connect(address, origin=origin, additional_headers={"Cookie": cookie}, proxy=None) as opened:
        yield opened


def watch(opened: ClientConnection, *topics: Any) -> None:
    opened.send(json.dumps({"watch": topics}))


def heard(opened: ClientConnection) -> Any:
    return json.loads(opened.recv(timeout=PATIENCE))


def closed(opened: ClientConnection) -> int | None:
    """The code it is closed with, whatever little is said before."""
    until = time.monotonic() + PATIENCE
    while (left := until - time.monotonic()) > 0:
        try:
            opened.recv(timeout=left)
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None
    return None


def test_what_is_watched_is_told_at_once_and_whenever_it_grows(site: str, viewer: User, run: Run) -> None:
    topic = f"run.{run.id}"
    with socket(site, viewer) as opened:
        watch(opened, topic, "run.nosuchrun", "run.7; drop", "elsewhere", 7)
        assert heard(opened) == {"topic": topic, "revision": 4}
        nudges.announce([("another", 9), (run.id, 5)])
        assert heard(opened) == {"topic": topic, "revision": 5}
        watch(opened, "runs")
        assert heard(opened) == {"topic": "runs", "revision": changes.runs_changed()}
        nudges.announce([(run.id, 6)])
        told = heard(opened)
        assert told["topic"] == "runs"
        assert told["revision"] > changes.runs_changed()


def test_a_flood_of_nudges_arrives_as_few_messages_of_which_the_last_is_the_latest(site: str, viewer: User, run: Run) -> None:
    topic = f"run.{run.id}"
    with socket(site, viewer) as opened:
        watch(opened, topic)
        heard(opened)
        for revision in range(5, 60):
            nudges.announce([(run.id, revision)])
        told = [heard(opened)["revision"]]
        while told[-1] != 59:
            told.append(heard(opened)["revision"])
        assert told == sorted(told)
        assert len(told) < 30


def test_what_changes_at_one_moment_leaves_as_one_message_whoever_watches_what(
    site: str, viewer: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer: Any = get_channel_layer(nudges.LAYER)
    sent: list[dict[str, Any]] = []
    send = layer.group_send

    async def counted(group: str, message: dict[str, Any]) -> None:
        sent.append(message)
        await send(group, message)

    monkeypatch.setattr(layer, "group_send", counted)
    with socket(site, viewer) as opened:
        watch(opened, f"run.{run.id}")
        heard(opened)
        nudges.announce([*((f"other{number}", 2) for number in range(300)), (run.id, 5)])
        assert heard(opened) == {"topic": f"run.{run.id}", "revision": 5}
    assert [len(message["changes"]) for message in sent] == [302], "the runs, and the list of runs"


def test_where_no_nudges_come_any_more_sockets_close_and_the_next_one_hears_again(
    site: str, viewer: User, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layer: Any = get_channel_layer(nudges.LAYER)
    topic = f"run.{run.id}"

    async def gone(channel: str) -> Any:
        raise RedisError("gone")

    with socket(site, viewer) as opened:
        watch(opened, topic)
        heard(opened)
        with monkeypatch.context() as patched:
            patched.setattr(layer, "receive", gone)
            nudges.announce([("another", 2)])  # the last that is taken
            assert closed(opened) == live.LATER
    assert "their pages poll" in caplog.text
    with socket(site, viewer) as opened:
        watch(opened, topic)
        heard(opened)
        nudges.announce([(run.id, 6)])
        assert heard(opened) == {"topic": topic, "revision": 6}


@pytest.mark.parametrize("said", ["", "{", "[]", '{"watch": "runs"}', "[" * 3000, '{"watch": ["' + "x" * 9000 + '"]}'])
def test_what_is_no_message_closes_the_socket(site: str, viewer: User, said: str) -> None:
    with socket(site, viewer) as opened:
        opened.send(said)
        assert closed(opened) == live.UNREADABLE


def _session_ends(user: User) -> None:
    Session.objects.all().delete()


def _password_changes(user: User) -> None:
    user.set_password("another long password")
    user.save()


def _role_is_taken_away(user: User) -> None:
    user.groups.set(Group.objects.none())


def _account_is_closed(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("loses", [_session_ends, _password_changes, _role_is_taken_away, _account_is_closed])
def test_who_may_no_longer_look_is_shown_out_at_the_next_tick(
    site: str, viewer: User, loses: Callable[[User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "TICK", 0.05)
    with socket(site, viewer) as opened:
        assert heard(opened) == {"tick": 1}
        loses(viewer)
        assert closed(opened) == live.DENIED


def test_nothing_is_left_behind_by_a_socket_that_closed(site: str, viewer: User) -> None:
    with socket(site, viewer) as opened:
        watch(opened, "inbox")
        heard(opened)
        assert ear.watched() == {"inbox"}
    for _ in range(1000):  # the server notices the end on its own loop
        if not ear.watched():
            return
        turn = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), nudges._loop)  # type: ignore[arg-type]
        turn.result(PATIENCE)
    raise AssertionError(ear.watched())


def test_a_draft_is_a_topic_too(site: str, viewer: User, run: Run) -> None:
    topic = f"workflow.{run.workflow_id}"
    with socket(site, viewer) as opened:
        watch(opened, topic, "workflow.nothing", "workflow.No", "workflow.a; drop")
        assert heard(opened) == {"topic": topic, "revision": 1}
        drafts.save_draft(workflow=run.workflow_id, text="id: sample", revision=1, by="dora")
        assert heard(opened) == {"topic": topic, "revision": 2}
        drafts.undo(workflow=run.workflow_id, revision=2, by="dora")
        assert heard(opened) == {"topic": topic, "revision": 3}
