"""What does not fit the models of a definition, as problems for people: pydantic's errors in our places and words."""

from collections.abc import Collection, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from orchestration.core.errors import Problem
from orchestration.core.misfit_words import HAS_TO_BE, told
from orchestration.core.source import Source, join_path
from orchestration.core.wording import abbreviate, did_you_mean, listed, with_stop

_CODES = {
    "extra_forbidden": "unknown_key",
    "missing": "missing_key",
    "union_tag_not_found": "missing_key",
    "string_pattern_mismatch": "bad_id",
    "literal_error": "not_in_list",
    "unknown_error": "not_in_list",
    "reserved_id": "reserved_id",
    "wrong_type": "wrong_type",
}
_KINDS = {
    "step": ("unknown_step_type", "is no type of step", "This step has no type"),
    "command": ("unknown_command", "is no command", "This command does not say what to `do`"),
}
"""What is told apart by a tag: the code of a problem with it, and what is said of a wrong one and of none."""

Noun = Literal["step", "command"]


def explain(
    error: ValidationError, source: Source, model: type[BaseModel], types: Collection[str] = (), noun: Noun = "step"
) -> list[Problem]:
    """One problem for each wrong place, in the document's order, a hundred at most. `model` is what was to be read, `types`
    those of steps (of what `noun` says) that may be named to people."""
    found: dict[tuple[str, str], Problem] = {}
    items = error.errors(include_url=False, include_input=True)
    wanted: dict[str, list[Any]] = {}
    for item in items:  # what may be of several types is told of once, with all of them
        if item["type"] in HAS_TO_BE:
            wanted.setdefault(_place(item["loc"], source.data)[0], []).append(item)
    for item in items:
        path, step, here = _place(item["loc"], source.data)
        item, *others = wanted[path] if item["type"] in HAS_TO_BE else [item]
        kind = item["type"]
        if kind == "too_short" and isinstance(here, list | dict) and len(here) >= item["ctx"]["min_length"]:
            continue  # its items are wrong, and each is reported
        code = _CODES.get(kind, "wrong_type" if kind.endswith(("_type", "_parsing")) else "bad_value")
        code = _KINDS[noun][0] if kind == "union_tag_invalid" else code
        problem = Problem(code, _sentence(item, others, path, here, model, types, noun), path, step, line=source.line(path))
        found.setdefault((path, code), problem)
    return sorted(found.values(), key=lambda problem: problem.line or 0)[:100]


def _place(loc: tuple[int | str, ...], data: Any) -> tuple[str, str | None, Any]:
    """Pydantic's location → our path, the step, and what stands there, leaving out what is no place in the document: the
    tags and branches of unions."""
    path, step, here, tag = "", None, data, None
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if part == tag:
            tag = None
            continue
        if isinstance(here, dict) and isinstance(part, str) and (part in here or last):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
            if isinstance(here, dict) and path.endswith(("steps", "body")):
                tag = here.get("type")
                step = here["id"][:60] if isinstance(here.get("id"), str) else None
        else:
            continue
        path = join_path(path, part if isinstance(part, int) else part[:60])
    return path, step, here


def _sentence(
    item: Any, others: Sequence[Any], path: str, here: Any, model: type[BaseModel], types: Collection[str], noun: Noun
) -> str:
    kind, context = item["type"], item.get("ctx", {})
    name = path.rsplit(".", 1)[-1]
    if kind in ("string_type", "dict_type") and item["loc"][-1] in ("str", "dict[str,any]"):
        return f"{name or 'This'} has to be CEL text, or all, any or not over it; it is {abbreviate(here, 40)}."
    if kind == "extra_forbidden":
        return _unknown_key(name, known_keys(model, item["loc"][:-1]))
    if kind == "missing":
        return f"The key {name} is missing. Add it."
    if kind == "union_tag_invalid":
        tag = str(context.get("tag"))[:40]
        return with_stop(f'"{tag}" {_KINDS[noun][1]}{did_you_mean(tag, types)}')
    if kind == "union_tag_not_found":
        return f"{_KINDS[noun][2]}. There are {listed(types, join='and')}."
    return told(item, name or "This", others)


def _unknown_key(name: str, known: list[str]) -> str:
    near = did_you_mean(name, known) if known else ""
    there = f" There are {listed(sorted(known), most=60, join='and')}." if len(known) > 1 else ""
    if near.endswith("?"):
        return f"The key {name} is not known here{near}{there}"
    return f"The key {name} is not known here. Remove it.{there}"


def known_keys(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    """The keys, as written, of the mapping that pydantic's `loc` leads to from `kind`; none where any are taken."""
    for part in loc:
        kind = _inside(kind, part)
    return [field.alias or name for name, field in kind.model_fields.items()] if _is_model(kind) else []


def _inside(kind: Any, part: int | str) -> Any:
    """The type of what stands at `part` of a value of type `kind`: a key, an index, or the tag of a member of a union."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _inside(inner[0], part)
    if origin in (Union, UnionType):
        tagged = next((each for each in inner if _is_model(each) and part in _tags(each)), None)
        return tagged or next((found for each in inner if (found := _inside(each, part)) is not None), None)
    if origin in (tuple, list, dict):
        return inner[1] if origin is dict else inner[0]
    if not _is_model(kind):
        return None
    return next((field.annotation for name, field in kind.model_fields.items() if (field.alias or name) == part), None)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get("type") or model.model_fields.get("do")
    return get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
