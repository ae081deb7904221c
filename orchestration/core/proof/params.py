"""What `params` of models and steps say that another key says."""

from collections.abc import Iterator

from orchestration.core.errors import Problem
from orchestration.core.params import owned
from orchestration.core.proof.graph import Graph, at

_SO = "which is not theirs to set."


def check(graph: Graph) -> Iterator[Problem]:
    for name, model in graph.plan.workflow.models.items():
        for path, instead in owned(model.params):
            yield Problem("owned_param", f"The params of {name} set {path}, {_SO} {instead}.", f"models.{name}.params.{path}")
    for step in graph.plan.steps.values():
        if step.type == "llm":
            for path, instead in owned(step.model.params):
                yield at(step, "owned_param", f"The params of {step.label} set {path}, {_SO} {instead}.", f"params.{path}")
