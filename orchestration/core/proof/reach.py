"""Calls that would be refused: to inner addresses that the installation does not let through."""

from collections.abc import Iterator

from orchestration.core.catalog import Tool
from orchestration.core.errors import Problem
from orchestration.core.inner import out_of_reach
from orchestration.core.proof.graph import Graph, at


def check(graph: Graph) -> Iterator[Problem]:
    """A warning for each tool that a step names, at the tool where it is the definition's own, else at the step."""
    reach, own = graph.plan.catalog.reach, graph.plan.workflow.tools
    if reach is None:
        return
    for name, tool in own.items():
        for key, call in (("http", tool.http), ("reconcile", tool.reconcile)):
            if call is not None and (place := out_of_reach(call.url, reach)):
                yield Problem("out_of_reach", _sentence(name, place), f"tools.{name}.{key}.url", None, "warning")
    for step in graph.plan.steps.values():
        named = [("tool", step.tool), *((f"tools[{index}]", tool) for index, tool in enumerate(step.tools))]
        for key, shared in named:
            if shared is not None and shared.name not in own and (place := _place(shared, reach)):
                yield at(step, "out_of_reach", _sentence(shared.name, place), key, "warning")


def _place(tool: Tool, reach: frozenset[tuple[str, int]]) -> str:
    calls = [call for call in (tool.http, tool.reconcile) if call is not None]
    return next((place for call in calls if (place := out_of_reach(call.url, reach))), "")


def _sentence(name: str, place: str) -> str:
    return f"{name} calls {place}, an inner address: each call is refused until INTERLOCK_REACH lists it."
