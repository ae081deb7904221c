"""What tools do to the world, under retries, fallbacks, loops and in the hands of a model; and what tools need."""

from collections.abc import Iterator

from orchestration.core import headers
from orchestration.core.catalog import Tool
from orchestration.core.errors import ErrorCode, Problem
from orchestration.core.plan import PlanStep, secret_names
from orchestration.core.proof.graph import Graph, at
from orchestration.core.wording import did_you_mean, listed, with_stop

SURELY_NOT = frozenset((ErrorCode.RATE_LIMITED, ErrorCode.AUTH, ErrorCode.NOT_FOUND, ErrorCode.REFUSED))
"""Errors by which the other side says that it did nothing. After any other, an irreversible call may have happened."""


def check(graph: Graph) -> Iterator[Problem]:
    for step in graph.plan.steps.values():
        if step.type == "tool" and step.tool is not None:
            yield from _tool(graph, step, step.tool)
        elif step.type == "llm":
            yield from _model_with_tools(step)
        if step.type in ("llm", "tool"):
            yield from _retries(step)
            yield from _fallbacks(graph, step)
    yield from _secrets(graph)
    for name, own in graph.plan.workflow.tools.items():
        for key, call in (("http", own.http), ("reconcile", own.reconcile)):
            yield from headers.problems(call.headers, f"tools.{name}.{key}.headers") if call else ()


def _tool(graph: Graph, step: PlanStep, tool: Tool) -> Iterator[Problem]:
    model = step.model
    if model.repair.attempts:
        message = f"{step.label} is a tool, which can't be told what was wrong with its answer. Use retry, or a fallback."
        yield at(step, "tool_repair", message, "repair")
    if tool.effect == "irreversible":
        yield from _irreversible(graph, step, tool)


def _irreversible(graph: Graph, step: PlanStep, tool: Tool) -> Iterator[Problem]:
    model = step.model
    unsafe = [code for code in model.retry.errors if code not in SURELY_NOT and code != "unknown"]
    if model.retry.attempts > 1 and unsafe:
        message = f"{step.label} can't be undone, and after {listed(unsafe)} it may have happened already. "
        message += f"Retry on {listed(sorted(SURELY_NOT))} only, or give {tool.name} an effect that may be repeated."
        yield at(step, "irreversible_retry", message, "retry")
    if model.fallback:
        message = f"{step.label} can't be undone, so its fallback isn't taken while nobody knows whether it happened. "
        then = f"The run goes to {model.on_unknown}." if model.on_unknown else "A person is asked."
        yield at(step, "irreversible_fallback", message + then, "fallback", "info")
    loop = next((graph.plan.steps[name] for name in graph.plan.chain(step.level)[:-1]), None)
    if loop is not None and loop.type == "loop" and loop.model.max > 1:
        message = f"{step.label} can't be undone, and happens once in each round of {loop.label}, up to {loop.model.max} times. "
        yield at(step, "irreversible_in_loop", f"{message}Move it behind the loop if once is meant.", "tool", "warning")


def _model_with_tools(step: PlanStep) -> Iterator[Problem]:
    model = step.model
    if model.tools and model.max_rounds is None:
        message = f"{step.label} has tools and no max_rounds. Say how many times the model may be called at most."
        yield at(step, "no_max_rounds", message, "max_rounds")
    if model.max_rounds is not None and not model.tools:
        message = f"{step.label} has max_rounds and no tools, so there is one round. Remove it, or name tools."
        yield at(step, "never_taken", message, "max_rounds", "warning")
    taken: dict[str, str] = {}
    for index, name in enumerate(model.tools):
        wire = name.replace(".", "__")
        if wire in taken:
            message = f"{step.label} offers {taken[wire]} and {name}, which are both {wire} to the model. Rename or remove one."
            yield at(step, "tool_name_collision", message, f"tools[{index}]")
        taken.setdefault(wire, name)
    for tool in step.tools:
        if tool.effect == "irreversible":
            yield from _in_a_models_hands(step, tool)


def _in_a_models_hands(step: PlanStep, tool: Tool) -> Iterator[Problem]:
    key = f"tools[{step.model.tools.index(tool.name)}]"
    message = f"In {step.label} the model decides whether and how often {tool.name} happens, and it can't be undone. "
    yield at(step, "irreversible_by_model", f"{message}Call it in a step of its own if that is too much.", key, "warning")


def _retries(step: PlanStep) -> Iterator[Problem]:
    if "unknown" in step.model.retry.errors:
        message = f"{step.label} would retry on unknown, which is never retried: nobody knows whether it happened. Remove it."
        yield at(step, "retry_unknown", message, "retry.errors")


def _fallbacks(graph: Graph, step: PlanStep) -> Iterator[Problem]:
    for index, fallback in enumerate(step.model.fallback):
        other = graph.plan.steps.get(fallback.step or "")
        if other is None:
            continue
        why = None
        if other.id == step.id:
            why = "is the step itself"
        elif other.type not in ("llm", "tool", "set"):
            why = f"is a {other.type}, and only an llm, a tool or a set can answer in place of another step"
        elif other.type == "llm" and other.model.tools:
            why = "is an llm with tools, whose rounds can't run in place of another step"
        if why:
            message = f"{step.label} falls back to {other.label}, which {why}. Name another."
            yield at(step, "bad_fallback", message, f"fallback[{index}].step")
        elif other.id not in graph.reached and getattr(other.model, "fallback", None):
            message = f"{other.label} runs only in place of {step.label}, where its own fallback is not followed. "
            yield at(other, "never_taken", f"{message}Add it to {step.label}'s.", "fallback", "warning")


def _secrets(graph: Graph) -> Iterator[Problem]:
    """Own tools, reconciliation and secrets: of each tool that a step uses, once."""
    told: set[tuple[str, str]] = set()
    own = graph.plan.workflow.tools
    for step in graph.plan.steps.values():
        for tool in (*step.tools, *([step.tool] if step.tool else ())):
            path = f"tools.{tool.name}" if tool.name in own else f"{step.place}.tool{'s' if step.type == 'llm' else ''}"
            who = None if tool.name in own else step.id
            for secret in _named(tool):
                if secret not in graph.plan.catalog.secrets and (tool.name, secret) not in told:
                    hint = did_you_mean(secret, graph.plan.catalog.secrets)
                    message = f"{tool.name} needs the secret {secret}, and there is none of that name{hint}"
                    message = f"{with_stop(message)} Add it."
                    yield Problem("unknown_secret", message, path, who, "warning")
                told.add((tool.name, secret))
            if tool.effect == "reconcilable" and tool.reconcile is None and (tool.name, "") not in told:
                message = f"{tool.name} is reconcilable and has no `reconcile`. Say which call tells whether it happened."
                yield Problem("no_reconcile", message, path, who)
                told.add((tool.name, ""))


def _named(tool: Tool) -> list[str]:
    templates = [template for template in (tool.http, tool.reconcile) if template is not None]
    return secret_names([[template.url, [text for _, text in template.headers], template.body] for template in templates])
