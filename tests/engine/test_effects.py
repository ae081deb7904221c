"""Effects where nobody knows whether they happened, wherever they stand; and what is gone since it was published."""

from collections.abc import Iterator
from typing import Any

import pytest

from orchestration.acts import reach, resolve
from orchestration.core.errors import Conflict, Refused
from orchestration.models import Blob, Call, Provider, Run
from orchestration.models import Tool as ToolRow
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor, _working
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import LABEL, ask, tool
from tests.servers import ScriptedServer
from tests.servers import behaviours as b

ANSWER = {"label": "a"}


def answer(floor: Floor, run: Run, action: str, values: Any = None) -> Run:
    resolve.resolve(escalation=floor.escalation(run).id, action=action, values=values or {}, by="otto")
    return floor.rested(run.id)


class TestToolsOfAModel:
    """The model asks for a mail to be sent, and the answer to that is lost."""

    def lost(self, floor: Floor) -> Run:
        schema = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}
        http = {"method": "POST", "url": f"{floor.server.url}/tools/mail"}
        tools = {"mail": {"http": http, "effect": "irreversible", "output": schema}}
        floor.server.script(b.calls(("mail", {"to": "x"}), ("mail", {"to": "y"})), b.chat(ANSWER))
        floor.server.script(b.error(502), path="/tools/mail")
        run = floor.run(workflow(ask(tools=["mail"], max_rounds=3), end(), tools=tools))
        pause = floor.escalation(run)
        assert (run.status, pause.kind, pause.path) == ("waiting", "unknown", "classify/tool.1.0")
        return run

    def test_a_person_says_that_it_happened_and_the_model_is_told(self, floor: Floor) -> None:
        ended = answer(floor, self.lost(floor), "happened", {"message_id": "m9"})
        assert ended.outcome == "good"
        assert floor.paths(ended)[:4] == ["classify/round.1", "classify/tool.1.0", "classify/tool.1.1", "classify/round.2"]
        assert '\\"m9\\"' in floor.server.seen_at()[1].body
        assert len(floor.server.ledger.effects) == 2

    def test_a_person_says_that_it_did_not_and_it_is_done_again_under_a_new_key(self, floor: Floor) -> None:
        run = self.lost(floor)
        ended = answer(floor, run, "did_not_happen")
        assert ended.outcome == "good"
        visits = [(record["path"], record["visit"]) for record in floor.records(ended)]
        assert visits[1:4] == [("classify/tool.1.0", 1), ("classify/tool.1.0", 2), ("classify/tool.1.1", 1)]
        assert len({call.key for call in Call.objects.filter(run=ended, path__startswith="classify/tool")}) == 3
        assert len(floor.server.seen_at()) == 2, "the model was not asked again"

    def test_an_output_that_breaks_the_tools_contract_keeps_the_pause(self, floor: Floor) -> None:
        run = self.lost(floor)
        with pytest.raises(Refused) as refused:
            answer(floor, run, "happened", {"message_id": 7})
        assert refused.value.problems[0].path == "values.message_id"
        assert floor.escalation(run)


def test_what_is_said_to_have_happened_has_to_meet_the_steps_checks_too(floor: Floor) -> None:
    checks = [{"that": "output.message_id != input.text", "else": "An id is not the text"}]
    step, tools = tool(floor, effect="irreversible", checks=checks)
    floor.server.script(b.error(502), path="/tools/send")
    run = floor.run(workflow(step, end({"id": "${steps.send.message_id}"}), tools=tools))
    with pytest.raises(Refused) as refused:
        answer(floor, run, "happened", {"message_id": "hello"})
    assert refused.value.problems[0].message == "An id is not the text"
    ended = answer(floor, run, "happened", {"message_id": "m1"})
    assert floor.output(ended) == {"id": "m1"}
    assert floor.records(ended)[0]["input"] == {"text": "hello"}


def test_an_unknown_effect_takes_its_own_edge_where_there_is_one(floor: Floor) -> None:
    step, tools = tool(floor, effect="irreversible", on_unknown="sorry", catch=[{"errors": ["*"], "to": "done"}])
    floor.server.script(b.reset(), path="/tools/send")
    run = floor.run(workflow(step, end(), end({"why": "${error.code}"}, id="sorry"), tools=tools))
    assert floor.output(run) == {"why": "unknown"}


