"""Values with `${…}`: types, text, URLs, growth, and what hostile texts come to."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core import cel_tree
from orchestration.core.contract import contract
from orchestration.core.errors import EvaluationError
from orchestration.core.expression import (
    compile_value,
)
from tests.core.hostile import CORPUS
from tests.core.seen import ENV, SIGHT, TEXT, problems


def test_a_value_keeps_types_and_fills_text() -> None:
    value = compile_value(
        {
            "total": "${run.input.total}",
            "greeting": "Hi ${run.input.text}, ${1.0} ${0.5} ${null}|${true} ${[1, 2.5]} ${{'a': '}'}} ${\"}\" + '''}'''}!",
            "literal": "$${run.x} costs $5 {a}",
            "list": [1, None, "${steps.classify.label}", {"deep": "${size(run.input.items)}"}],
        },
        SIGHT,
    )
    assert value.evaluate(ENV) == {
        "total": 3.0,
        "greeting": 'Hi hello, 1 0.5 |true [1,2.5] {"a":"}"} }}!',
        "literal": "${run.x} costs $5 {a}",
        "list": [1, None, "bug", {"deep": 2}],
    }
    assert contract(value.schema).accepts(value.evaluate(ENV))
    assert [read.path[-1] for read in value.reads] == ["total", "text", "label", "items"]


def test_all_problems_of_a_value_are_told_at_once_with_their_places() -> None:
    tree = {"a": ["${1 +}", {"b": "x ${y} ${run.input.txt}"}], "c d": "${run.id", "${k}": 1}
    assert [found[:2] for found in problems(tree, compile_value)] == [
        ("expression_syntax", "p.a[0]"), ("unknown_reference", "p.a[1].b"), ("expression_syntax", 'p["c d"]'),
        ("expression_syntax", 'p["${k}"]'),
    ]  # fmt: skip


plain = st.text(st.characters(exclude_characters="$"), max_size=8)


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(plain, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)), max_size=4
    )
)
def test_text_and_literals_come_through_any_template(parts: list[tuple[str, str]]) -> None:
    template = "".join(f"{text}$${{${{{cel_tree.write(cel_tree.Literal(literal, 'string'))}}}" for text, literal in parts) + "."
    assert compile_value(template, {}).evaluate({}) == "".join(f"{text}${{{literal}" for text, literal in parts) + "."


@settings(max_examples=80)
@given(
    st.text(max_size=30) | st.sampled_from(["../..", "a/b?c=d#e", "@evil", "//evil/x", "%2e%2e/", "\r\nHost: x", "a&b=c", "a\\b"])
)
def test_data_cannot_change_where_a_url_leads(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    url = compile_value("https://desk.example/t/${run.input.text}/reply?q=${run.input.text}&z=1#f", SIGHT, quote="url")
    filled = urlsplit(url.evaluate({"run": {"input": {"text": text}}}))
    assert (filled.netloc, filled.fragment) == ("desk.example", "f")
    assert (filled.path.count("/"), filled.path[:3], filled.path[-6:]) == (3, "/t/", "/reply")
    assert (filled.query.count("&"), filled.query.count("="), filled.query[-4:]) == (1, 2, "&z=1")


def test_what_is_put_together_may_not_grow_past_what_can_be_kept() -> None:
    carry: Any = {}
    value = compile_value({"before": "${carry}"}, {"carry": {}})
    for _ in range(99):
        carry = value.evaluate({"carry": carry})
    with pytest.raises(EvaluationError, match="more than 100 levels"):
        value.evaluate({"carry": carry})
    text = {"text": "x" * 100_000}
    for big in ("${text}" * 50, ["${text}"] * 50):
        with pytest.raises(EvaluationError, match="4,000,000"):
            compile_value(big, {"text": TEXT}).evaluate(text)


def test_hostile_texts_end_in_one_problem_within_their_limits() -> None:
    """Each in a process of its own, with 700 MB and five seconds; see `hostile.py`."""
    done = subprocess.run([sys.executable, "-m", "tests.core.hostile"], capture_output=True, text=True, timeout=240, check=True)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(CORPUS)
    strange = [
        (outcome, source[:60])
        for outcome, (_, source) in zip(outcomes, CORPUS, strict=True)
        if outcome[0] == "died"
        or (outcome[0] == "refused" and not 1 <= outcome[-1] <= 2)
        or (outcome[0] == "failed" and outcome[1] > 600)
    ]
    assert strange == []
    kinds = [outcome[0] for outcome in outcomes]
    assert kinds.count("refused") > 80
    assert kinds.count("failed") > 40
