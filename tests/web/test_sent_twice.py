"""A double click, a browser that sends again, a client that lost the answer, somebody who goes back and sends once more: one
effect and the same answer; where it is another request, 409 or 422 with the reason."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestration.acts import drafts
from orchestration.core import source
from orchestration.models import Act, Escalation, Event, Run, Version, Workflow
from tests import factories
from tests.api import Api
from tests.engine.test_races import at_once

TEXT = source.write(factories.asking())
KEY = {"headers": {"Idempotency-Key": "k-1"}}


class Scene:
    """Somebody's program and their browser, and what they look at."""

    def __init__(self, user: User) -> None:
        self.user, self.api = user, Api(user)
        self.asked = factories.asked()
        self.run = self.asked.run_id
        self.paying = factories.awaiting("T-9").id

    def browser(self) -> Client:
        client = Client()
        client.force_login(self.user)
        return client


@pytest.fixture
def scene(transactional_db: None, admin: User) -> Scene:
    return Scene(admin)


def api(method: str, path: str, body: Any, **options: Any) -> Callable[[Scene], Callable[[], Any]]:
    """A request of a program, to be sent any number of times."""

    def made(scene: Scene) -> Callable[[], Any]:
        where = path.format(run=scene.run, escalation=scene.asked.id)
        return lambda: scene.api.ask(method, where, body, **options)

    return made


def form(path: str, fields: dict[str, str]) -> Callable[[Scene], Callable[[], Any]]:
    """One form of a page, the same each time that it is sent."""

    def made(scene: Scene) -> Callable[[], Any]:
        where, browser = path.format(run=scene.run, escalation=scene.asked.id), scene.browser()
        sent = fields | {name: scene.paying for name, value in fields.items() if value == "{paying}"}
        cookies = {name: cookie.value for name, cookie in browser.cookies.items()}

        def send() -> Any:
            client = Client()
            client.cookies.load(cookies)
            return client.post(where, sent)

        return send

    return made


ANSWER = {"action": "send", "values": {"reply": "Hello you"}}
SENT = {
    "start": api("POST", "workflows/asking/runs", {"input": {"text": "Hello"}}, **KEY),
    "start by form": form("/workflows/asking/run/", {"input/text": "Hello", "once": "a" * 32}),
    "resolve": api("POST", "escalations/{escalation}/resolve", ANSWER, **KEY),
    "resolve by form": form("/inbox/{escalation}/", {"v/reply": "Hello you", "action": "send", "token": "b" * 32}),
    "claim": api("POST", "escalations/{escalation}/claim", {}),
    "cancel": api("POST", "runs/{run}/cancel", {"reason": "A duplicate"}, **KEY),
    "cancel by form": form("/runs/{run}/cancel/", {"reason": "A duplicate", "once": "c" * 32}),
    "send": api("POST", "events", {"name": "paid", "correlation": "T-1", "payload": {"n": 1}}, **KEY),
    "send by form": form("/events/send/", {"name": "paid", "correlation": "T-1", "payload~json": '{"n": 1}', "once": "d" * 32}),
    "send to a run by form": form(
        "/events/send/",
        {
            "run": "{paying}",
            "step": "pay",
            "name": "payment.received",
            "correlation": "T-9",
            "payload~on": "on",
            "payload/amount": "5",
            "once": "e" * 32,
        },
    ),
    "publish": api("POST", "workflows/asking/publish", {"revision": 2}),
    "publish by form": form("/workflows/asking/publish/", {"revision": "2"}),
    "push": api("POST", "workflows?revision=2", f"{TEXT}# mine\n", type="application/yaml"),
    "save by form": form("/workflows/asking/edit/", {"text": f"{TEXT}# mine\n", "revision": "2", "do": "save"}),
    "make by form": form("/workflows/new/", {"text": TEXT.replace("id: asking", "id: another")}),
    "provider": api("PUT", "providers/main", {"protocol": "rehearsal"}),
    "secret": api("PUT", "secrets/llm", {"value": "x"}),
    "tool": api("PUT", "tools/crm.get", {"http": {"url": "https://x.example"}}),
}
ACTS = {"claim": 7, "secret": 7}
"""Each claim of one's own is a new lease, each secret another one for all that an act may know."""


