"""Names, keys and texts as long as they may be, without a space to break at: no page becomes wider than its screen."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from orchestration.accounts import give_role
from orchestration.acts import escalations, resolve, runs
from orchestration.models import Escalation, Run
from orchestration.roles import Role
from tests.engine.publishing import end, publish, workflow
from tests.factories import move

LONG = "Xenotransplantation" * 20
KEY = f"KEY-{LONG}"[:200]
FORM = {
    "type": "object",
    "required": ["reply"],
    "properties": {"reply": {"type": "string", "title": LONG[:150], "enum": [LONG, "no"]}, "a" * 60: {"type": "string"}},
}
HUMAN = {
    "id": "h" * 48, "type": "human", "title": LONG[:200], "note": LONG, "form": FORM, "queue": LONG[:100], "priority": "urgent",
    "deadline": "2d", "on_deadline": "no", "show": {LONG[:100]: "${run.input.text}", "Parts": {LONG[:80]: "${run.input.text}"}},
    "actions": [
        {"id": "send", "label": LONG[:80], "to": "d" * 48},
        {"id": "drop", "label": "Drop", "to": "no", "form": "ignored"},
    ],
}  # fmt: skip
WIDE = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.checkVisibility())
  .slice(0, 4).map(e => `${e.tagName}.${e.className}`)"""
DEFINITION = workflow(
    {"id": "n" * 48, "type": "set", "title": LONG[:200], "values": {"text": "${run.input.text}"}, "next": "h" * 48},
    HUMAN,
    {**end({"reply": f"${{steps.{'h' * 48}.values.reply}}"}, "d" * 48), "outcome": "g" * 48},
    end(id="no", outcome="bad"),
    id="w" * 48,
    title=LONG[:200],
    outcomes={"g" * 48: {"kind": "success", "title": LONG[:200]}, "bad": {"kind": "failure"}},
    models={},
)


@pytest.mark.parametrize("width", [360, 1024, 1280])
def test_nothing_that_may_be_long_makes_a_page_wider_than_its_screen(
    sign_in: Callable[[User], Page], admin: User, width: int
) -> None:
    person = User.objects.create_user("p" * 150)
    give_role(person, Role.OPERATOR)
    publish(DEFINITION)
    made = [
        runs.start(workflow="w" * 48, input={"text": LONG, "n": n}, by=person.username, key=KEY, labels={LONG[:40]: LONG[:200]})
        for n in range(2)
    ]
    for run in made:
        move(Run.objects.get(id=run))
    first, second = (Escalation.objects.get(run=run) for run in made)
    escalations.claim(escalation=first.id, by=person.username)
    resolve.resolve(escalation=second.id, action="send", values={"reply": LONG}, by=person.username)
    move(Run.objects.get(id=made[1]))
    page = sign_in(admin)
    page.set_viewport_size({"width": width, "height": 900})
    wide = {}
    for address in (
        "/runs/", f"/runs/{made[0]}/", f"/runs/{made[0]}/?seq=0", f"/runs/{made[0]}/?seq=1", f"/runs/{made[0]}/?at=1",
        f"/runs/{made[0]}/cancel/", f"/runs/{made[1]}/", f"/runs/{made[1]}/?seq=2", "/inbox/", f"/inbox/{first.id}/",
        f"/inbox/{second.id}/?tab=done", "/inbox/?tab=done", "/workflows/", f"/workflows/{'w' * 48}/run/", "/settings/people/",
    ):  # fmt: skip
        page.goto(address)
        if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            wide[address] = (over, page.evaluate(WIDE))
    assert not wide
