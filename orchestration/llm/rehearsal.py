"""Scripted answers, so that a workflow can be shown and tried without a model. Nothing leaves this process.

The script is data that ships with a sample, in the provider's options:

    speed: 1                                   every delay times this; 0 in tests
    scripts:
      support_triage:                          a workflow's id; "*" is any
        - step: classify                       a step's id
          when: refund                         a text that stands in the last user message, case aside; or a list of them, all
          matches: 'Order (?P<order>\\w+)'      or a regular expression on it; `\\g<order>` in the reply is what it found
          path: refine[2]/critique             this very place
          visit: 1                             the n-th visit, its n-th call, its n-th round of tools
          call: 2
          round: 1
          reply: {label: refund, confidence: 0.93}     JSON, or a text that is sent as it stands
          tools: [{name: crm.get_customer, arguments: {id: "7"}}]
          error: rate_limited                  an error of the closed list instead; retry_after in seconds
          finish: length                       else complete, or tool where there are tools
          seconds: 0.6                         how long it takes
          tokens: {in: 410, out: 38}           else estimated

The first rule that fits is the answer. Of a path the step and the numbers count, and not what the containers are called. A step
that no rule names has another id than when the script was written, or is new: the rules of the one step whose scripted replies
all keep its contract answer it (`script` in the record says whose). Where none fits, the answer is an example made from the
schema (`made_up`), so that anyone's own workflow can be rehearsed. The rule is chosen when the request is built and stands in it:
the record shows why an answer came, and the same request always gets the same answer.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from orchestration.core.contract import contract, example
from orchestration.core.errors import ErrorCode
from orchestration.core.prompt import Message
from orchestration.core.result import Answer, Failure, Request, ToolCall, Usage
from orchestration.core.values import dump, load
from orchestration.door import Door
from orchestration.llm.ask import Ask, ProviderSpec
from orchestration.llm.tokens import estimate, estimate_messages

_NUMBERS = re.compile(r"\[(\w+)\]")
_SEARCHED = 20_000  # characters of a message that a regular expression is tried on
_DEFAULT_SECONDS = 0.4


def build(ask: Ask, provider: ProviderSpec) -> Request:
    """The question and the scripted answer to it, as the exact request."""
    scripts = provider.options.get("scripts", {})
    rules = [*scripts.get(ask.place.workflow, ()), *scripts.get("*", ())]
    said = next((m.content or "" for m in reversed(ask.messages) if m.role == "user"), "")[:_SEARCHED]
    answer = _scripted(rules, ask, said) or {**_example(ask), "made_up": True}
    seconds = float(answer.get("seconds", _DEFAULT_SECONDS)) * float(provider.options.get("speed", 1))
    question = {
        **asdict(ask.place),
        "model": ask.model or provider.default_model,
        "messages": [_shown(message) for message in ask.messages],
        "tools": [tool.name for tool in ask.tools],
        "schema": dict(ask.schema) if ask.schema is not None else None,
        "max_output_tokens": ask.max_output_tokens,
        "params": dict(ask.params),
        "tokens_in": estimate_messages(ask.messages, ask.tools),
    }
    body = dump({"question": question, "scripted": {**answer, "seconds": seconds}})
    return Request(protocol="rehearsal", target=provider.name, method="", body=body, timeout=ask.timeout, key=ask.key)


async def perform(request: Request, secrets: Mapping[str, str], door: Door | None) -> Answer:
    """The scripted answer after the scripted time. Needs neither secrets nor the door."""
    record = load(request.body or "{}")
    scripted = record["scripted"]
    try:
        async with asyncio.timeout(request.timeout):
            await asyncio.sleep(scripted["seconds"])
    except TimeoutError:
        return Answer(
            Failure(ErrorCode.TIMEOUT, f"the rehearsed answer takes longer than {request.timeout:g} s"), finish="broken"
        )
    return _answer(scripted, record["question"]["tokens_in"])


def _answer(scripted: Mapping[str, Any], tokens_in: int) -> Answer:
    if "error" in scripted:
        code = ErrorCode(scripted["error"])
        failure = Failure(code, scripted.get("message", f"the script says {code}"), retry_after=scripted.get("retry_after"))
        return Answer(failure, finish="broken", usage=Usage(0, 0), raw=dump(scripted))
    reply = scripted.get("reply")
    text = reply if isinstance(reply, str) or reply is None else dump(reply)
    calls = tuple(
        ToolCall(f"call_{index}", tool["name"], _arguments(tool.get("arguments", {})))
        for index, tool in enumerate(scripted.get("tools", ()))
    )
    counted = scripted.get("tokens", {})
    out = estimate((text or "") + "".join(call.name + call.arguments for call in calls))
    return Answer(
        text=text,
        tool_calls=calls,
        finish=scripted.get("finish", "tool" if calls else "complete"),
        usage=Usage(counted.get("in", tokens_in), counted.get("out", out)),
        raw=dump(scripted),
    )


def _arguments(given: Any) -> str:
    return given if isinstance(given, str) else dump(given)


def _scripted(rules: Sequence[Mapping[str, Any]], ask: Ask, said: str) -> dict[str, Any] | None:
    named: dict[str, list[Any]] = {}
    for rule in rules:
        named.setdefault(_step(rule), []).append(rule.get("reply"))
    step, script = ask.place.step, ask.place.step
    if step not in named and ask.schema is not None:
        alike = [name for name, replies in named.items() if name and _keep(replies, ask.schema)]
        script = alike[0] if len(alike) == 1 else step
    for rule in rules:
        if _fits(rule, ask, said, script):
            return _filled(rule, said) if script == step or not _step(rule) else {**_filled(rule, said), "script": script}
    return None


def _step(rule: Mapping[str, Any]) -> str:
    """The step that a rule is for; "" where it is for any."""
    return str(rule["step"]) if "step" in rule else _spot(rule["path"])[0] if "path" in rule else ""


def _spot(path: object) -> tuple[str, list[str]]:
    """The step of a path and the numbers in it, which say which it is: an id stands once in a workflow."""
    return str(path).rpartition("/")[2].removeprefix("fallback.").partition("[")[0], _NUMBERS.findall(str(path))


def _keep(replies: Sequence[Any], schema: Mapping[str, Any]) -> bool:
    """Whether the scripted answers that are objects are all that the contract asks for, and no more."""
    objects = [reply for reply in replies if isinstance(reply, dict)]
    known = schema.get("properties")
    if not objects or not isinstance(known, dict):
        return False
    return all(reply.keys() <= known.keys() and not contract(dict(schema)).check(reply) for reply in objects)


def _fits(rule: Mapping[str, Any], ask: Ask, said: str, script: str) -> bool:
    """`script`: the step whose rules answer the question."""
    if any(key in rule and rule[key] != getattr(ask.place, key) for key in ("visit", "call", "round")):
        return False
    if rule.get("step", script) != script or ("path" in rule and _spot(rule["path"]) != (script, _spot(ask.place.path)[1])):
        return False
    when = rule.get("when", ())
    if not all(text.casefold() in said.casefold() for text in ([when] if isinstance(when, str) else when)):
        return False
    return "matches" not in rule or re.search(rule["matches"], said) is not None


def _filled(rule: Mapping[str, Any], said: str) -> dict[str, Any]:
    """The rule with what its expression found in place of `\\g<name>`."""
    found = re.search(rule["matches"], said) if "matches" in rule else None
    kept = {key: value for key, value in rule.items() if key not in ("step", "path", "when", "matches", "visit", "call", "round")}
    return kept if found is None else _substituted(kept, {name: text or "" for name, text in found.groupdict().items()})


def _substituted(value: Any, groups: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\\g<(\w+)>", lambda mark: groups.get(mark[1], mark[0]), value)
    if isinstance(value, Mapping):
        return {key: _substituted(inner, groups) for key, inner in value.items()}
    return [_substituted(inner, groups) for inner in value] if isinstance(value, list) else value


def _example(ask: Ask) -> dict[str, Any]:
    if ask.schema is not None:
        return {"reply": example(dict(ask.schema))}
    return {"reply": f"This is a rehearsed answer to the step {ask.place.step or 'that asks'}."}


def _shown(message: Message) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        shown["tool_calls"] = [asdict(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        shown["tool_call_id"] = message.tool_call_id
    return shown
