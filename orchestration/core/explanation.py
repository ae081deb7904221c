"""P7: a condition on these values as plain data, small enough to stand in a record. Decisions keep these, sentences and pages are
told from them.

    {held, text, operands: [{path, value, present}], comparisons: [{text, left, op, right, held, margin}]}

Who wrote each operand is added where it is known: `by`, and `seq` of the step record.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from orchestration.core import values
from orchestration.core.expression import Condition
from orchestration.core.plan import PlanStep

Explained = dict[str, Any]


def explain(condition: Condition, env: Mapping[str, Any]) -> Explained:
    """Why the condition came out as it did, held or not. Never raises: where it fails it does not hold."""
    found = condition.explain(env)
    return {
        "held": found.value is True,
        "text": condition.text,
        "operands": [{"path": o.path, "value": cut(o.value), "present": o.present} for o in found.operands],
        "comparisons": [
            {"text": c.text, "left": cut(c.left), "op": c.op, "right": cut(c.right), "held": c.held, "margin": c.margin}
            for c in found.comparisons
        ],
    }


def checks(step: PlanStep, given: Any, output: Any) -> tuple[Explained, ...]:
    """Each of the step's checks on its input and an output, with its place as `rule`."""
    env = {"input": given, "output": output}
    return tuple({"rule": f"{step.place}.checks[{index}]", **explain(each, env)} for index, each in enumerate(step.checks))


def cut(value: Any, size: int = 200) -> Any:
    """A value small enough to stand in a decision."""
    if isinstance(value, str):
        return value if len(value) <= size else value[:size] + "…"
    if isinstance(value, list | dict):
        if len(value) <= 20 and len(values.dump(value)) <= size:
            return value
        return f"{'list' if isinstance(value, list) else 'object'} of {len(value)}"
    return value


def distinct(operands: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Each place once, with the value that was seen last."""
    return tuple({operand["path"]: operand for operand in operands}.values())
