"""What pydantic found wrong with a value, as a sentence of ours: in definitions, bodies, parameters and the environment."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

from orchestration.core.wording import abbreviate, counted, with_stop

_MOMENT = "a date and time with its zone, as 2026-01-31T08:00:00Z"
_ID = "^[a-z][a-z0-9_]{0,47}$"
HAS_TO_BE = {
    "string_type": "text", "string_unicode": "text",
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "float_type": "a number", "float_parsing": "a number", "finite_number": "a number that is not infinite",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
    "tuple_type": "a list", "list_type": "a list",
    "datetime_type": _MOMENT, "datetime_parsing": _MOMENT, "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "greater_than": "more than {gt:,}", "greater_than_equal": "at least {ge:,}",
    "less_than": "less than {lt:,}", "less_than_equal": "at most {le:,}",
    "literal_error": "{expected}", "enum": "{expected}",
}  # fmt: skip
_THEIRS = frozenset(get_args(ErrorType))


def told(item: Any, name: str = "This", others: Sequence[Any] = ()) -> str:
    """One of pydantic's errors, with the value where it holds that. `name` is what the sentence calls it, `others` say what else
    it may be. What our own validators said stands as it is."""
    kind, given = item["type"], item.get("input")
    there = f"; it is {abbreviate(given, 40)}" if "input" in item else ""
    context = _bounds(item)
    if kind in HAS_TO_BE:
        either = dict.fromkeys(HAS_TO_BE[each["type"]].format(**_bounds(each)) for each in (item, *others))
        return f"{name} has to be {', or '.join(either)}{there}."
    match kind:
        case "missing":
            return f"{name} is missing. Add it."
        case "extra_forbidden":
            return f"{name} is not known here. Remove it, or look for a slip of the pen."
        case "value_error" | "assertion_error":
            words = str(context.get("error", item["msg"]))
            return with_stop(words[:1].upper() + words[1:])
        case "string_too_short":
            least = context["min_length"]
            return f"{name} is empty. Write something." if least == 1 else f"{name} has at least {counted(least, 'character')}."
        case "string_too_long":
            most, long = context["max_length"], f"; it has {len(given):,}" if isinstance(given, str) else ""
            return f"{name} has at most {counted(most, 'character')}{long}. Shorten it."
        case "string_pattern_mismatch" if context.get("pattern") == _ID:
            return f'"{str(given)[:60]}" is no id. An id begins with a-z and holds a-z, 0-9 and _, 48 characters at most.'
        case "string_pattern_mismatch":
            wanted = "begins with a letter and holds letters, digits and _, 64 characters at most"
            return f'"{str(given)[:60]}" is no name. A name {wanted}.'
        case "too_short":
            return f"{name} has to hold at least {context['min_length']}. Add one."
        case "too_long":
            return f"{name} holds more than {context['max_length']}. Take some out."
    if kind not in _THEIRS:  # of our own validators
        return with_stop(item["msg"])
    return f"{name} can't be taken as it is{there}."


def _bounds(item: Any) -> dict[str, Any]:
    """60.0 as 60."""
    return {key: int(held) if isinstance(held, float) and held % 1 == 0 else held for key, held in item.get("ctx", {}).items()}
