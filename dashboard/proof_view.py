"""A proof as a page shows it: figures with their limits, and where each error goes. The dictionary of `Proof.as_dict` in, so
that what was frozen with a version and what was just proved look the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.outline import Errors, Target, target
from dashboard.presentation import NANO, money
from orchestration.core.plan import Plan
from orchestration.core.proof.derivation import duration


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of the worst case. `column` is that of the derivation that adds up to it, "" where none does."""

    icon: str
    value: str
    words: str
    column: str
    limit: str = ""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    step: str
    title: str
    ways: tuple[tuple[tuple[str, ...], Target], ...]
    """(error codes, where they go)."""


@dataclass(frozen=True, slots=True)
class ProofView:
    ok: bool
    errors: int
    warnings: int
    notes: int
    problems: tuple[Mapping[str, Any], ...]
    figures: tuple[Figure, ...]
    derivation: tuple[Mapping[str, Any], ...]
    rows: tuple[ErrorRow, ...]
    open_ended: tuple[str, ...]


def proof_view(plan: Plan, proof: Mapping[str, Any]) -> ProofView:
    problems = tuple(proof.get("problems", ()))
    severities = [problem["severity"] for problem in problems]
    worst = proof["worst"]
    return ProofView(
        ok="error" not in severities,
        errors=severities.count("error"),
        warnings=severities.count("warning"),
        notes=severities.count("info"),
        problems=problems,
        figures=tuple(_figures(plan, worst)),
        derivation=tuple(_line(line) for line in worst["derivation"]),
        rows=tuple(error_rows(plan, proof["errors"])),
        open_ended=tuple(plan.steps[name].label for name in worst["open_ended"] if name in plan.steps),
    )


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the derivation, without the title in its sentence: that stands beside it."""
    said = line["sentence"].removeprefix(f"{line['title']}: ")
    return {**line, "cost": _nano(line["cost_usd"]), "sentence": said[:1].upper() + said[1:]}


def _nano(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * NANO)


def _figures(plan: Plan, worst: Mapping[str, Any]) -> list[Figure]:
    limits = plan.workflow.limits
    steps = f"limit {limits.steps}" if limits.steps else ""
    dollars = f"limit {money(_nano(limits.cost_usd))}" if limits.cost_usd else ""
    time = f"limit {duration(limits.machine_time)}" if limits.machine_time else ""
    tokens = "unknown" if worst["tokens_in"] is None else f"{worst['tokens_in'] + worst['tokens_out']:,}"
    return [
        Figure("steps", f"{worst['executions']:,}", "steps", "executions", steps),
        Figure("to", f"{worst['calls']:,}", f"calls, {worst['model_calls']:,} to models", "calls"),
        Figure("llm", tokens, "tokens", ""),
        Figure("money", money(_nano(worst["cost_usd"])), "for models", "cost", dollars),
        Figure("waiting", duration(worst["machine_seconds"]), "machine time", "seconds", time),
        Figure("person", duration(worst["human_seconds"]) if worst["human_seconds"] else "nothing", "of people's time", ""),
    ]


def error_rows(plan: Plan, errors: Errors) -> list[ErrorRow]:
    rows = []
    for name in plan.steps:
        by_target: dict[str, list[str]] = {}
        for code, to in errors.get(name, {}).items():
            by_target.setdefault(to, []).append(code)
        if by_target:
            ways = tuple((tuple(codes), target(plan, to)) for to, codes in by_target.items())
            rows.append(ErrorRow(name, plan.steps[name].label, ways))
    return rows
