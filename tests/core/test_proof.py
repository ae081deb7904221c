"""The proof, as tables: for each problem the smallest definition that has it, and the smallest change that has not."""

import pytest

from orchestration.core.definition import parse
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove
from orchestration.core.source import write
from tests.core.drawn import CATALOG, flow, get, loop, put
from tests.core.flaws import CASES, without_nothing
from tests.core.proving import is_a_sentence, proof


@pytest.mark.parametrize("name", CASES)
def test_the_smallest_definition_with_a_problem_and_the_smallest_change_without(name: str) -> None:
    wrong, right, expected = CASES[name]
    code = name.split()[0]
    mine = [problem for problem in proof(without_nothing(wrong)).problems if problem.code == code]
    assert [(p.path, p.step, p.severity) for p in mine] == [expected], [str(p) for p in proof(without_nothing(wrong)).problems]
    assert all(is_a_sentence(problem) for problem in mine)
    left = [problem for problem in proof(without_nothing(right)).problems if problem.code == code]
    assert left == []
    assert proof(without_nothing(right)).ok, proof(without_nothing(right)).problems


def test_a_plan_with_circles_and_holes_is_still_proved() -> None:
    data = flow(put("a", "b"), put("b", "a"), get("c", "nobody"), loop("d", [put("e", "e")]), start="a")
    found = proof(data)
    assert {problem.code for problem in found.problems} >= {"cycle", "unknown_step"}
    assert not found.ok
    [circle] = [problem for problem in found.problems if problem.code == "cycle" and problem.step == "b"]
    assert circle.message.startswith("A → B → A goes in a circle.")
    empty = proof(flow(put("a", "b"), loop("b", [put("a", None)])))
    assert "duplicate_id" in {problem.code for problem in empty.problems}


def test_problems_come_in_the_order_of_the_document() -> None:
    data = flow(get("a", "b", tool="nope"), put("b", "nobody"), put("c"), on_failure="ok")
    found = prove(compile_plan(parse(write(data)), CATALOG)).problems
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)
    assert len(set(found)) == len(found)
