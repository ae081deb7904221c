"""Whole runs over Anthropic's messages, on a server that takes what the real one takes and refuses the rest."""

import json
from typing import Any

import pytest

from orchestration import vault
from orchestration.models import Call, Provider
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import LABEL, ask
from tests.servers import MESSAGES
from tests.servers import behaviours as b
from tests.servers import messages as m

pytestmark = pytest.mark.any_database

THOUGHT = {"type": "thinking", "thinking": "", "signature": "c2lnbmVkIGJ5IHRoZSBtb2RlbA=="}


@pytest.fixture
def claude(floor: Floor) -> Floor:
    """The floor with an account that speaks messages, as `claude`."""
    vault.put("llm", "sk-ant-canary")
    plain = {"protocol": "anthropic", "default_model": "claude", "secret": "llm"}
    Provider.objects.create(name="claude", base_url=floor.server.base_url, **plain)
    return floor


def looking(floor: Floor, rounds: int = 4, **more: Any) -> dict[str, Any]:
    """A step that may look something up, asked of the account `claude`."""
    schema = {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}
    http = {"method": "POST", "url": f"{floor.server.url}/tools/look"}
    tools = {"look": {"http": http, "effect": "none", "input": schema}}
    models = {"main": {"provider": "claude"}, "other": {"provider": "main"}}
    step = ask(tools=["look"], max_rounds=rounds, system="You sort.", max_output_tokens=300, **more)
    return workflow(step, end({"label": "${steps.classify.label}"}), tools=tools, models=models)


def script(floor: Floor, *answers: b.Behaviour) -> None:
    floor.server.script(*map(m.checked, answers), path=MESSAGES)


def asked(floor: Floor) -> list[dict[str, Any]]:
    return [json.loads(seen.body) for seen in floor.server.seen_at(MESSAGES)]


def test_a_run_looks_things_up_is_corrected_and_ends(claude: Floor) -> None:
    both = [("look", {"q": "x"}), ("nothing", {})]
    script(claude, m.uses(*both, before=(THOUGHT, "Let me look")), m.says({"label": 7}), m.says(THOUGHT, {"label": "a"}))
    claude.server.default(b.as_json({"found": 3}), "/tools/look")
    run = claude.run(looking(claude, repair={"attempts": 1}))
    assert (run.outcome, claude.output(run)) == ("good", {"label": "a"})
    parts = ["round.1", "tool.1.0", "tool.1.1", "round.2", "round.3"]
    assert claude.paths(run) == [*(f"classify/{part}" for part in parts), "classify", "done"]
    first, second, third = asked(claude)
    assert (first["system"], first["max_tokens"], first["model"]) == ("You sort.", 300, "claude")
    assert first["output_config"]["format"]["schema"] == {**LABEL, "additionalProperties": False}
    said, answered = second["messages"][1:]
    uses = [m.use(name, given, f"toolu_{index}") for index, (name, given) in enumerate(both)]
    assert said == {"role": "assistant", "content": [THOUGHT, m.block("Let me look"), *uses]}
    assert [part["tool_use_id"] for part in answered["content"]] == ["toolu_0", "toolu_1"]
    assert answered["content"][0]["content"] == '{"found":3}'
    assert "there is no tool nothing" in answered["content"][1]["content"]
    assert third["messages"][:3] == second["messages"], "what it was shown once does not change"
    assert [turn["role"] for turn in third["messages"]] == ["user", "assistant", "user", "assistant", "user"]
    counted = [(record["tokens_in"], record["tokens_out"]) for record in claude.records(run) if "/round" in record["path"]]
    assert counted == [(12, 7)] * 3
    assert {seen.headers["authorization"] for seen in claude.server.seen_at(MESSAGES)} == {"Bearer sk-ant-canary"}
    assert "sk-ant-canary" not in str(list(Call.objects.values_list("request", "response")))


def test_a_run_that_began_with_another_server_goes_on_here(claude: Floor) -> None:
    """Its calls have ids that this one refuses, and the same one in each round."""
    strange = {"id": "functions.look:0", "type": "function", "function": {"name": "look", "arguments": '{"q":"x"}'}}
    wrong = {**strange, "function": {"name": "look", "arguments": "{bad"}}
    claude.server.script(*(b.chat(None, "tool_calls", tool_calls=[call]) for call in (strange, wrong)), b.error(503))
    claude.server.default(b.as_json({"found": 3}), "/tools/look")
    script(claude, m.says({"label": "b"}))
    definition = looking(claude, fallback=[{"model": "main"}])
    definition["steps"][0]["model"] = "other"
    run = claude.run(definition)
    assert (run.outcome, claude.output(run)) == ("good", {"label": "b"})
    (body,) = asked(claude)
    calls = [part for turn in body["messages"] for part in turn["content"] if part["type"] == "tool_use"]
    assert [call["input"] for call in calls] == [{"q": "x"}, {"arguments": "{bad"}]


def test_what_one_model_thought_is_not_shown_to_another(claude: Floor) -> None:
    script(claude, m.uses(("look", {"q": "x"}), before=[THOUGHT]), m.fails(529, "overloaded_error"), m.says({"label": "a"}))
    claude.server.default(b.as_json({"found": 3}), "/tools/look")
    definition = looking(claude, fallback=[{"model": "other"}])
    definition["models"]["other"] = {"provider": "claude", "model": "claude-2"}
    assert claude.run(definition).outcome == "good"
    bodies = asked(claude)
    assert THOUGHT in bodies[1]["messages"][1]["content"]
    assert bodies[2]["messages"][1]["content"] == [m.use("look", {"q": "x"}, "toolu_0")]


@pytest.mark.parametrize(
    ("answer", "code", "calls"),
    [
        (m.fails(529, "overloaded_error"), "unavailable", 2),
        (m.fails(429, "rate_limit_error", retry_after="0"), "rate_limited", 2),
        (m.fails(429, "rate_limit_error", "limit", "enforced_spend_limit_reached"), "refused", 1),
        (m.fails(402, "billing_error"), "refused", 1),
        (m.fails(401, "authentication_error"), "auth", 1),
        (m.fails(413, "request_too_large"), "too_large", 1),
        (m.says("par", stop="model_context_window_exceeded"), "too_large", 1),
        (m.says("par", stop="refusal"), "refused", 1),
        (m.streams("par", stop=None), "unavailable", 2),
    ],
)
def test_an_error_is_tried_again_where_that_may_help(claude: Floor, answer: b.Behaviour, code: str, calls: int) -> None:
    claude.server.default(answer, MESSAGES)
    errors = ["timeout", "unavailable", "rate_limited"]
    step = ask(retry={"attempts": 2, "errors": errors, "backoff": "1ms"}, catch=[{"errors": ["*"], "to": "sorry"}])
    models = {"main": {"provider": "claude"}}
    run = claude.run(workflow(step, end(), end({"why": "${error.code}"}, id="sorry"), models=models))
    assert claude.output(run) == {"why": code}
    assert [error for _, _, error in claude.calls(run)] == [code] * calls


def test_sampling_that_the_definition_sets_is_taken(claude: Floor) -> None:
    script(claude, m.says({"label": "a"}))
    models = {"main": {"provider": "claude", "params": {"temperature": 0}}}
    assert claude.run(workflow(ask(), end(), models=models)).outcome == "good"
    (seen,) = claude.server.seen_at(MESSAGES)
    assert (seen.headers["anthropic-version"], json.loads(seen.body)["temperature"]) == ("2023-06-01", 0)