@pytest.mark.parametrize("code", ["unavailable", "refused"])
def test_a_call_that_certainly_did_not_leave_is_no_unknown(floor: Floor, code: str) -> None:
    """Nobody listens there any more; or it is an inner address, which the guard lets nobody call."""
    step, tools = tool(floor, effect="irreversible", catch=[{"errors": [code], "to": "sorry"}])
    if code == "refused":
        tools["send_it"]["http"]["url"] = "http://127.0.0.1:9/nobody"
    floor.server.stop()
    run = floor.run(workflow(step, end(), end({"why": "${error.code}"}, id="sorry"), tools=tools))
    assert (floor.output(run), floor.calls(run)) == ({"why": code}, [("send", "attempt", code)])
    assert unpack_all([Call.objects.get(run=run).error])[0]["sent"] is False


class TestPythonTools:
    @pytest.fixture
    def shop(self, transactional_db: None, server: ScriptedServer, settings: Any) -> Iterator[Floor]:
        settings.TOOL_MODULES = ("tests.wire.sample_tools",)
        with _working(Floor(server), settings) as floor:
            yield floor

    def run(self, shop: Floor, how: str) -> Run:
        send = {"id": "send", "type": "tool", "tool": "demo.sends", "input": {"how": how}, "next": "done", "timeout": "20s"}
        send["catch"] = [{"errors": ["*"], "to": "sorry"}]
        return shop.run(workflow(send, end(), end({"why": "${error.code}"}, id="sorry")))

    @pytest.mark.parametrize("how", ["die", "raise", "unknown"])
    def test_an_irreversible_one_that_breaks_off_may_have_happened(self, shop: Floor, how: str) -> None:
        run = self.run(shop, how)
        assert (run.status, shop.escalation(run).kind) == ("waiting", "unknown")
        assert answer(shop, run, "happened", {"any": "thing"}).outcome == "good"

    @pytest.mark.parametrize("how", ["refused", "tool_error", "timeout"])
    def test_one_that_fails_on_purpose_says_that_nothing_happened(self, shop: Floor, how: str) -> None:
        assert shop.output(self.run(shop, how)) == {"why": how}


