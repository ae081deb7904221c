"""What the format has and this Interlock does not do yet. It is an error where a run would do other than what is written."""

from collections.abc import Iterator

from orchestration.core.errors import Problem
from orchestration.core.proof.graph import Graph, at

CODE = "not_supported_yet"


def check(graph: Graph) -> Iterator[Problem]:
    workflow = graph.plan.workflow
    if workflow.redact:
        message = "Nothing is redacted yet: what this names would be stored and shown as it is. Keep it out of the run instead."
        yield Problem(CODE, message, "redact")
    if workflow.index:
        message = "Lists of runs can't be filtered by paths yet, so this does nothing. Start runs with labels instead."
        yield Problem(CODE, message, "index", None, "warning")
    if workflow.tests:
        yield Problem(CODE, "Tests are kept with the definition, and can't be run yet.", "tests", None, "warning")
    for step in graph.plan.steps.values():
        if step.type == "human" and step.model.remind is not None:
            message = f"Nobody is reminded of {step.label} yet. Remove this; its deadline holds without."
            yield at(step, CODE, message, "remind")
