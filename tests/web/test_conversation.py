"""Calls as people read them: the messages that a model was sent, whichever protocol they went by."""

import json
from datetime import UTC, datetime

import pytest

from dashboard.conversation import Asked, Message, shown
from orchestration.core.result import ToolCall
from orchestration.llm import PROTOCOLS
from orchestration.llm.ask import Ask, ProviderSpec
from orchestration.llm.ask import Message as Sent
from orchestration.queries.records import CallView

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
TALK = (
    Sent("system", "You sort."),
    Sent("user", "Which?"),
    Sent("assistant", "Let me look", (ToolCall("c1", "look", '{"q": "x"}'), ToolCall("c2", "look", "{}"))),
    Sent("tool", "one", tool_call_id="c1"),
    Sent("tool", "two", tool_call_id="c2"),
)
ASKED = (Asked("look", '{"q": "x"}'), Asked("look", "{}"))
TOLD = [Message("system", "You sort."), Message("user", "Which?"), Message("assistant", "Let me look", ASKED)]


def call(protocol: str, body: str) -> CallView:
    return CallView(
        "ask", 1, 1, 0, 0, "attempt", protocol, "main", "none", "k", T0, T0, T0, 1, 1, 0, {"body": body}, None, None, None, None
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_conversation_reads_the_same_whatever_it_was_sent_as(protocol: str) -> None:
    request = PROTOCOLS[protocol].build(Ask("m1", TALK), ProviderSpec("main", protocol, "https://models.example/v1"))
    found = shown(call(protocol, request.body))
    assert (found.model, list(found.messages[:3])) == ("m1", TOLD)
    answers = found.messages[3:]
    assert {message.role for message in answers} == {"tool"}
    assert "\n".join(message.content for message in answers) == "one\ntwo"


def test_parts_that_are_no_text_are_shown_as_they_stand() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": "c2ln"}
    talk = [{"role": "assistant", "content": [thought, {"type": "text", "text": "x"}]}, {"role": "user", "content": "y"}]
    found = shown(call("anthropic", json.dumps({"model": "m", "messages": talk})))
    assert [(message.role, message.content) for message in found.messages] == [
        ("assistant", f"{json.dumps(thought)}\nx"),
        ("user", "y"),
    ]
