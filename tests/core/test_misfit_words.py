"""That whatever pydantic finds wrong is said in our words: every kind of error that it has, and each that ours can raise."""

from typing import Any

import pytest
from pydantic_core import PydanticKnownError
from pydantic_core._pydantic_core import list_all_errors

from orchestration.core.misfit_words import told

KNOWN = {error["type"]: error for error in list_all_errors()}
OURS = ("value_error", "assertion_error")


@pytest.mark.parametrize("kind", [kind for kind in KNOWN if kind not in OURS])
def test_no_sentence_is_the_library_s_own(kind: str) -> None:
    context = {key: "x" if value == "" else value for key, value in (KNOWN[kind]["example_context"] or {}).items()}
    theirs = PydanticKnownError(kind, context or None).message()  # type: ignore[arg-type]
    said = told({"type": kind, "ctx": context, "input": "yesterday", "msg": theirs}, "since")
    assert theirs.rstrip(".") not in said and "Input" not in said and "should" not in said, said
    assert said.endswith(".")


SAID: dict[str, tuple[dict[str, Any], str]] = {
    "float_parsing": ({}, 'wait has to be a number; it is "abc".'),
    "less_than_equal": ({"le": 60.0}, 'wait has to be at most 60; it is "abc".'),
    "string_too_short": ({"min_length": 1}, "wait is empty. Write something."),
    "string_too_long": ({"max_length": 2}, "wait has at most 2 characters; it has 3. Shorten it."),
    "too_short": ({"min_length": 1}, "wait has to hold at least 1. Add one."),
    "missing": ({}, "wait is missing. Add it."),
}


@pytest.mark.parametrize("kind", SAID)
def test_a_sentence_says_what_has_to_be_and_what_is(kind: str) -> None:
    context, sentence = SAID[kind]
    assert told({"type": kind, "ctx": context, "input": "abc", "msg": ""}, "wait") == sentence
