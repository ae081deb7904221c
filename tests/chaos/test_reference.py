"""What a chaos run is judged by: the interpreter stands alone, what is drawn is sound, and a verdict can be bad."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.core import proof
from orchestration.core.catalog import Called, Catalog, ProviderFacts
from orchestration.core.definition import from_data
from orchestration.core.plan import compile_plan
from tests.chaos import FAILED, INVALID, PASSED
from tests.chaos.answers import CLOSE, LOST, SURE, Answers, Told
from tests.chaos.faults import KINDS
from tests.chaos.generator import _all, definition, given, parts
from tests.chaos.interpreter import Course, interpret
from tests.chaos.report import _COUNTED, Outcome, lines
from tests.chaos.takeover import Takeovers

HERE = Path(__file__).parent
PROVIDERS = {"main": ProviderFacts("main", "openai", "main", {})}
TOOLS = "http://127.0.0.1:9"


def _proved(drawn: Mapping[str, Any], called: dict[str, Called]) -> None:
    """Can be published where these can be called; and may be called then as well."""
    plan = compile_plan(from_data(drawn), Catalog(providers=PROVIDERS, workflows=called))
    proved = proof.prove(plan)
    assert [problem for problem in proved.problems if problem.severity == "error"] == []
    workflow, bound = plan.workflow, tuple(proved.worst.bound)
    given = {name: kind.output for name, kind in workflow.outcomes.items() if kind.kind == "success"}
    called[f"{workflow.id}@1"] = Called(workflow.id, 1, workflow.id, workflow.input, given, bound)


def _imports(name: str) -> set[str]:
    """All modules that this one imports, and those of ours that it imports do."""
    tree = ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))
    found = {each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    found |= {alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names}
    return found.union(*(_imports(each.rpartition(".")[2]) for each in found if each.startswith("tests.chaos.")))


def test_the_interpreter_imports_nothing_of_the_engine() -> None:
    found = _imports("interpreter")
    assert "tests.chaos.expressions" in found
    assert {each.partition(".")[0] for each in found} <= {"ast", "collections", "dataclasses", "hashlib", "json", "math"} | {
        "operator", "random", "re", "tests", "typing",
    }  # fmt: skip
    assert all(each.startswith("tests.chaos.") for each in found if each.startswith("tests"))


def test_what_is_drawn_can_be_published_and_goes_every_way() -> None:
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    fans: Counter[Any] = Counter()
    ways: Counter[str] = Counter()
    same = 0
    called: dict[str, Called] = {}
    for part in parts(5, TOOLS).values():
        _proved(part, called)
    for number in range(60):
        drawn = definition(5, number, TOOLS)
        _proved(drawn, called)
        kinds.update(step.get("tool", step.get("event", step.get("type", "arm"))) for step in _all(drawn["steps"]))
        for run in range(3):
            course = interpret(drawn, given(5, run), Answers(5), parts(5, TOOLS))
            outcomes[course.outcome] += 1
            assert [to for _, to in course.path][-1] == course.outcome
            fans.update(_ends(course))
            ways.update(_called(course))
            waits = list(course.all_waits())
            same += len(waits) > len({correlation for _, correlation, _ in waits})
    assert set(outcomes) == {"good", "bad", "handed"}
    assert set(kinds) == {
        "llm", "none", "idempotent", "reconcilable", "irreversible", "branch", "set", "loop", "human", "end",
        "map", "parallel", "arm", "workflow", "wait", SURE, CLOSE, LOST,
    }  # fmt: skip
    assert {(1, None), (1, True), (1, False), (2, None), (2, True), (2, False)} <= set(fans)
    assert set(ways) == {"good", "handed", "bad", "late"}
    assert same, "no two waits of a run are for the same"


def _ends(course: Course, depth: int = 1) -> Iterator[tuple[int, bool | None]]:
    """How many child runs deep each of its fans is, and as what it is settled before all are through."""
    for fan in course.fans.values():
        yield depth, fan.settled and fan.settled[0]
        yield from (each for child in fan.children for each in _ends(child, depth + 1))


def _called(course: Course) -> Iterator[str]:
    """How called workflows end, and where they meet their limit."""
    for path, fan in course.fans.items():
        for child in fan.children:
            if "workflow" in path.rpartition("/")[2]:
                yield "late" if any(step == "late" for step, _ in child.path) else child.outcome
            yield from _called(child)


def test_no_two_calls_of_a_run_have_one_place() -> None:
    """Else one would be answered for the other, and what happened once be taken for twice."""

    class Listening(Answers):
        def model(self, model: str, place: Mapping[str, Any], ask: int) -> Told:
            asked[str((model, {**place}, ask))] += 1
            return super().model(model, place, ask)

        def tool(self, effect: str, place: Mapping[str, Any]) -> Told:
            asked[str((effect, {**place}))] += 1
            return super().tool(effect, place)

    for seed, run in [*((seed, run) for seed in (6, 7, 8, 9) for run in range(30)), (915765, 106)]:
        asked: Counter[str] = Counter()
        interpret(definition(seed, run % 12, TOOLS), given(seed, run), Listening(seed), parts(seed, TOOLS))
        assert {place: times for place, times in asked.items() if times > 1} == {}, (seed, run)


class _Done:
    """Faults of which each has bitten, but that one."""

    def __init__(self, toothless: str = "") -> None:
        self.kinds, self.tried, self.takeovers = KINDS, Counter(KINDS), Takeovers()
        self.takeovers.children = 1
        self.bites = Counter(kind for kind in KINDS if kind != toothless)


def _outcome(faults: Any, findings: list[str], stopped: int = 1) -> Outcome:
    troubles = dict.fromkeys(("429", "503", "hang", "reset", "malformed: prose"), 1)
    counts = Counter(dict.fromkeys(_COUNTED.values(), 1))
    return Outcome(7, "PostgreSQL", faults, {}, counts, troubles, (9, stopped), 1, 1.0, {}, findings)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_in_which_a_fault_did_not_bite_is_invalid(kind: str) -> None:
    told = _outcome(_Done(kind), [])
    assert told.code == INVALID
    assert any(kind in line and "DID NOT BITE" in line for line in lines(told))


def test_a_run_in_which_no_child_run_was_stopped_or_taken_over_is_invalid() -> None:
    faults = _Done()
    assert [_outcome(faults, [], stopped).code for stopped in (0, 1)] == [INVALID, PASSED]
    faults.takeovers.children = 0
    assert _outcome(faults, []).code == INVALID


def test_a_run_in_which_something_is_wrong_has_failed_whatever_bit() -> None:
    assert _outcome(_Done(), []).code == PASSED
    wrong = _outcome(_Done(KINDS[0]), ["the run r1 has not ended"])
    assert wrong.code == FAILED
    assert list(lines(wrong))[-1].endswith("make chaos SEED=7")
