"""The few expressions that the generated definitions use, evaluated for the reference interpreter: paths, whole numbers, text,
lists, their items, `size` and `string`, arithmetic, comparisons, `&&`, `||`, `!`. Written from the language's description; what
is not listed here is refused."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Mod: lambda a, b: a - b * int(a / b),
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip


def value(text: str, sight: Mapping[str, Any]) -> Any:
    """Raises KeyError where something is read that is not there."""
    plain = re.sub(r"!(?!=)", " not ", text.replace("&&", " and ").replace("||", " or ")).strip()
    return _value(ast.parse(plain, mode="eval").body, sight)


def holds(condition: Any, sight: Mapping[str, Any]) -> bool:
    """A condition: text, or a tree of all, any and not."""
    if isinstance(condition, str):
        return bool(value(condition, sight))
    [(word, inner)] = condition.items()
    if word == "not":
        return not holds(inner, sight)
    return {"all": all, "any": any}[word](holds(each, sight) for each in inner)


def filled(template: Any, sight: Mapping[str, Any]) -> Any:
    """A template's value: text that is wholly `${…}` keeps the type of what stands in it."""
    if isinstance(template, dict):
        return {name: filled(each, sight) for name, each in template.items()}
    if isinstance(template, str) and template.startswith("${"):
        return value(template[2:-1], sight)
    return template


def _value(node: ast.expr, sight: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return sight[node.id]
        case ast.Attribute():
            return _value(node.value, sight)[node.attr]
        case ast.List():
            return [_value(each, sight) for each in node.elts]
        case ast.Subscript():
            return _value(node.value, sight)[_value(node.slice, sight)]
        case ast.Call(func=ast.Name(id="size"), args=[of]):
            return len(_value(of, sight))
        case ast.Call(func=ast.Name(id="string"), args=[of]):
            return str(_value(of, sight))
        case ast.BinOp():
            return _OPERATORS[type(node.op)](_value(node.left, sight), _value(node.right, sight))
        case ast.Compare(ops=[op], comparators=[right]):
            return _OPERATORS[type(op)](_value(node.left, sight), _value(right, sight))
        case ast.BoolOp():
            met = (bool(_value(each, sight)) for each in node.values)
            return all(met) if isinstance(node.op, ast.And) else any(met)
        case ast.UnaryOp(op=ast.Not()):
            return not _value(node.operand, sight)
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, sight)
    raise NotImplementedError(ast.dump(node))
