"""`llm`: one question to a model; what it answers is parsed tolerantly and checked strictly."""

from collections.abc import Sequence
from typing import Any

from orchestration import llm
from orchestration.core import values
from orchestration.core.acceptance import accept
from orchestration.core.errors import ErrorCode, Unreadable
from orchestration.core.frozen import replace
from orchestration.core.plan import ModelPlan, PlanStep
from orchestration.core.prompt import Message
from orchestration.core.result import Answer, Failure, Request, Result, Usage
from orchestration.llm import tokens
from orchestration.llm.ask import Ask, Place, ProviderSpec, ToolSpec

CUT_OFF = "the answer was cut off at max_output_tokens, {most}; answer more briefly"


def request(
    step: PlanStep, model: ModelPlan, provider: ProviderSpec, asked: Sequence[Message], key: str, timeout: float, place: Place
) -> Request:
    """The exact request. `asked` is the whole conversation."""
    ask = Ask(
        model=model.model,
        messages=tuple(asked),
        tools=_tools(step),
        schema=step.output_schema if step.output is not None else None,
        schema_name=step.id,
        max_output_tokens=step.model.max_output_tokens,
        params={**model.params, **step.model.params},
        timeout=timeout,
        key=key,
        place=place,
    )
    return llm.PROTOCOLS[provider.protocol].build(ask, provider)


def too_long(step: PlanStep, size: int) -> Failure | None:
    """Whether a prompt of `size` tokens exceeds the step's cap."""
    cap = step.model.max_input_tokens
    if cap is None or size <= cap:
        return None
    return Failure(ErrorCode.TOO_LARGE, f"the prompt has about {size} tokens; max_input_tokens is {cap}", sent=False)


def prompt_tokens(step: PlanStep, asked: Sequence[Message]) -> int:
    """At most so many tokens, estimated."""
    return tokens.estimate_messages(asked, _tools(step))


def bound(step: PlanStep, model: ModelPlan, size: int) -> int:
    """The most that an ask of `size` tokens may cost, in nano-dollars; 0 where prices are unknown."""
    return tokens.cost(Usage(size, step.model.max_output_tokens), model.price) or 0


def spent(step: PlanStep, model: ModelPlan, asked: Sequence[Message], answer: Answer, reserved: int = 0) -> tuple[Usage, int]:
    """Tokens and nano-dollars of an answer: as the provider counted them, else estimated, rather too high than too low.

    Nobody charges for what was not sent, nor for an error status. What broke off after it was sent costs what came of it; where
    nothing came the model may have written all the same, so it costs all that was reserved, in nano-dollars.
    """
    failure, said, usage = answer.failure, tokens.estimate(answer.text or ""), answer.usage
    counted = usage.tokens_in is not None and usage.tokens_out is not None
    if failure is not None and not counted and (not failure.sent or (answer.status or 0) >= 300):
        return Usage(0, 0), 0
    if failure is not None and not counted and not said:
        return Usage(prompt_tokens(step, asked), 0), reserved
    tokens_in = prompt_tokens(step, asked) if usage.tokens_in is None else usage.tokens_in
    tokens_out = said if usage.tokens_out is None else usage.tokens_out
    if failure is not None and answer.finish == "broken":
        tokens_out = max(tokens_out, said)  # it was counted before it broke off
    usage = Usage(tokens_in, tokens_out)
    return usage, tokens.cost(usage, model.price) or 0


def _tools(step: PlanStep) -> tuple[ToolSpec, ...]:
    return tuple(ToolSpec(tool.name, tool.description or tool.title, tool.input) for tool in step.tools)


def read(step: PlanStep, given: Any, answer: Answer) -> Result:
    """What the answer means: tool calls (`{text, tool_calls}`, and the `echo` of an answer that has one), or an output that meets
    the contract, or why not."""
    if answer.failure is not None:
        return Result.failed(answer.failure)
    if answer.finish == "length":
        return Result.failed(Failure(ErrorCode.INVALID_OUTPUT, CUT_OFF.format(most=step.model.max_output_tokens)))
    if answer.tool_calls and step.tools:
        calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.tool_calls]
        echo = {"echo": answer.echo} if answer.echo else {}
        return Result.done({"text": answer.text, "tool_calls": calls, **echo})
    if step.output is None:
        text = answer.text or ""
        if not text.strip():
            return Result.failed(Failure(ErrorCode.INVALID_OUTPUT, "the answer is empty"))
        return accept(step, given, {"text": text})
    try:
        found = values.parse_answer(answer.text or "")
    except Unreadable as error:
        return Result.failed(Failure(ErrorCode.INVALID_OUTPUT, error.problems[0].message, problems=error.problems))
    return replace(accept(step, given, found.value), marks=found.under("output"))
