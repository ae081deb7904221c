"""Bad answers, as a table: each ends by rule, is classified, and is kept as it came. And values of every size and kind."""

import json
from typing import Any

import pytest

from orchestration.acts import resolve, runs
from orchestration.core.errors import Refused
from orchestration.models import Act, Blob, Call, StepRecord
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import LABEL, ask, tool
from tests.servers import behaviours as b

DEEP = "[" * 100_000 + "]" * 100_000
ROWS: list[tuple[str, b.Behaviour, str, str]] = [
    # what, the answer, the error it is, what the raw answer holds
    ("prose", b.prose(), "invalid_output", "Certainly"),
    ("fenced", b.fenced({"label": "a"}), "", "```json"),
    ("cut off at the limit", b.truncated({"label": "a", "why": "because"}), "invalid_output", "length"),
    ("truncated without a word", b.chat('{"label": "a'), "invalid_output", "label"),
    ("an empty string", b.chat(""), "invalid_output", "chatcmpl-1"),
    ("null", b.chat(None), "invalid_output", "chatcmpl-1"),
    ("an empty body", b.empty(), "invalid_output", ""),
    ("HTML with 200", b.html(), "invalid_output", "Please sign in"),
    ("half of a body", b.cut(), "unavailable", ""),
    ("200 that holds an error", b.error(200, "overloaded, come back"), "unavailable", "overloaded"),
    ("200 that holds a rate limit", b.error(200, "slow down", 429), "rate_limited", "slow down"),
    ("a stream without an end", b.stream([{"content": '{"label": "a"}'}], finish=None, done=False), "*", "label"),
    ("50 MB", b.large(), "too_large", ""),
    ("a bomb", b.bomb(), "too_large", ""),
    ("nested 100,000 deep", b.chat(DEEP), "invalid_output", "[[["),
    ("a body nested 100,000 deep", b.body(DEEP), "invalid_output", "[[["),
    ("NaN", b.chat('{"label": NaN}'), "invalid_output", "NaN"),
    ("1e400", b.chat('{"label": 1e400}'), "invalid_output", "1e400"),
    ("a huge integer", b.chat('{"label": 1' + "0" * 5000 + "}"), "invalid_output", "000"),
    ("a key twice", b.chat('{"label": "a", "label": "b"}'), "*", "label"),
    ("a wrong type", b.chat({"label": 7}), "invalid_output", "7"),
    ("a list", b.chat('["a"]'), "invalid_output", "chatcmpl-1"),
    ("the wrong shape", b.as_json({"choices": [{"message": {"content": ["?"]}}]}), "unavailable", "choices"),
    ("no choices", b.as_json({"choices": []}), "*", "choices"),
    ("a filter", b.chat("", finish="content_filter"), "refused", "content_filter"),
    ("a refusal", b.chat(None, refusal="I can't help with that"), "refused", "help with that"),
    ("a key that is wrong", b.error(401, "bad key"), "auth", "bad key"),
    ("a quota that is spent", b.quota_spent(), "refused", "quota"),
    ("a redirect", b.redirect("http://127.0.0.1:9/"), "*", ""),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "code", "kept"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_models_answer_ends_by_rule_and_is_kept(floor: Floor, answer: b.Behaviour, code: str, kept: str) -> None:
    floor.server.default(answer)
    step = ask(catch=[{"errors": ["*"], "to": "sorry"}], timeout="10s")
    run = floor.run(workflow(step, end({"label": "${steps.classify.label}"}), end({"why": "${error.code}"}, id="sorry")))
    assert run.outcome == "good"
    output = floor.output(run)
    if code == "":
        assert output == {"label": "a"}
    elif code != "*":
        assert output == {"why": code}
    else:
        assert output.keys() <= {"why", "label"}
    call = Call.objects.get(run=run)
    raw = unpack_all([call.response])[0]["raw"]
    assert kept in raw
    assert len(raw) <= 8_000_000
    sentence = floor.records(run)[0]["decision"]["sentence"]
    assert len(sentence) < 500


TOOL_ROWS: list[tuple[str, b.Behaviour, str]] = [
    ("HTML", b.html(), "invalid_output"),
    ("nothing", b.empty(), "invalid_output"),
    ("half of it", b.cut(), "unavailable"),
    ("50 MB", b.large(), "too_large"),
    ("deep", b.body(DEEP), "*"),
    ("NaN", b.body('{"message_id": NaN}'), "*"),
    ("a wrong type", b.as_json({"message_id": 7}), "invalid_output"),
    ("an error of its own", b.as_json({"detail": "no such ticket"}, 422), "refused"),
    ("gone", b.as_json({}, 410), "not_found"),
    ("a rate limit", b.rate_limited(), "rate_limited"),
    ("a quota that is spent", b.quota_spent(), "refused"),
]


@pytest.mark.parametrize(("answer", "code"), [row[1:] for row in TOOL_ROWS], ids=[row[0] for row in TOOL_ROWS])
def test_a_tools_answer_ends_by_rule_and_is_kept(floor: Floor, answer: b.Behaviour, code: str) -> None:
    step, tools = tool(floor, catch=[{"errors": ["*"], "to": "sorry"}])
    floor.server.default(answer, "/tools/send")
    run = floor.run(workflow(step, end(), end({"why": "${error.code}"}, id="sorry"), tools=tools))
    assert run.outcome == "good"
    assert (floor.output(run) == {"why": code}) if code != "*" else "why" in floor.output(run)
    assert Call.objects.get(run=run).finished is not None


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
