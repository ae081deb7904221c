"""Runs, events and schedules that hold hostile text wherever a person or a client can put some, and the pages that show it."""

from datetime import timedelta
from typing import Any

from orchestration.acts import events, firing, runs, schedules
from orchestration.models import Run, Schedule
from orchestration.record.clock import database_now
from tests.corpora.items import MARKUP
from tests.engine.conftest import Floor
from tests.engine.publishing import end, publish, workflow

TEMPLATE = "{{ item }} ${secrets.llm} %(name)s"
TURNED = "a\u202eb\u2028c"
LONG = "Xenotransplantation" * 20
SHOWN = """() => [(document.querySelector("main") ?? document.body).textContent,
  ...[...document.querySelectorAll("input, textarea")].map(e => e.value)].join("\\n")"""
"""All that a person can read on a page, folded or not."""
BECAME = """() => [...document.querySelectorAll("img[src=x], script:not([src]):not([nonce]), [onerror], b b")]
  .map(e => e.outerHTML).concat(document.title === "broken" ? ["the title"] : [], ({}).polluted ? ["polluted"] : [])"""
"""What of it is no text any more."""


def _goods() -> dict[str, Any]:
    """Checks each item, asks a person about one, and waits for an event for each of the others."""
    short = {"type": "object", "properties": {"name": {"type": "string", "not": {"const": f"{MARKUP} fails"}}}}
    cases = [{"when": f"item.name == '{TEMPLATE}'", "to": "ask", "label": MARKUP[:60]}]
    body = [
        {"id": "check", "type": "set", "values": {"name": "${item.name}"}, "output": short, "next": "way"},
        {"id": "way", "type": "branch", "cases": cases, "default": "pay"},
        {
            "id": "ask", "type": "human", "title": MARKUP[:80], "show": {MARKUP[:60]: "${item.name}", "Whole": "${item}"},
            "actions": [{"id": "ok", "label": MARKUP[:60], "to": "continue"}], "deadline": "2d", "on_deadline": "continue",
        },
        {
            "id": "pay", "type": "wait", "event": "paid", "correlation": "${item.name}", "deadline": "2d",
            "on_deadline": "continue",
        },
    ]  # fmt: skip
    each = {"id": "each", "type": "map", "title": f"Each <b>{MARKUP[:40]}", "over": "${run.input.items}", "max_items": 9}
    each |= {"on_item_error": "collect", "body": body, "next": "done"}
    return workflow(each, end("${steps.each}"), id="goods", title=MARKUP[:100], input={"type": "object"}, models={})


def _daily(**more: Any) -> dict[str, Any]:
    return workflow(end(), id="daily", title=MARKUP[:100], input={"type": "object", **more}, models={})


def hostile(floor: Floor) -> dict[str, list[str]]:
    """Address → texts that are to be read there."""
    names = (MARKUP, TEMPLATE, f"{MARKUP} fails", TURNED, LONG)
    more = {"__proto__": {"polluted": True}, "<b>": MARKUP, "constructor": TEMPLATE}
    publish(_goods())
    given = {"items": [{"name": name, "more": more} for name in names]}
    run = runs.start(workflow="goods", input=given, by="<b>ada", key=MARKUP[:90], labels={MARKUP[:30]: MARKUP[:90]})
    for correlation in (f"{MARKUP} too", TEMPLATE):
        events.send(name="paid", correlation=correlation, payload={"<b>": MARKUP, "__proto__": more}, by="<b>shop")
    events.send(name="paid", correlation=TURNED, payload={"<b>": MARKUP}, by="<b>shop")
    children = Run.objects.filter(parent=run).order_by("index")
    floor.until(run, lambda found: [child.wait or child.status for child in children.all()] == STANDS)
    waits, asks, failed, done, _ = children
    own = f"/runs/{run}/"
    return {
        own: [MARKUP[:60], "Xenotransplantation"],
        f"{own}?lanes=failed": [MARKUP[:60]],
        f"{own}?seq=0": [MARKUP, TEMPLATE, "__proto__"],
        "/runs/": [MARKUP[:60]],
        f"/runs/{waits.id}/": [MARKUP, f"{MARKUP} too"[:60], "<b>shop"],
        f"/runs/{waits.id}/?seq=0": ["__proto__", MARKUP],
        f"/runs/{waits.id}/?seq=1": [MARKUP],
        f"/runs/{waits.id}/?at=1": [MARKUP],
        f"/runs/{failed.id}/": [f"{MARKUP} fails"[:60]],
        f"/runs/{done.id}/?seq=3": [MARKUP, "<b>shop"],
        f"/runs/{asks.id}/": [TEMPLATE],
        f"/inbox/{floor.escalation(asks).id}/": [TEMPLATE, MARKUP[:60]],
        "/workflows/": [MARKUP[:60]],
        "/workflows/goods/": [MARKUP[:60]],
        **_schedule(),
    }


STANDS = ["event", "person", "failed", "succeeded", "event"]


def _schedule() -> dict[str, list[str]]:
    """One that has started a run, and can't start another: its input does not fit a new version."""
    publish(_daily())
    body = {"name": MARKUP[:90], "cron": "* * * * *", "input": {"text": MARKUP, "__proto__": MARKUP}, "labels": {"<b>": MARKUP}}
    made = schedules.create(workflow="daily", body=body, by="<b>dora")
    for move in (lambda: None, lambda: publish(_daily(properties={"text": {"const": 7}}))):
        move()
        now = database_now()
        Schedule.objects.filter(id=made).update(next=now.replace(second=0, microsecond=0) - timedelta(minutes=1))
        for start in firing.due(now):
            start()
    started = Run.objects.get(schedule=made)
    place = "/workflows/daily/schedules/"
    return {
        place: [MARKUP[:60]],
        f"{place}{made}/": [MARKUP[:60], "__proto__", "<b>dora"],
        f"{place}{made}/edit/": [MARKUP[:60]],
        f"{place}{made}/delete/": [MARKUP[:60]],
        f"{place}occurrences/?cron=%3Cimg+src%3Dx%3E+8+*+*+*&zone=%3Cimg+src%3Dx%3E": ["<img src=x>"],
        f"/runs/{started.id}/?seq=0": [MARKUP[:60]],
        f"/runs/?schedule={made}": [started.id],
    }
