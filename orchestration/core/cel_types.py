"""What the functions and operators of expressions take and give, as JSON Schema types.

The engine has its own type checker, but sees our values as dynamic; this table is what lets an expression be checked against
contracts. Where it is silent the engine decides when the expression runs.
"""

from typing import Any, NamedTuple

from orchestration.core.cel_tree import Path
from orchestration.core.frozen import dataclass
from orchestration.core.schema import Schema
from orchestration.core.shape import types_of, values_of, without_null

BOOLEAN: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
TEXTS: Schema = {"type": "array", "items": TEXT}
UNKNOWN: Schema = {}


class Kind(NamedTuple):
    """What is known of an expression's value: its schema ({} where nothing is), the place it was read from, or the name of a
    CEL type that JSON doesn't have (timestamp, duration, bytes, uint)."""

    schema: Schema
    path: Path | None = None
    foreign: str | None = None

    @property
    def types(self) -> frozenset[str] | None:
        """The JSON types that the value may have; None where anything may be."""
        return None if self.foreign else types_of(self.schema)

    @property
    def number(self) -> str | None:
        """`int` or `double` where the value is certainly one of them."""
        types = self.types
        if not types or types - {"integer", "number", "null"} or types == {"null"}:
            return None
        return "double" if "number" in types else "int"

    @property
    def values(self) -> list[Any] | None:
        """The values it may have, where the schema lists them."""
        return values_of(self.schema)

    def known_not_null(self) -> "Kind":
        return Kind(without_null(self.schema), self.path, self.foreign)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes (types for each argument, the target of a method first) and gives. `spare`: how many of the last
    arguments may be left out."""

    takes: tuple[str, ...]
    gives: Schema | None
    foreign: str | None = None
    spare: int = 0


_ANY = "any"
_S, _I, _L = "string", "integer", "array"
_N = "number integer"


def _all(names: str, *takes: str, gives: Schema | None, foreign: str | None = None, spare: int = 0) -> dict[str, Signature]:
    return {name: Signature(takes, gives, foreign, spare) for name in names.split()}


METHODS: dict[str, Signature] = {
    **_all("startsWith endsWith contains matches", _S, _S, gives=BOOLEAN),
    **_all("size", "string array object", gives=WHOLE),
    **_all("lowerAscii upperAscii trim reverse", _S, gives=TEXT),
    **_all("indexOf lastIndexOf", _S, _S, _I, gives=WHOLE, spare=1),
    **_all("charAt", _S, _I, gives=TEXT),
    **_all("substring", _S, _I, _I, gives=TEXT, spare=1),
    **_all("replace", _S, _S, _S, _I, gives=TEXT, spare=1),
    **_all("split", _S, _S, _I, gives=TEXTS, spare=1),
    **_all("join", _L, _S, gives=TEXT, spare=1),
    **_all(
        "getFullYear getMonth getDayOfMonth getDate getDayOfWeek getDayOfYear getHours getMinutes getSeconds getMilliseconds",
        *(_ANY, _S),
        gives=WHOLE,
        spare=1,
    ),
}
FUNCTIONS: dict[str, Signature] = {
    **_all("size", "string array object", gives=WHOLE),
    **_all("int", "string integer number", gives=WHOLE),
    **_all("double", "string integer number", gives=NUMBER),
    **_all("bool", "string boolean", gives=BOOLEAN),
    **_all("string", "string integer number boolean", gives=TEXT),
    **_all("dyn", _ANY, gives=UNKNOWN),
    **_all("timestamp", "string integer", gives=None, foreign="timestamp"),
    **_all("duration", _S, gives=None, foreign="duration"),
    **_all("matches", _S, _S, gives=BOOLEAN),
    **_all("math.ceil math.floor math.round math.trunc", "number", gives=NUMBER),
    **_all("math.sqrt", _N, gives=NUMBER),
    **_all("math.isNaN math.isInf math.isFinite", "number", gives=BOOLEAN),
}
NUMERIC = {"math.@max", "math.@min", "math.abs", "math.sign"}
"""Give the kind of number that they take."""

COMPARISONS = {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"}
ORDERINGS = COMPARISONS - {"_==_", "_!=_"}
ARITHMETIC = {"_+_", "_-_", "_*_", "_/_", "_%_"}


def of_literal(value: Any, kind: str) -> Kind:
    if kind in ("uint", "bytes"):
        return Kind(UNKNOWN, foreign=kind)
    names = {"null": "null", "bool": "boolean", "int": "integer", "double": "number", "string": "string"}
    return Kind({"type": names[kind], "const": value})


def of_json(value: Any) -> Schema:
    """The schema of exactly this null, boolean, number or text."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": names.get(type(value), "null"), "const": value}


def one_of(schemas: list[Schema]) -> Schema:
    """The schema of a value that fits one of these: {} where one says nothing, one alone where all are equal."""
    different: list[Schema] = []
    for schema in schemas:
        parts = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
        different += [part for part in parts if part not in different]
    if {} in different or len(different) > 32:
        return UNKNOWN
    return different[0] if len(different) == 1 else {"anyOf": different}
