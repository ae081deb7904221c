"""What is read from the answer of a tool or a model, or from an event, has been promised by an output contract.

Without one anything may come, and a field that is read may be missing: the run then fails where it is read, and not where the
answer came in. A field that a contract knows to be optional is an error where it is read; one of which no contract says anything
is pointed out here, once for each step that gives it. So is what is read of a model without a contract, which gives `text` alone.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from orchestration.core.errors import Problem
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.graph import Graph, at
from orchestration.core.shape import Shape, root, shapes
from orchestration.core.wording import listed

_NOT_OF_TEXT = re.compile(r'`(?:steps\.([a-z][a-z0-9_]*)|output)` has no "([^"]*)"; there is text')


def check(graph: Graph) -> Iterator[Problem]:
    readers: dict[str, dict[str, str]] = defaultdict(dict)
    for step in graph.plan.steps.values():
        for read in (read for use in step.uses for read in use.reads if not read.guarded):
            if read.path[0] == "steps" and len(read.path) > 2:
                readers[read.path[1]].setdefault(read.path[2], step.label)
    for name, fields in readers.items():
        giving = graph.plan.steps.get(name)
        if giving is not None and giving.type in ("llm", "tool", "wait") and not _in_trouble(graph, giving):
            said = [shape for shape in shapes(root(giving.output_schema)) if shape.said]
            yield from _unpromised(giving, {key: fields[key] for key in fields if not _promised(said, key)})


def once(plan: Plan) -> Iterator[Problem]:
    """What compiling found; in place of each read of what a model without a contract does not give, one problem for the model."""
    wanted: dict[str, dict[str, None]] = defaultdict(dict)
    for problem in plan.problems:
        step = _without_contract(plan, problem)
        if step is None:
            yield problem
        else:
            wanted[step.id][_NOT_OF_TEXT.match(problem.message)[2]] = None  # type: ignore[index]
    for name, fields in wanted.items():
        step = plan.steps[name]
        what = f"{step.label} has no output contract, so it gives `text` alone, and {listed(fields, most=6, join='and')}"
        message = f"{what} {'is' if len(fields) == 1 else 'are'} read of it. Declare an output contract on it."
        yield at(step, "unpromised", message, "output")


def _without_contract(plan: Plan, problem: Problem) -> PlanStep | None:
    """The model that a read asks too much of, for want of a contract."""
    found = _NOT_OF_TEXT.match(problem.message) if problem.code == "unknown_reference" else None
    step = plan.steps.get(found[1] or problem.step or "") if found else None
    return step if step is not None and step.type == "llm" and step.model.output is None else None


def _in_trouble(graph: Graph, step: PlanStep) -> bool:
    """Whether it has no contract because something is wrong with its own, or with its tool, which is a problem already."""
    if step.output_schema:
        return False
    own = graph.plan.workflow.tools.get(getattr(step.model, "tool", ""))
    return bool(step.model.output or (step.type == "tool" and (step.tool is None or (own is not None and own.output))))


def _promised(said: list[Shape], name: str) -> bool:
    """Whether a contract says anything of the field, be it that of all further ones."""
    return any(
        name in shape.properties or name in shape.required or (shape.extra is not None and shape.extra.schema is not True)
        for shape in said
    )


def _unpromised(step: PlanStep, fields: dict[str, str]) -> Iterator[Problem]:
    if not fields:
        return
    reader = next(iter(fields.values()))
    what = f"{reader} reads {listed([f'steps.{step.id}.{name}' for name in fields], most=4, join='and')}, which nothing promises"
    where = f"on the tool {step.tool.name}, or on this step" if step.tool is not None else "on this step"
    message = f"{what}: anything may come back. Declare an output contract {where}, and the answer is checked as it comes in."
    yield at(step, "unpromised", message, "tool" if step.tool is not None else "output", "warning")
