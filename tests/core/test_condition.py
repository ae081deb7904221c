"""Conditions: rows, their problems, and why one came out as it did."""

import json
from typing import Any

import pytest

from orchestration.core.errors import EvaluationError, Refused
from orchestration.core.explanation import cut
from orchestration.core.expression import Comparison, Operand, compile_condition, compile_expression
from orchestration.core.sentence import comparisons
from tests.core.seen import ENV, SIGHT, problems


def test_a_tree_of_rows_is_one_condition_and_problems_name_the_row() -> None:
    tree = {"all": ["steps.classify.confidence >= 0.95", {"not": {"any": ["has(run.input.vip)", "run.input.text in ['a']"]}}]}
    condition = compile_condition(tree, SIGHT)
    assert condition.text == "steps.classify.confidence >= 0.95 && !(has(run.input.vip) || run.input.text in ['a'])"
    assert condition.evaluate(ENV) is False
    assert compile_condition({"all": ["has(run.input.vip)", "run.input.vip"]}, SIGHT).evaluate(ENV) is False
    wrong = {"any": ["1 +", {"all": ["run.input.vip", "steps.x == 1", "run.input.text"]}]}
    assert problems(wrong, compile_condition)[0][:2] == ("expression_syntax", "p.any[0]")
    wrong["any"][0] = "true"
    assert [found[:2] for found in problems(wrong, compile_condition)] == [
        ("optional_unguarded", "p.any[1].all[0]"),
        ("unknown_reference", "p.any[1].all[1]"),
        ("expression_type", "p.any[1].all[2]"),
    ]


@pytest.mark.parametrize(
    ("tree", "code", "path"),
    [
        (3, "bad_condition", "p"),
        ({}, "bad_condition", "p"),
        ({"al": ["true"]}, "bad_condition", "p"),
        ({"all": [], "any": []}, "bad_condition", "p"),
        ({"all": []}, "bad_condition", "p.all"),
        ({"all": "true"}, "bad_condition", "p.all"),
        ({"any": ["true", None]}, "bad_condition", "p.any[1]"),
        ({"not": ["true"]}, "bad_condition", "p.not"),
        ({"all": ["true"] * 101}, "bad_condition", "p.all[100]"),
        (json.loads('{"not":' * 11 + '"true"' + "}" * 11), "bad_condition", "p" + ".not" * 10),
        ("run.input.text", "expression_type", "p"),
        ("run.input.total", "expression_type", "p"),
    ],
)
def test_what_is_no_condition_is_refused(tree: Any, code: str, path: str) -> None:
    assert [found[:2] for found in problems(tree, compile_condition)] == [(code, path)]


def test_a_hundred_rows_are_not_too_deep() -> None:
    condition = compile_condition({"all": [f"run.input.text != 't{row}'" for row in range(100)]}, SIGHT)
    assert condition.evaluate(ENV) is True
    assert len(condition.explain(ENV).comparisons) == 100


def test_an_explanation_shows_both_sides_and_the_margin() -> None:
    tree = {
        "all": [
            "has(run.input.count)",
            "run.input.count > 1",
            "steps.classify.confidence >= 0.95",
            "steps.classify.label != 'bug'",
        ]
    }
    found = compile_condition(tree, SIGHT).explain(ENV)
    assert found.value is False
    assert found.operands == (
        Operand("run.input.count", None, False),
        Operand("steps.classify.confidence", 0.9, True),
        Operand("steps.classify.label", "bug", True),
    )
    assert found.comparisons == (
        Comparison("run.input.count > 1", None, ">", 1, None),
        Comparison("steps.classify.confidence >= 0.95", 0.9, ">=", 0.95, False, -0.05),
        Comparison("steps.classify.label != 'bug'", "bug", "!=", "bug", False),
    )


def test_a_condition_that_gives_no_boolean_fails_and_says_so() -> None:
    condition = compile_condition("run.input.any", SIGHT)
    with pytest.raises(EvaluationError, match="where true or false is wanted"):
        condition.evaluate(ENV)
    assert "where true or false is wanted" in (condition.explain(ENV).error or "")
    assert condition.explain(ENV).value is None


def test_what_is_too_large_for_a_decision_is_said_as_what_it_is() -> None:
    def said(value: object) -> str:
        told = {"path": "steps.work.paying", "value": cut(value), "present": True}
        return comparisons({"comparisons": [], "operands": [told]}, True)

    assert said(list(range(30))) == "work.paying was a list of 30"
    assert said({str(number): 1 for number in range(21)}) == "work.paying was an object of 21"
    assert said("list of 30") == "work.paying was “list of 30”"


def test_what_may_be_missing_is_asked_for_in_a_condition_and_given_otherwise_in_a_value() -> None:
    given = {"type": "object", "properties": {"n": {"type": "integer"}}}
    sight = {"run": {"type": "object", "required": ["input"], "properties": {"input": given}}}
    for when in ("run.input.n > 1", {"all": ["run.input.n > 1", "true"]}):
        with pytest.raises(Refused, match=r"Ask first: has\(run.input.n\) && …"):
            compile_condition(when, sight)
    with pytest.raises(Refused, match=r"Say what it is otherwise: has\(run.input.n\) \? run.input.n : …"):
        compile_expression("run.input.n + 1", sight)
