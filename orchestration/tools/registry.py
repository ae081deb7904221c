"""Python functions as tools: `@tool("demo.add", effect="none")` above a function gives it a contract and an effect class.

    @tool("stock.level", effect="none")
    def level(sku: str, warehouse: str = "main") -> Level: ...

Without `input` and `output` the contract is read from the annotations: a model, a dataclass or a TypedDict says what comes back.
With a pydantic model as `input` the function gets one argument, an instance of it; with a schema (a dict) it gets the input's
properties as keywords, as they came. A function that has a parameter `idempotency_key` which is not part of its input is given
the call's key there.

A function fails by raising. `ToolFailure` says with which code, and that nothing was done; after any other exception, and after
the death of its process, an irreversible tool may have done what it does, and a person is asked.

The modules that hold such functions are listed in INTERLOCK_TOOLS. They are imported in the children that run them, and
here by `load`, which only wants their contracts.
"""

import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, PydanticUserError, TypeAdapter, ValidationError, create_model

from orchestration.core.catalog import Tool
from orchestration.core.errors import ErrorCode, Problem, Refused
from orchestration.core.fields import Effect
from orchestration.core.frozen import dataclass

Schema = dict[str, Any]
F = TypeVar("F", bound=Callable[..., Any])
_KEY = "idempotency_key"
_HONEST = ConfigDict(ser_json_inf_nan="constants")


class ToolFailure(Exception):
    """Raised by a tool to fail with a code of its choice, as `ToolFailure("not_found", "no such customer")`.

    It says that nothing was done, unless `happened` says that something may have been. With the code `unknown` the tool says
    that it can't tell. `retry_after` is in seconds.
    """

    def __init__(self, code: ErrorCode | str, message: str, retry_after: float | None = None, happened: bool = False) -> None:
        self.code = ErrorCode(code)
        self.retry_after = retry_after
        self.may_have_happened = happened or self.code == ErrorCode.UNKNOWN
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Registered:
    """A function, its description as a tool, and how it takes and gives its values."""

    tool: Tool
    function: Callable[..., Any]
    model: type[BaseModel] | None
    whole: bool
    returns: TypeAdapter[Any] | None
    wants_key: bool

    def call(self, given: dict[str, Any], key: str) -> Any:
        """Run the function on an input that its contract has been checked against. Returns what pydantic can make of its
        result as JSON; a coroutine is returned as it is."""
        extra = {_KEY: key} if self.wants_key else {}
        if self.model is None:
            return self.function(**given, **extra)
        try:
            value = self.model.model_validate(given)
        except ValidationError as error:
            raise ToolFailure(ErrorCode.REFUSED, f"its input is not what it takes: {error}") from error
        if self.whole:
            return self.function(value, **extra)
        return self.function(**{name: getattr(value, name) for name in type(value).model_fields}, **extra)

    def plain(self, result: Any) -> Any:
        if self.returns is not None:
            return self.returns.dump_python(result, mode="json")
        return result.model_dump(mode="json") if isinstance(result, BaseModel) else result


REGISTERED: dict[str, Registered] = {}


def tool(
    name: str,
    *,
    effect: Effect = "irreversible",
    input: Schema | type[BaseModel] | None = None,
    output: Schema | type[BaseModel] | None = None,
    title: str = "",
    description: str = "",
    timeout: float = 10.0,
) -> Callable[[F], F]:
    """Register a function. Raises ValueError where the name is taken by another function."""

    def register(function: F) -> F:
        before = REGISTERED.get(name)
        if before is not None and before.function.__module__ != function.__module__:
            raise ValueError(f"the tool {name} is registered twice, in {before.function.__module__} and {function.__module__}")
        model, schema = _input(name, function, input)
        returns, output_schema = _output(function, output)
        registered = Tool(
            name=name,
            kind="python",
            effect=effect,
            input=schema,
            output=output_schema,
            title=title,
            description=description or inspect.getdoc(function) or "",
            timeout=timeout,
        )
        wants_key = _KEY in inspect.signature(function).parameters and _KEY not in schema.get("properties", {})
        REGISTERED[name] = Registered(registered, function, model, model is input, returns, wants_key)
        return function

    return register


def load(modules: Iterable[str]) -> dict[str, Tool]:
    """Import modules and return the tools that are registered by then. Raises Refused for those that can't be imported."""
    problems: list[Problem] = []
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            message = f"the module {module} can't be imported: {type(error).__name__}: {error}"
            problems.append(Problem("bad_tools", message, "INTERLOCK_TOOLS"))
    if problems:
        raise Refused(*problems)
    return {name: registered.tool for name, registered in REGISTERED.items()}


def _input(name: str, function: Callable[..., Any], given: Any) -> tuple[type[BaseModel] | None, Schema]:
    if isinstance(given, dict):
        return None, given
    if given is not None:
        model = cast("type[BaseModel]", given)
        return model, model.model_json_schema()
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.name == _KEY:
            continue
        if parameter.annotation is parameter.empty or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ValueError(f"the tool {name} needs a type for its parameter {parameter.name}, or an input schema")
        fields[parameter.name] = (parameter.annotation, ... if parameter.default is parameter.empty else parameter.default)
    model = create_model("Input", **fields)
    return model, {**model.model_json_schema(), "additionalProperties": False}


def _output(function: Callable[..., Any], given: Any) -> tuple[TypeAdapter[Any] | None, Schema]:
    if isinstance(given, dict):
        return None, given
    annotation = given if given is not None else inspect.signature(function, eval_str=True).return_annotation
    if annotation is inspect.Signature.empty:
        return None, {}
    adapter = _adapter(annotation)
    return adapter, adapter.json_schema(mode="serialization")


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    """A NaN must show as what it is, and be refused, not turn into null. Models, dataclasses and TypedDicts bring their own
    configuration, and are to be given none."""
    try:
        return TypeAdapter(annotation, config=_HONEST)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(annotation)
