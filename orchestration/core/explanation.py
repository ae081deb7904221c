"""P7: a condition on these values as plain data, small enough to stand in a record. Decisions keep these, sentences and pages are
told from them.

    {held, text, operands: [{path, value, present}], comparisons: [{text, left, op, right, held, margin}]}

Who wrote each operand is added where it is known: `by`, and `seq` of the step record.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestration.core import values
from orchestration.core.errors import ErrorCode
from orchestration.core.expression import Condition
from orchestration.core.plan import PlanStep
from orchestration.core.wording import Sized

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


def taking(codes: Sequence[str], code: str) -> Explained:
    """Whether a catch of these takes a failure's code. `"*"` takes all but `unknown`."""
    held = code in codes or ("*" in codes and code != ErrorCode.UNKNOWN)
    text = f"error.code in [{', '.join(codes)}]"
    compared = {"text": text, "left": code, "op": "in", "right": list(codes), "held": held, "margin": None}
    return {"held": held, "text": text, "operands": [_there("error.code", code)], "comparisons": [compared]}


def stalling(step: PlanStep, series: Sequence[float]) -> Explained | None:
    """Whether a loop made no progress in its last round; None where there is none before it."""
    if len(series) < 2:
        return None
    before, now = series[-2:]
    source = str(step.model.progress).strip().removeprefix("${").removesuffix("}").strip()
    text = f"{source} <= {before:.10g}"
    compared = {"text": text, "left": now, "op": "<=", "right": before, "held": not now > before, "margin": now - before}
    return {"held": not now > before, "text": text, "operands": [], "comparisons": [compared]}


def last_round(round: int, most: int) -> Explained:
    """Whether a loop has used up its rounds."""
    text, held = f"iter.index >= {most}", round >= most
    compared = {"text": text, "left": round, "op": ">=", "right": most, "held": held, "margin": abs(round - most)}
    return {"held": held, "text": text, "operands": [_there("iter.index", round)], "comparisons": [compared]}


def _there(path: str, value: Any) -> dict[str, Any]:
    return {"path": path, "value": value, "present": True}


def cut(value: Any, size: int = 200) -> Any:
    """A value small enough to stand in a decision."""
    if isinstance(value, str):
        return value if len(value) <= size else value[:size] + "…"
    if isinstance(value, list | dict):
        if len(value) <= 20 and len(values.dump(value)) <= size:
            return value
        return Sized(f"{'list' if isinstance(value, list) else 'object'} of {len(value)}")
    return value


def distinct(operands: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Each place once, with the value that was seen last."""
    return tuple({operand["path"]: operand for operand in operands}.values())
