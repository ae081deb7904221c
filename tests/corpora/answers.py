"""What models and tools answer that is no good, and what it is called.

`texts` are what a model says where JSON with a label is due; `bodies` what comes over the wire from anybody, whatever was asked;
`frames` the four ways in which a model's text is brought.
"""

import json
from collections.abc import Callable
from typing import Any

from tests.corpora import values
from tests.servers import CHAT, MESSAGES
from tests.servers import behaviours as b
from tests.servers import messages as m
from tests.servers.behaviours import Behaviour

PROTOCOLS = {"openai": CHAT, "anthropic": MESSAGES}
LABEL = '{"label": %s}'


def _says(protocol: str, streamed: bool) -> Callable[[str, bool], Behaviour]:
    """This text, whole or cut at the limit of tokens."""

    def behaviour(text: str, cut: bool = False) -> Behaviour:
        half = len(text) // 2
        if protocol == "openai":
            finish = "length" if cut else "stop"
            return b.stream([{"content": text[:half]}, {"content": text[half:]}], finish) if streamed else b.chat(text, finish)
        stop = "max_tokens" if cut else "end_turn"
        return m.streams(text, stop=stop) if streamed else m.says(text, stop=stop)

    return behaviour


WAYS: dict[str, tuple[str, Callable[..., Behaviour]]] = {
    f"{protocol}, {'streamed' if streamed else 'whole'}": (protocol, _says(protocol, streamed))
    for protocol in PROTOCOLS
    for streamed in (False, True)
}

TEXTS: dict[str, tuple[str, str, Any]] = {
    # what the model says, the error that it is ("" for none), the label
    "good": ('{"label": "a"}', "", "a"),
    "fenced": ('Here you are:\n```json\n{"label": "a"}\n```\nAnything else?', "", "a"),
    "in prose": ('I would say {"label": "a"}, but look yourself.', "", "a"),
    "with more behind it": ('{"label": "a"}\n{"label": "b"}', "", "a"),
    "after thinking": ('<think>{"label": "b"}?</think>{"label": "a"}', "", "a"),
    "more keys than were asked for": ('{"label": "a", "why": "b"}', "", "a"),
    "a raw NUL and a line break": ('{"label": "a\x00\nb"}', "", "a\ufffd\nb"),
    "prose": ("Certainly! I would say that it is a refund.", "invalid_output", None),
    "HTML": ("<!doctype html><h1>Please sign in</h1>", "invalid_output", None),
    "nothing": ("", "invalid_output", None),
    "blanks": (" \n ", "invalid_output", None),
    "half of it": ('{"label": "a', "invalid_output", None),
    "half of a list of it": ('{"label": "a", "more": [1, 2', "invalid_output", None),
    "thinking without an end": ('<think>{"label": "a"}', "invalid_output", None),
    "another key": ('{"lable": "a"}', "invalid_output", None),
    "an empty object": ("{}", "invalid_output", None),
    "a list of it": ('[{"label": "a"}]', "invalid_output", None),
    "in single quotes": ("{'label': 'a'}", "invalid_output", None),
    "null": ("null", "invalid_output", None),
    "a key twice": ('{"label": "a", "label": "b"}', "invalid_output", None),
    "100,000 lists": ("[" * values.DEEP + "]" * values.DEEP, "invalid_output", None),
}
for _name, _case in values.ALL.items():
    if not any(byte > 127 for byte in _case.text) and _name != "a raw NUL":  # which is read, as above
        _text = _case.within(LABEL).decode()
        TEXTS[f"a label of: {_name}"] = (_text, "invalid_output" if _case.code else "", None if _case.code else _case.becomes)


BODIES: dict[str, tuple[Behaviour, str, str]] = {
    # the behaviour, what it is to a model, and to a tool whose output is an object with a text
    "an empty body": (b.empty(), "invalid_output", "invalid_output"),
    "HTML with 200": (b.html(), "invalid_output", "invalid_output"),
    "HTML with 502": (b.html(502), "unavailable", "unavailable"),
    "prose": (b.body("Done!"), "invalid_output", "invalid_output"),
    "a list": (b.body("[1]"), "invalid_output", "invalid_output"),
    "an object of nothing": (b.body("{}"), "invalid_output", "invalid_output"),
    "half of a body": (b.cut(), "unavailable", "unavailable"),
    "half of a chunked body": (b.cut(announced=None), "unavailable", "unavailable"),
    "half of its JSON": (b.body('{"choices": [{"mess'), "invalid_output", "invalid_output"),
    "a reset": (b.reset(), "unavailable", "unavailable"),
    "a reset in the middle": (b.reset(b'{"a":'), "unavailable", "unavailable"),
    "an error in 200": (b.error(200, "overloaded, come back"), "unavailable", "invalid_output"),
    "a rate limit in 200": (b.error(200, "slow down", 429), "rate_limited", "invalid_output"),
    "a rate limit": (b.rate_limited(), "rate_limited", "rate_limited"),
    "a spent quota": (b.quota_spent(), "refused", "refused"),
    "a wrong key": (b.error(401, "bad key"), "auth", "auth"),
    "gone": (b.as_json({}, 410), "not_found", "not_found"),
    "an error of ours": (b.as_json({"detail": "no such ticket"}, 422), "refused", "refused"),
    "an error with NUL in it": (b.body(r'{"error": {"message": "no\u0000 \ud800 way"}}', 400), "refused", "refused"),
    "a redirect": (b.redirect("http://127.0.0.1:9/"), "refused", "refused"),
    "50 MB": (b.large(), "too_large", "too_large"),
    "50 MB, announced": (b.large(announced=True), "too_large", "too_large"),
    "a compressed bomb": (b.bomb(), "too_large", "too_large"),
    "no gzip": (b.body(b"{}", content_encoding="gzip"), "invalid_output", "invalid_output"),
    "garbage in a stream": (b.events("data: nonsense", "data: [DONE]"), "invalid_output", "invalid_output"),
    "a stream of nothing": (b.events(), "unavailable", "invalid_output"),
    **{
        f"a body of: {name}": (b.body(case.within('{"message_id": %s}')), "invalid_output", "invalid_output")
        for name, case in values.UNREAD.items()
        if case.code != "too_large"
    },
}
ENDLESS: dict[str, Behaviour] = {
    "silence": b.hang(),
    "half, and then silence": b.stall(),
    "a byte every ten seconds": b.drip(10.0),
}
"""What only a deadline ends."""
UNENDED: dict[str, dict[str, Behaviour]] = {
    "openai": {
        "a stream without an end": b.stream([{"content": '{"label": "a"}'}], finish=None, done=False),
        "a stream without a reason": b.stream([{"content": '{"label": "a"}'}], finish=None),
        "an error in the stream": b.events('data: {"choices":[{"delta":{"content":"{"}}]}', 'data: {"error":{"code":502}}'),
    },
    "anthropic": {
        "a stream without an end": m.streams('{"label": "a"}', stop=None, ends=False),
        "a stream without a reason": m.streams('{"label": "a"}', stop=None),
        "an error in the stream": m.streams("{", stop=None, after=[m.problem("overloaded_error")]),
    },
}
"""Of one protocol: whole texts in streams that say nothing of an end. Each is `unavailable`."""


def by_name(answers: dict[str, Behaviour]) -> Behaviour:
    """Answers each request by the name in double angle brackets that stands in it."""

    async def answer(request: Any) -> Any:
        text = (await request.read()).decode()
        name = json.loads(f'"{text.partition("<<")[2].partition(">>")[0]}"')
        return await answers[name](request)

    return answer