class TestReconcilable:
    """What may have happened is asked about before it is sent again, and before it is given up."""

    RETRY = {"attempts": 2, "errors": ["unavailable"], "backoff": "10ms"}

    def definition(self, floor: Floor, asked: str = "/effects/${key}", **more: Any) -> dict[str, Any]:
        step, tools = tool(floor, effect="reconcilable", catch=[{"errors": ["*"], "to": "sorry"}], **more)
        tools["send_it"]["reconcile"] = {"method": "GET", "url": f"{floor.server.url}{asked}"}
        sorry = end({"code": "${error.code}", "why": "${error.message}"}, id="sorry")
        return workflow(step, end({"id": "${steps.send.message_id}"}), sorry, tools=tools)

    def seen(self, floor: Floor) -> list[str]:
        return [seen.method for seen in floor.server.seen]

    @pytest.mark.parametrize("retry", [{}, {"retry": RETRY}], ids=["given up", "retried"])
    def test_it_happened_so_it_is_not_sent_again(self, floor: Floor, retry: dict[str, Any]) -> None:
        floor.server.script(b.error(502), path="/tools/send")
        run = floor.run(self.definition(floor, **retry))
        assert floor.output(run) == {"id": "m1"}
        assert self.seen(floor) == ["POST", "GET"]
        told = unpack_all(Call.objects.filter(run=run).order_by("-n").values_list("response", flat=True))[0]
        assert (told["question"]["method"], told["status"]) == ("GET", 200)

    def test_it_did_not_so_the_same_bytes_are_sent_under_the_same_key(self, floor: Floor) -> None:
        floor.server.script(b.error(502), path="/tools/send", effect=False)
        run = floor.run(self.definition(floor, retry=self.RETRY))
        assert floor.output(run) == {"id": "m1"}
        assert self.seen(floor) == ["POST", "GET", "POST"]
        first, second = floor.server.seen_at("/tools/send")
        assert (first.body, first.headers["idempotency-key"]) == (second.body, second.headers["idempotency-key"])

    def test_it_did_not_and_there_is_no_retry_so_it_failed_for_certain(self, floor: Floor) -> None:
        floor.server.script(b.reset(), path="/tools/send", effect=False)
        ended = floor.output(floor.run(self.definition(floor)))
        assert ended["code"] == "unavailable"
        assert ended["why"].endswith("asked, it said that nothing had happened")

    @pytest.mark.parametrize("retry", [{}, {"retry": RETRY}], ids=["given up", "retried"])
    def test_that_can_t_be_told_so_a_person_is_asked(self, floor: Floor, retry: dict[str, Any]) -> None:
        floor.server.script(b.error(502), path="/tools/send")
        floor.server.default(b.error(503), path="/asked")
        run = floor.run(self.definition(floor, "/asked", **retry))
        assert floor.escalation(run).kind == "unknown"
        assert self.seen(floor) == ["POST", "GET"]
        assert answer(floor, run, "happened", {"message_id": "m7"}).outcome == "good"

    def test_what_certainly_did_not_happen_is_sent_again_without_a_question(self, floor: Floor) -> None:
        floor.server.script(b.rate_limited(), path="/tools/send", effect=False)
        run = floor.run(self.definition(floor, retry={**self.RETRY, "errors": ["rate_limited"]}))
        assert run.outcome == "good"
        assert self.seen(floor) == ["POST", "POST"]

    @pytest.mark.parametrize("to", ["x", ".."])
    def test_the_question_about_a_models_call_reads_the_input_of_that_call(self, floor: Floor, to: str) -> None:
        """Where that would lead elsewhere, nothing is asked, and nobody can tell."""
        mail = {"http": {"method": "POST", "url": f"{floor.server.url}/tools/mail"}, "effect": "reconcilable"}
        mail["input"] = {"type": "object", "required": ["to"], "properties": {"to": {"type": "string"}}}
        mail["reconcile"] = {"method": "GET", "url": f"{floor.server.url}/asked/${{input.to}}"}
        floor.server.script(b.calls(("mail", {"to": to})), b.chat(ANSWER))
        floor.server.script(b.error(502), path="/tools/mail")
        floor.server.script(b.as_json({"message_id": "m9"}), path="/asked/x")
        run = floor.run(workflow(ask(tools=["mail"], max_rounds=3), end(), tools={"mail": mail}))
        if to == "..":
            assert floor.escalation(run).kind == "unknown"
            return
        assert run.outcome == "good"
        assert '\\"m9\\"' in floor.server.seen_at()[1].body


def test_a_retry_sends_the_same_bytes_although_the_tool_was_changed_meanwhile(timed: Floor) -> None:
    def put(path: str, **headers: str) -> None:
        http = {"method": "POST", "url": f"{timed.server.url}/tools/{path}", "headers": headers}
        reach.put_tool(name="desk.look", body={"http": http, "effect": "idempotent"}, by="ada")

    put("look", **{"X-Desk": "old"})
    look = {"id": "look", "type": "tool", "tool": "desk.look", "input": {"n": 1}, "next": "done"}
    timed.server.script(b.error(503), path="/tools/look")
    run = timed.start(workflow({**look, "retry": {"attempts": 2, "backoff": "20s"}}, end()))
    timed.given_back(run)
    put("other", **{"X-Desk": "new"})
    timed.advance(30)
    assert timed.ended(run).outcome == "good"
    first, second = timed.server.seen
    assert (first.path, first.body, first.headers["x-desk"]) == (second.path, second.body, second.headers["x-desk"])
    requests = [{**request, "timeout": 0} for request in unpack_all(Call.objects.values_list("request", flat=True))]
    assert requests[0] == requests[1]


