"""Bad answers, as a table: each ends by rule, is classified, and is kept as it came. And values of every size and kind."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from orchestration.acts import resolve, runs
from orchestration.core.errors import Refused
from orchestration.models import Act, Blob, Call, Provider, Run, StepRecord
from orchestration.record.pack import unpack_all
from tests.corpora import answers, values
from tests.corpora.returned import RETURNED
from tests.engine.conftest import Floor, _working
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import LABEL, ask, tool
from tests.servers import ScriptedServer
from tests.servers import behaviours as b
from tests.servers import messages as m

ANY = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}}}
SORRY = end({"why": "${error.code}"}, id="sorry")


def asked(floor: Floor, definition: dict[str, Any], names: Iterable[str]) -> dict[str, Run]:
    """A run for each name, all at once; the model or tool finds it in what it is sent."""
    version = publish(definition)
    wanted = {name: runs.start(workflow=version.workflow_id, input={"text": f"<<{name}>>", "n": 0}, by="ada") for name in names}
    found = {name: floor.ended(run) for name, run in wanted.items()}
    assert {run.outcome for run in found.values()} == {"good"}
    return found


def outputs(floor: Floor, found: dict[str, Run]) -> dict[str, Any]:
    return {name: floor.output(run) for name, run in found.items()}


def raw(run: Run) -> str:
    """What is kept of the answer as it came."""
    text: str = unpack_all([Call.objects.get(run=run).response])[0]["raw"]
    assert len(text) <= 4_000_000
    return text


def model(floor: Floor, protocol: str) -> dict[str, Any]:
    """`models` of a definition whose main one speaks that protocol."""
    Provider.objects.create(name="other", protocol=protocol, base_url=floor.server.base_url, default_model="m")
    return {"main": {"provider": "other"}}


def sorting(floor: Floor, protocol: str, **more: Any) -> dict[str, Any]:
    step = ask(output=ANY, catch=[{"errors": ["*"], "to": "sorry"}], timeout="20s", **more)
    return workflow(step, end({"label": "${steps.classify.label}"}), SORRY, models=model(floor, protocol))


@pytest.mark.parametrize("way", answers.WAYS)
def test_what_a_model_says_is_read_or_is_an_error_by_rule_and_is_kept(floor: Floor, way: str) -> None:
    protocol, says = answers.WAYS[way]
    spoken = {name: says(text) for name, (text, _, _) in answers.TEXTS.items()}
    floor.server.default(
        answers.by_name(spoken | {"cut at the limit": says('{"label": "a"}', True)}), answers.PROTOCOLS[protocol]
    )
    found = asked(floor, sorting(floor, protocol), [*spoken, "cut at the limit"])
    wanted = {name: {"why": code} if code else {"label": label} for name, (_, code, label) in answers.TEXTS.items()}
    assert outputs(floor, found) == {**wanted, "cut at the limit": {"why": "invalid_output"}}
    for name, (text, _, _) in answers.TEXTS.items():
        end_of_it = json.dumps(text[len(text) // 2 :][-40:])[1:-1].replace("\\u0000", "")
        assert end_of_it in raw(found[name]).replace("\\u0000", ""), name
        assert len(floor.records(found[name])[0]["decision"]["sentence"]) < 500, name


@pytest.mark.parametrize("protocol", answers.PROTOCOLS)
def test_what_is_no_answer_of_a_model_ends_by_rule(floor: Floor, protocol: str) -> None:
    bodies = {name: (body, code) for name, (body, code, _) in answers.BODIES.items()}
    bodies |= {name: (body, "unavailable") for name, body in answers.UNENDED[protocol].items()}
    floor.server.default(answers.by_name({name: body for name, (body, _) in bodies.items()}), answers.PROTOCOLS[protocol])
    found = asked(floor, sorting(floor, protocol), bodies)
    assert outputs(floor, found) == {name: {"why": code} for name, (_, code) in bodies.items()}
    assert "Please sign in" in raw(found["HTML with 200"])
    assert "label" in raw(found["a stream without an end"])
    assert raw(found["half of a body"]) == '{"half": '
    assert all(len(raw(found[name])) < 70_000 for name in ("50 MB", "50 MB, announced", "a compressed bomb"))


def test_what_is_no_answer_of_a_tool_ends_by_rule(floor: Floor) -> None:
    good = {**values.GOOD, **values.MENDED}
    wrong = {name: b.body(case.within('{"message_id": %s}')) for name, case in values.WRONG.items()}
    floor.server.default(
        answers.by_name(
            {name: body for name, (body, _, _) in answers.BODIES.items()}
            | {name: b.body(case.within('{"message_id": %s}')) for name, case in good.items()}
            | wrong
        ),
        "/tools/send",
    )
    step, tools = tool(floor, input={"text": "${run.input.text}"}, catch=[{"errors": ["*"], "to": "sorry"}], timeout="20s")
    definition = workflow(step, end({"label": "${steps.send.message_id}"}), SORRY, tools=tools)
    found = asked(floor, definition, [*answers.BODIES, *good, *wrong])
    wanted = {name: {"why": code} for name, (_, _, code) in answers.BODIES.items()}
    wanted |= {name: {"label": case.becomes} for name, case in good.items()} | {name: {"why": "invalid_output"} for name in wrong}
    assert outputs(floor, found) == wanted
    assert "Please sign in" in raw(found["HTML with 200"])


def test_what_a_python_tool_gives_back_is_kept_mended_or_an_error(
    transactional_db: None, server: ScriptedServer, settings: Any
) -> None:
    settings.TOOL_MODULES = ("tests.corpora.returned",)
    with _working(Floor(server), settings) as floor:
        step = {"id": "back", "type": "tool", "tool": "corpus.returns", "input": {"which": "${run.input.text}"}, "next": "done"}
        step |= {"catch": [{"errors": ["*"], "to": "sorry"}], "timeout": "60s"}
        version = publish(workflow(step, end({"t": "${steps.back.t}"}), SORRY))
        wanted = {name: runs.start(workflow=version.workflow_id, input={"text": name, "n": 0}, by="ada") for name in RETURNED}
        found = outputs(floor, {name: floor.ended(run) for name, run in wanted.items()})
    assert found == {name: {"why": code} if code else {"t": text} for name, (_, code, text) in RETURNED.items()}


@pytest.mark.parametrize("protocol", answers.PROTOCOLS)
def test_what_never_ends_is_ended_by_the_deadline_of_the_attempt(floor: Floor, protocol: str) -> None:
    """A byte every ten seconds keeps every other limit quiet. What had come is kept, the fallback has its own deadline."""
    floor.server.default(answers.by_name(answers.ENDLESS), answers.PROTOCOLS[protocol])
    step = ask(output=ANY, timeout="300ms", catch=[{"errors": ["timeout"], "to": "sorry"}], fallback=[{"model": "again"}])
    models = model(floor, protocol)
    definition = workflow(step, end(), SORRY, models={**models, "again": {**models["main"], "model": "another"}})
    found = asked(floor, definition, answers.ENDLESS)
    assert outputs(floor, found) == {name: {"why": "timeout"} for name in answers.ENDLESS}
    for name, run in found.items():
        assert [(kind, code) for _, kind, code in floor.calls(run)] == [("attempt", "timeout"), ("fallback", "timeout")], name
        calls = Call.objects.filter(run=run)
        assert {call.deadline - call.intended for call in calls} == {timedelta(milliseconds=300)}
        kept = {unpack_all([call.response])[0]["raw"] for call in calls}
        came = {"half, and then silence": '{"half":', "a byte every ten seconds": " "}.get(name, "")
        assert kept <= {came, ""}, name  # nothing, where a slow machine has not read the first byte by then


def test_a_tool_that_never_ends_may_have_done_it(floor: Floor) -> None:
    floor.server.default(answers.by_name(answers.ENDLESS), "/tools/send")
    wait, catch = "2s", [{"errors": ["*"], "to": "sorry"}]  # long enough to be sent on a slow machine: what was not is no unknown
    step, tools = tool(floor, effect="irreversible", input={"text": "${run.input.text}"}, timeout=wait, catch=catch)
    version = publish(workflow(step, end(), SORRY, tools=tools))
    wanted = [
        runs.start(workflow=version.workflow_id, input={"text": f"<<{name}>>", "n": 0}, by="ada") for name in answers.ENDLESS
    ]
    assert {floor.escalation(floor.rested(run)).kind for run in wanted} == {"unknown"}
    assert len(floor.server.seen_at("/tools/send")) == len(wanted)
    for run in wanted:
        runs.cancel(run=run, by="otto")


ARGUMENTS = '{"q": %s}'


@pytest.mark.parametrize("protocol", answers.PROTOCOLS)
def test_arguments_that_can_t_be_read_are_told_to_the_model_and_no_tool_is_called(floor: Floor, protocol: str) -> None:
    """It may try again, in its next round; here it answers."""
    cases = {name: case for name, case in values.ALL.items() if case.text.isascii() and len(case.text) < 300_000}
    del cases["a raw NUL"]  # which is mended before anybody reads arguments

    async def answer(request: Any) -> Any:
        told = "tool_result" in (text := (await request.read()).decode()) or '"role":"tool"' in text.replace(" ", "")
        name = text.partition("<<")[2].partition(">>")[0]
        given = cases[name].within(ARGUMENTS).decode()
        if protocol == "openai":
            return await (b.chat({"label": "a"}) if told else b.calls(("look", given)))(request)
        return await (m.says({"label": "a"}) if told else m.streams(m.use("look", given), stop="tool_use"))(request)

    floor.server.default(answer, answers.PROTOCOLS[protocol])
    schema = {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}
    http = {"method": "POST", "url": f"{floor.server.url}/tools/look"}
    definition = sorting(floor, protocol, tools=["look"], max_rounds=3)
    found = asked(floor, {**definition, "tools": {"look": {"http": http, "effect": "none", "input": schema}}}, cases)
    assert outputs(floor, found) == {name: {"label": "a"} for name in cases}
    sent = sorted(json.loads(seen.body)["q"] for seen in floor.server.seen_at("/tools/look"))
    assert sent == sorted(case.becomes for case in cases.values() if not case.code)
    for name, case in cases.items():
        result = next(each["result"] for each in floor.records(found[name]) if each["path"].endswith("tool.1.0"))
        assert (result["kind"], result.get("error", {}).get("code", "")) == (
            ("failed", "refused") if case.code else ("done", "")
        ), name


class TestValues:
    ANY = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}}}

    def echo(self, floor: Floor, raw: str) -> Any:
        """What a model's text becomes in the run's output."""
        floor.server.default(b.body(json.dumps(b.completion(raw))))
        run = floor.run(workflow(ask(output=self.ANY), end({"label": "${steps.classify.label}"})))
        assert run.outcome == "good", floor.records(run)[-1]["decision"]["sentence"]
        return floor.output(run)["label"]

    @pytest.mark.parametrize(
        ("text", "becomes"),
        [('{"label": "a\\u0000b"}', "a\ufffdb"), ('{"label": "a\\ud800b"}', "a\ufffdb"), ('{"label": "\\ud83d\\ude00"}', "😀")],
        ids=["NUL", "lone surrogate", "pair"],
    )
    def test_what_no_store_can_keep_becomes_one_value_everywhere(self, floor: Floor, text: str, becomes: str) -> None:
        assert self.echo(floor, text) == becomes

    def test_where_that_was_done_is_kept_with_the_call_and_with_what_was_made_of_it(self, floor: Floor) -> None:
        """In a run's input, in answers of a model and of a tool, in what a model gives a tool, and in what a person says."""
        bad, text = "a\x00b", {"type": "object", "required": ["t"], "properties": {"t": {"type": "string"}}}
        look, tools = tool(floor, "look", next="check")
        tools |= {"note": {**tools["look_it"], "http": {"method": "POST", "url": f"{floor.server.url}/tools/note"}}}
        tools["look_it"]["output"] = text
        sort = ask(output=text, tools=["note"], max_rounds=3, next="look")
        actions = [{"id": "ok", "label": "Fine", "to": "done", "form": "required"}]
        check = {"id": "check", "type": "human", "actions": actions, "form": text, "deadline": "1d", "on_deadline": "done"}
        floor.server.script(b.calls(("note", {"to": [bad]})), b.chat({"t": bad}))
        floor.server.default(b.as_json({"t": bad}), path="/tools/look")
        run = floor.run(workflow(sort, look, check, end(), tools=tools), {"text": bad})
        resolve.resolve(escalation=floor.escalation(run).id, action="ok", values={"t": bad}, by="otto")
        run = floor.ended(run.id)
        calls = Call.objects.filter(run=run).order_by("id")
        mended = [unpack_all([call.response])[0].get("mended") for call in calls]
        assert mended == [None, None, ["output.t"], ["output.t"]]
        assert [record["result"].get("mended") for record in floor.records(run)] == [
            None, ["input.to[0]"], ["output.t"], None, ["output.t"], ["output.values.t"], None,
        ]  # fmt: skip
        assert floor.records(run)[5]["output"]["values"] == {"t": "a\ufffdb"}
        acts = Act.objects.filter(subject=f"run:{run.id}").order_by("number")
        assert [unpack_all([act.detail])[0]["mended"] for act in acts] == [["input.text"], ["values.t"]]

    def test_a_worker_that_takes_a_run_over_knows_it_still(self, timed: Floor) -> None:
        timed.server.script(b.chat('{"label": 7, "x": "\\u0000"}'), b.error(503), b.chat('{"label": "\\u0000"}'))
        retry = {"attempts": 2, "backoff": "1h", "errors": ["unavailable"]}
        run = timed.start(workflow(ask(output=self.ANY, repair={"attempts": 1}, retry=retry), end()))
        timed.given_back(run, after=2)
        mended = [unpack_all([call.response])[0].get("mended") for call in Call.objects.filter(run=run).order_by("n")]
        assert mended == [["output.x"], None]
        timed.advance(3600)
        assert timed.records(timed.ended(run))[0]["result"] == {"kind": "done", "mended": ["output.label"]}

    def test_an_error_message_of_the_other_side_is_cleaned_too(self, floor: Floor) -> None:
        floor.server.default(b.body('{"error": {"message": "no\\u0000 \\ud800 way", "code": "x"}}', 400))
        step = ask(catch=[{"errors": ["*"], "to": "sorry"}])
        run = floor.run(workflow(step, end(), end({"why": "${error.message}"}, id="sorry")))
        kept = unpack_all([text for row in Call.objects.values_list("error", "response") for text in row])
        for text in (kept[0]["message"], kept[1]["failure"]["message"], kept[1]["raw"], floor.output(run)["why"]):
            assert "way" in text and "\x00" not in text and text.encode()

    @pytest.mark.parametrize("size", [3_900, 4_100, 300_000])
    def test_big_values_go_through_blobs_and_come_back_whole(self, floor: Floor, size: int) -> None:
        """As input, as a model's answer, as the carry of a loop and as the run's output."""
        big = "ä" * size
        floor.server.default(b.chat({"label": big}))
        body = [{"id": "keep", "type": "set", "values": {"text": "${carry.text}"}}]
        loop = {
            "id": "rounds", "type": "loop", "max": 2, "carry": {"text": "${steps.classify.label}"},
            "update": {"text": "${steps.keep.text}"}, "body": body, "next": "done",
        }  # fmt: skip
        steps = [ask(output=self.ANY, next="rounds", max_output_tokens=400_000), loop, end({"text": "${steps.rounds.text}"})]
        run = floor.run(workflow(*steps), {"text": big})
        assert floor.output(run) == {"text": big}
        assert big in json.loads(floor.server.seen_at()[0].body)["messages"][-1]["content"]
        assert Blob.objects.exists()
        rows = StepRecord.objects.values_list("input", "output", "decision", "position")
        assert max(len(text) for row in rows for text in row) <= 4_000

    @pytest.mark.parametrize("number", [1e300, 2.0**63])
    def test_a_whole_number_beyond_64_bits_is_refused_at_every_door(self, floor: Floor, number: float) -> None:
        """A run's input, a model's answer, a tool's, a person's: the same sentence, and nothing breaks."""
        schema = {"type": "object", "required": ["i"], "properties": {"i": {"type": "integer"}}}
        says = "must be a whole number that fits in 64 bits"
        look, tools = tool(floor, "look", catch=[{"errors": ["invalid_output"], "to": "check"}])
        tools["look_it"]["output"] = schema
        sort = ask(output=schema, input={}, prompt="Count", catch=[{"errors": ["invalid_output"], "to": "look"}])
        check = {
            "id": "check", "type": "human", "actions": [{"id": "ok", "label": "Fine", "to": "done", "form": "required"}],
            "form": schema, "deadline": "1d", "on_deadline": "done",
        }  # fmt: skip
        floor.server.default(b.chat(json.dumps({"i": number})))
        floor.server.default(b.as_json({"i": number}), path="/tools/look")
        definition = workflow(sort, look, check, end(), tools=tools, input=schema)
        with pytest.raises(Refused, match=says):
            floor.start(definition, {"i": number})
        run = floor.rested(runs.start(workflow="sample", input={"i": 2.0**63 - 1024}, by="ada"))
        assert [code for _, _, code in floor.calls(run)] == ["invalid_output", "invalid_output"]
        errors = [record["result"]["error"]["message"] for record in floor.records(run)]
        assert all(error.startswith(f"output.i: {says}") for error in errors)
        pause = floor.escalation(run)
        with pytest.raises(Refused, match=f"values.i: {says}"):
            resolve.resolve(escalation=pause.id, action="ok", values={"i": number}, by="otto")
        resolve.resolve(escalation=pause.id, action="ok", values={"i": 7.0}, by="otto")
        assert floor.ended(run.id).outcome == "good"

    def test_numbers_keep_their_type_and_value(self, floor: Floor) -> None:
        schema = {"type": "object", "required": ["i", "x"], "properties": {"i": {"type": "integer"}, "x": {"type": "number"}}}
        floor.server.default(b.chat('{"i": 9007199254740993, "x": 3}'))
        run = floor.run(workflow(ask(output=schema), end({"i": "${steps.classify.i + 1}", "x": "${steps.classify.x / 2.0}"})))
        assert floor.output(run) == {"i": 9007199254740994, "x": 1.5}


def test_each_broken_answer_of_a_ladder_is_kept(floor: Floor) -> None:
    floor.server.script(b.prose("one"), b.chat('{"label": "z"}'), b.html(), b.chat({"label": "b"}))
    step = ask(repair={"attempts": 2}, fallback=[{"model": "small"}], output=LABEL)
    run = floor.run(workflow(step, end()))
    assert run.outcome == "good"
    raws = [unpack_all([call.response])[0]["raw"] for call in Call.objects.filter(run=run).order_by("n")]
    assert [word in raw for word, raw in zip(("one", "z", "sign in", "b"), raws, strict=True)] == [True] * 4
