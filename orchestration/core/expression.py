"""Expressions, conditions and values: the door to all that is computed by rule.

`compile_expression` takes CEL text, `compile_condition` text or a tree of all/any/not, `compile_value` JSON with `${…}` in it.
Each is compiled against a `Sight` (name → JSON Schema) and raises `Refused`; what it gives is frozen, may be shared between
threads, and evaluates on an env (name → value) from which absent things are left out.
"""

from orchestration.core.cel_explanation import Comparison, Explanation, Operand
from orchestration.core.cel_expression import Expression, Read, Sight, compile_expression
from orchestration.core.condition import Condition, compile_condition
from orchestration.core.template import Value, as_text, compile_value

__all__ = [
    "Comparison",
    "Condition",
    "Explanation",
    "Expression",
    "Operand",
    "Read",
    "Sight",
    "Value",
    "as_text",
    "compile_condition",
    "compile_expression",
    "compile_value",
]