class TestInPlace:
    """A model that answers prose, and an irreversible tool that stands in for it."""

    def definition(self, floor: Floor, **more: Any) -> dict[str, Any]:
        http = {"method": "POST", "url": f"{floor.server.url}/tools/desk"}
        tools = {"desk": {"http": http, "effect": "irreversible", "output": LABEL}}
        desk = {"id": "desk", "type": "tool", "tool": "desk", "input": {}, "next": "done"}
        step = ask(fallback=[{"step": "desk"}], **more)
        return workflow(step, desk, end({"label": "${steps.classify.label}"}), tools=tools)

    def test_done_again_after_a_person_it_does_not_climb_the_ladder_from_the_bottom(self, floor: Floor) -> None:
        floor.server.default(b.prose())
        floor.server.script(b.error(502), b.as_json({"label": "b"}), path="/tools/desk")
        run = floor.run(self.definition(floor))
        assert floor.escalation(run).path == "classify/fallback.desk"
        ended = answer(floor, run, "did_not_happen")
        assert floor.output(ended) == {"label": "b"}
        assert floor.paths(ended) == ["classify/fallback.desk", "classify/fallback.desk", "classify", "done"]
        assert len(floor.server.seen_at()) == 1, "the model was asked once"

    def test_what_happened_is_the_answer_of_the_step_that_it_stood_in_for(self, floor: Floor) -> None:
        floor.server.default(b.prose())
        floor.server.script(b.error(502), path="/tools/desk")
        ended = answer(floor, floor.run(self.definition(floor)), "happened", {"label": "a"})
        assert floor.output(ended) == {"label": "a"}
        assert floor.records(ended)[1]["result"] == {"kind": "done", "degraded": True}

    def test_inside_of_a_loop_each_round_has_its_own(self, floor: Floor) -> None:
        floor.server.default(b.prose())
        keywords = {"id": "keywords", "type": "set", "values": {"label": "b"}}
        body = [{**ask(fallback=[{"step": "keywords"}]), "next": "continue"}, keywords]
        loop = {
            "id": "rounds", "type": "loop", "max": 2, "body": body, "carry": {"seen": ""},
            "update": {"seen": "${carry.seen + steps.classify.label}"}, "next": "done",
        }  # fmt: skip
        run = floor.run(workflow(loop, end({"seen": "${steps.rounds.seen}"})))
        assert floor.output(run) == {"seen": "bb"}
        parts = [path for n in (1, 2) for path in (f"rounds[{n}]/classify/fallback.keywords", f"rounds[{n}]/classify")]
        assert floor.paths(run) == [*parts, "rounds", "done"]


class TestGone:
    def test_a_provider_that_was_removed_is_refused_by_rule(self, floor: Floor) -> None:
        definition = workflow(
            ask(catch=[{"errors": ["refused"], "to": "sorry"}]), end(), end({"why": "${error.message}"}, id="sorry")
        )
        first = floor.run(definition)
        Provider.objects.all().delete()
        assert floor.output(floor.another(first)) == {"why": "there is no provider main any more"}

    def test_a_shared_tool_that_was_removed_is_refused_by_rule(self, floor: Floor) -> None:
        http = {"method": "POST", "url": f"{floor.server.url}/tools/look"}
        reach.put_tool(name="desk.look", body={"http": http, "effect": "none"}, by="ada")
        look = {"id": "look", "type": "tool", "tool": "desk.look", "input": {}, "next": "done"}
        definition = workflow(
            {**look, "catch": [{"errors": ["refused"], "to": "sorry"}]}, end(), end({"why": "${error.message}"}, id="sorry")
        )
        first = floor.run(definition)
        assert first.outcome == "good"
        ToolRow.objects.all().delete()
        assert floor.output(floor.another(first)) == {"why": "there is no tool desk.look any more"}

    def test_a_run_that_can_t_be_read_goes_to_a_person_and_holds_nobody_up(self, timed: Floor) -> None:
        form = {"id": "check", "type": "human", "actions": [{"id": "ok", "label": "Fine", "to": "done"}], "deadline": "1d"}
        definition = workflow({**form, "on_deadline": "done"}, end())
        broken = timed.run(definition, {"text": "x" * 9000})
        Blob.objects.filter(hash=broken.input[1:]).delete()
        good = [timed.run(definition).id for _ in range(3)]
        timed.advance(90_000)  # they are all due at once
        for run in good:
            timed.ended(run)
        for deaths in (1, 2):
            timed.until(broken.id, lambda found, deaths=deaths: found.deaths == deaths)
            timed.advance(60)
        found = timed.until(broken.id, lambda found: found.status == "quarantined")
        pause = timed.escalation(found)
        assert (pause.kind, pause.title) == ("quarantine", "This run can't be read")
        with pytest.raises(Conflict, match="can't be read"):
            resolve.resolve(escalation=pause.id, action="retry", values={}, by="otto")
        remove(broken.id)


def remove(run: str) -> None:
    """Takes a run that was broken on purpose out of the sight of the checker."""
    found = Run.objects.get(id=run)
    for rows in (found.calls, found.records, found.escalations):
        rows.all().delete()
    from orchestration.models import Act

    Act.objects.filter(subject=f"run:{run}").delete()
    found.delete()