def told(answer: Any) -> tuple[int, Any]:
    """What a client or a browser goes by: the document, or where it is led."""
    if answer.status_code == 302:
        return 302, answer["Location"]
    document = answer.json() if "json" in answer["Content-Type"] else {}
    return answer.status_code, {name: document.get(name) for name in ("id", "cancel", "action", "version", "revision", "name")}


def counted() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Act, Run, Version, Workflow, Event))


@pytest.mark.parametrize("what", SENT)
def test_what_is_sent_five_times_at_once_and_twice_more_is_done_once(scene: Scene, what: str) -> None:
    drafts.push(text=f"{TEXT}# a second version\n", by="dora")
    drafts.push(text=source.write(factories.asking(title="Asked")), by="dora") if "publish" in what else None
    Workflow.objects.filter(id="asking").update(revision=2)
    before = counted()
    send = SENT[what](scene)
    answers = [*at_once(*[send] * 5), send(), send()]
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert {told(answer)[0] for answer in answers} <= {200, 201, 202, 302}, [answer.content for answer in answers]
    assert len({str(told(answer)[1]) for answer in answers}) == 1
    effects = (ACTS.get(what, 1), "start" in what, "publish" in what, "make" in what, "send" in what)
    assert tuple(b - a for a, b in zip(before, counted(), strict=True)) == effects


ANOTHER = {
    "start": (api("POST", "workflows/asking/runs", {"input": {"text": "Another"}}, **KEY), 422, "came before"),
    "start by form": (
        form("/workflows/asking/run/", {"input/text": "Another", "once": "a" * 32}), 422, "has started a run already",
    ),
    "resolve": (
        api("POST", "escalations/{escalation}/resolve", {**ANSWER, "values": {"reply": "Another"}}, **KEY), 422, "came before",
    ),
    "resolve by form": (
        form("/inbox/{escalation}/", {"v/reply": "Another", "action": "send", "token": "b" * 32}), 409, "was sent before",
    ),
    "cancel": (api("POST", "runs/{run}/cancel", {"reason": "Another"}, **KEY), 422, "came before"),
    "cancel by form": (form("/runs/{run}/cancel/", {"reason": "Another", "once": "c" * 32}), 409, "was sent before"),
    "send": (api("POST", "events", {"name": "paid", "correlation": "T-1", "payload": "Another"}, **KEY), 422, "came before"),
    "send by form": (
        form("/events/send/", {"name": "paid", "correlation": "T-1", "payload~json": '"Another"', "once": "d" * 32}), 422,
        "has sent an event already",
    ),
    "publish": (api("POST", "workflows/asking/publish", {"revision": 1}), 409, "you saw revision 1"),
    "publish by form": (form("/workflows/asking/publish/", {"revision": "1"}), 409, "you saw revision 1"),
    "push": (api("POST", "workflows?revision=2", f"{TEXT}# Another\n", type="application/yaml"), 409, "you saw revision 2"),
    "save by form": (
        form("/workflows/asking/edit/", {"text": f"{TEXT}# Another\n", "revision": "2", "do": "save"}), 409, "Not saved",
    ),
    "make by form": (
        form("/workflows/new/", {"text": TEXT.replace("id: asking", "id: another") + "# Another"}), 422,
        "There is a workflow another",
    ),
}  # fmt: skip
"""By the same key, the same form or the same revision: what another request is answered, and why."""


@pytest.mark.parametrize("what", ANOTHER)
def test_another_request_in_the_place_of_one_that_was_sent_is_refused_with_the_reason(scene: Scene, what: str) -> None:
    drafts.push(text=source.write(factories.asking(title="Asked")), by="dora")
    assert told(SENT[what](scene)())[0] < 400
    kept = [list(model.objects.order_by("pk").values()) for model in (Act, Run, Version, Workflow, Escalation, Event)]
    make, status, reason = ANOTHER[what]
    for _ in range(2):
        answer = make(scene)()
        page = answer.content.decode()
        assert (answer.status_code, reason in page) == (status, True), page
        assert "form" not in what or "publish" in what or "Another" in page, "what was typed is there still"
    assert [list(model.objects.order_by("pk").values()) for model in (Act, Run, Version, Workflow, Escalation, Event)] == kept
