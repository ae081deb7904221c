"""The graph that canvases draw: what stands in it, for a draft, a version and a run, and for whoever may only look."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard import graph_view
from dashboard.proof_view import proof_view
from orchestration.acts import drafts as acts
from orchestration.acts import resolve
from orchestration.acts.workflows import check
from orchestration.core.editing import places
from orchestration.samples import installation
from tests.engine.publishing import end, publish, workflow
from tests.factories import asking, move, start

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def _drawn(client: Client, query: str = "", address: str = "/workflows/drawn/graph/") -> dict[str, Any]:
    answer = client.get(f"{address}{query}")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def _definition(**more: Any) -> dict[str, Any]:
    again = {
        "id": "again", "type": "loop", "title": "Try again", "note": "Until it is enough.", "max": 3, "carry": {"n": 0},
        "next": "done", "on_exhausted": "ask",
        "body": [
            {"id": "look", "type": "set", "values": {"n": 1}, "next": "enough"},
            {"id": "enough", "type": "branch", "cases": [{"when": "steps.look.n > 2", "to": "break"}], "default": "note"},
            {"id": "note", "type": "set", "values": {"n": "${steps.look.n}"}, "catch": [{"errors": ["*"], "to": "break"}]},
        ],
    }  # fmt: skip
    ask = {
        "id": "ask", "type": "human", "actions": [{"id": "go", "label": "Go on", "to": "done"}], "deadline": "2d",
        "on_deadline": "late",
    }  # fmt: skip
    return workflow(again, ask, end(), end(id="late", outcome="bad"), id="drawn", models={}, **more)


def test_each_route_has_its_place_its_kind_and_where_it_leads_and_those_that_could_be_drawn_are_named(as_viewer: Client) -> None:
    layout = {"at": {"ask": [40, 80.5], "done": ["x", 1], "late": [1e9, 0], "gone": [0, 0]}, "folded": {"again": True, "ask": 7}}
    publish(_definition(layout=layout))
    drawn = _drawn(as_viewer)
    steps = {step["id"]: step for step in drawn["steps"]}
    assert [step["parent"] for step in drawn["steps"]] == ["", "again", "again", "again", "", "", ""]
    routes = {
        (name, route["route"], route["kind"], route["label"], route["to"])
        for name, step in steps.items()
        for route in step["routes"]
    }
    assert routes == {
        ("again", "next", "next", "", "done"),
        ("again", "on_exhausted", "exhausted", "rounds used up", "ask"),
        ("look", "next", "next", "", "enough"),
        ("enough", "cases[0].to", "case", "steps.look.n > 2", "break"),
        ("enough", "default", "default", "otherwise", "note"),
        ("note", "catch[0].to", "catch", "any error", "break"),
        ("ask", "actions[0].to", "action", "Go on", "done"),
        ("ask", "on_deadline", "deadline", "after 2 days", "late"),
    }
    assert [route["route"] for route in steps["note"]["free"]] == ["next", "catch"]
    assert [route["route"] for route in steps["again"]["free"]] == ["on_stalled", "catch"]
    assert {name: (step["at"], step["folded"]) for name, step in steps.items() if step["at"] or step["folded"]} == {
        "again": (None, True),
        "ask": ([40, 80.5], False),
    }
    assert {name: step["note"] for name, step in steps.items() if step["note"]} == {"again": "Until it is enough."}
    assert drawn["routes"] == [{"route": "start", "kind": "next", "label": "", "to": "again", "errors": []}]
    assert (drawn["version"], drawn["revision"], steps["again"]["brief"]) == (1, None, "at most 3 rounds")
    assert {bound["label"]: bound["text"] for bound in drawn["bounds"]}["of people's time"] == "2 days"


def test_a_draft_is_drawn_with_what_is_wrong_and_one_that_can_not_be_read_says_why(as_designer: Client) -> None:
    text = publish(_definition()).text
    acts.save_draft(workflow="drawn", text=text.replace("next: enough", "next: enuff"), revision=1, by="dora")
    drawn = _drawn(as_designer, "?version=draft")
    look = next(step for step in drawn["steps"] if step["id"] == "look")
    assert [problem["code"] for problem in look["problems"]] == ["unknown_step"]
    assert (drawn["revision"], drawn["version"], look["routes"][0]["to"]) == (2, None, "enuff")
    page = as_designer.get("/workflows/drawn/design/").content.decode()
    assert "workflow-canvas" in page or "design-head" in page
    acts.save_draft(workflow="drawn", text="interlock: 1\nid: drawn\nlayout: ${", revision=2, by="dora")
    answer = as_designer.get("/workflows/drawn/graph/?version=draft")
    assert (answer.status_code, answer.json()["code"], bool(answer.json()["problems"])) == (422, "unreadable", True)
    assert as_designer.get("/workflows/drawn/design/")["Location"] == "/workflows/drawn/edit/"
    assert as_designer.get("/workflows/drawn/graph/?version=7").status_code == 404


def test_a_run_is_drawn_with_where_it_has_been(as_viewer: Client) -> None:
    run = move(start())
    drawn = _drawn(as_viewer, address=f"/runs/{run.id}/graph/")
    ran = {step["id"]: step["ran"] for step in drawn["steps"]}
    assert ran["note"] == {"visits": 1, "word": "Done", "icon": "succeeded", "tone": "good", "select": "1"}
    assert (ran["ask"]["tone"], ran["ask"]["select"], ran["done"], ran["dropped"]) == ("person", "open", None, None)
    assert drawn["visited"] == [["", "note", "start"], ["note", "ask", "next"]]
    resolve.resolve(escalation=run.escalations.get().id, action="drop", values={}, by="otto")
    ended = _drawn(as_viewer, address=f"/runs/{move(run).id}/graph/")
    assert ["ask", "dropped", "actions[1].to"] in ended["visited"], "its deadline leads there too, and was not taken"
    assert next(step["ran"]["tone"] for step in ended["steps"] if step["id"] == "dropped") == "bad", "it ends as a failure"
    assert "free" in drawn["steps"][0] and asking()["id"] == drawn["workflow"]


def test_each_route_that_the_canvas_offers_is_one_that_a_command_draws() -> None:
    for kind, offered in graph_view.OFFERED.items():
        assert set(offered) <= set(places.free({}, kind)), kind
        assert set(offered) <= graph_view.CALLED.keys(), kind


def _fanning() -> dict[str, Any]:
    """Errors in each kind of container, some caught on the way, some that it goes on without, a call of which nobody may know,
    and one in place of another."""
    call = {"type": "llm", "model": "main", "prompt": "Hello", "max_input_tokens": 100, "max_output_tokens": 10}
    look = {**call, "id": "look", "catch": [{"errors": ["timeout"], "to": "break"}]}
    again = {
        "id": "again", "type": "loop", "max": 3, "body": [look], "catch": [{"errors": ["auth"], "to": "done"}], "next": "each",
    }  # fmt: skip
    each = {
        "id": "each", "type": "map", "over": "${[1, 2]}", "max_items": 2, "next": "both",
        "body": [{"id": "inner", "type": "loop", "max": 2, "body": [{**call, "id": "deep"}]}],
    }  # fmt: skip
    arms = [{"id": "left", "body": [{**call, "id": "one"}]}, {"id": "right", "body": [{**call, "id": "two"}]}]
    both = {"id": "both", "type": "parallel", "branches": arms, "catch": [{"errors": ["*"], "to": "post"}], "next": "post"}
    post = {"id": "post", "type": "tool", "tool": "desk", "input": {}, "fallback": [], "next": "sort"}
    sort = {**call, "id": "sort", "fallback": [{"step": "crude"}], "next": "few"}
    crude = {"id": "crude", "type": "set", "values": {"text": "${string(1 / size(run.input))}"}, "next": "done"}
    again_too = {"id": "thrice", "type": "loop", "max": 3, "body": [{**call, "id": "thin"}]}
    few = {**each, "id": "few", "title": "A few", "on_item_error": "skip", "body": [again_too], "next": "some"}
    any_of = [{"id": "slow", "body": [{**call, "id": "three"}]}, {"id": "fast", "body": [{**call, "id": "four"}]}]
    some = {"id": "some", "type": "parallel", "branches": any_of, "join": "any", "next": "done"}
    tool = {"http": {"method": "POST", "url": "https://desk.test/"}, "effect": "irreversible", "input": {"type": "object"}}
    return workflow(again, each, both, post, sort, crude, few, some, end(), id="fanning", tools={"desk": tool})


def _samples() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in installation.definitions()]


def test_where_each_error_goes_is_drawn_as_the_proof_says_and_nothing_else(admin: User) -> None:
    for text in (*_samples(), json.dumps(_fanning())):
        checked = check(text)
        assert checked.plan and checked.proof, checked.problems
        table = checked.proof.as_dict()["errors"]
        drawn = graph_view.graph(checked.plan, proof_view(checked.plan, checked.proof.as_dict()))
        steps = {step["id"]: step for step in drawn["steps"]}
        told = {
            name: {code: way["to"] for way in step["errors"] for code in way["codes"]}
            for name, step in steps.items()
            if step["errors"]
        }
        assert told == table
        for name, step in steps.items():
            for way in step["errors"]:
                assert _ends(steps, name, way, drawn["on_failure"]) == {way["to"]}, (name, way)
    hops = {(name, way["to"]): [tuple(hop) for hop in way["hops"]] for name, step in steps.items() for way in step["errors"]}
    assert hops[("look", "break")] == [("look", "catch[0].to")]
    assert hops[("look", "done")] == [("look", ":fails"), ("again", "catch[0].to")]
    assert hops[("deep", "bad")] == [("deep", ":fails"), ("inner", ":fails"), ("each", ":fails")]
    assert hops[("one", "post")] == [("one", ":fails"), ("both", "catch[0].to")]
    assert hops[("post", "escalation")] == [("post", ":person")]
    assert hops[("crude", "sort")] == [("crude", ":host")]
    assert hops[("thin", "few")] == [("thin", ":fails"), ("thrice", ":fails")]
    assert (hops[("three", "some")], hops[("slow", "some")]) == ([("three", ":fails")], [])
    ends = {name: [way["ends"] for way in steps[name]["errors"]] for name in ("thin", "four", "few")}
    assert (ends["thin"], ends["four"]) == (["A few goes on without the item"], ["Some goes on without the arm"])
    assert ends["few"] == ["the run ends as Bad"]


def _ends(steps: dict[str, Any], name: str, way: dict[str, Any], on_failure: str) -> set[str]:
    """Where the lines of a way come out that lead out of it, followed from the step on."""
    first = steps[name]["parent"] if steps[name]["type"] == "arm" else name
    ends, open_ = {first} & {way["to"]}, [first]
    hops = [tuple(hop) for hop in way["hops"]]
    assert {step for step, _ in hops} <= {name, *_around(steps, name)}
    while open_:
        step = open_.pop()
        for of, route in hops:
            if of != step:
                continue
            written = next((each["to"] for each in steps[of]["routes"] if each["route"] == route), None)
            if written or route == ":person":
                ends.add(written or "escalation")
            elif route == ":host":
                ends.add(way["to"])
            elif outer := next((each for each in _around(steps, of) if steps[each]["type"] != "arm"), ""):
                ends |= {outer} & {way["to"]}
                open_.append(outer)
            else:
                ends.add(on_failure)
    return ends


def _around(steps: dict[str, Any], name: str) -> list[str]:
    found = []
    while name := steps[name]["parent"]:
        found.append(name)
    return found
