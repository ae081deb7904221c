"""Where each error of each step goes, hop by hop, for the canvas: the rows of the proof's table, with the lines that
they run along.

A hop is (step, route). Routes that are written are named as in `graph_view`; these nobody wrote:

    :fails     nothing of the step's own takes it: on to the container around it, which may go on without it; at the root to the
               end that on_failure names
    :person    whether it happened is not known, so a person is asked
    :host      the step runs in place of another, and fails as that one
"""

from collections.abc import Iterator, Sequence
from typing import Any

from dashboard.outline import Target, codes_in_words
from dashboard.proof_view import ErrorRow
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.graph import taken

Hop = tuple[str, str]
FAILS, PERSON, HOST = ":fails", ":person", ":host"
SAID: dict[tuple[str, ...], str] = {("unknown",): "nobody knows if it happened", ("expression",): "something can't be computed"}


def error_ways(plan: Plan, rows: Sequence[ErrorRow]) -> dict[str, list[dict[str, Any]]]:
    """Of each step that can fail, a way for each place that its errors come to; what takes most of them comes last."""
    return {row.step: list(_ways(plan, plan.steps[row.step], row)) for row in rows if row.step in plan.steps}


def _ways(plan: Plan, step: PlanStep, row: ErrorRow) -> Iterator[dict[str, Any]]:
    ways = sorted(row.ways, key=lambda way: len(way[0]))
    for index, (codes, to) in enumerate(ways):
        hops = dict.fromkeys(hop for code in codes for hop in _hops(plan, step, code, to))
        yield {
            "codes": list(codes),
            "words": SAID.get(codes) or codes_in_words(codes, index == len(ways) - 1, len(ways) == 1),
            "to": to.id,
            "ends": _ends(plan, to),
            "hops": [list(hop) for hop in hops],
        }


def _hops(plan: Plan, step: PlanStep, code: str, to: Target) -> Iterator[Hop]:
    if written := _written(step, code):
        yield step.id, written.removeprefix(f"{step.place}.")
    elif code == "unknown":
        yield (step.id, PERSON) if to.kind == "person" else (step.id, HOST)
    elif _stands_in(plan, step, to.id):
        yield step.id, HOST
    else:
        if step.type != "arm":  # arms stand in their container without a line
            yield step.id, FAILS
        if step.level not in ("", to.id):  # which goes on
            yield from _hops(plan, plan.steps[step.level], code, to)


def _written(step: PlanStep, code: str) -> str | None:
    """The place of the route that takes it, if the step has one."""
    if code == "unknown":
        return next((found.path for found in step.exits if found.kind == "unknown"), None)
    return next((found.path for found, codes in taken(step) if found.kind == "catch" and codes & {code, "*"}), None)


def _stands_in(plan: Plan, step: PlanStep, host: str) -> bool:
    return host in plan.steps and any(rung.step == step.id for rung in getattr(plan.steps[host].model, "fallback", ()))


def _ends(plan: Plan, to: Target) -> str:
    if to.kind in ("success", "failure"):
        return f"the run ends as {to.name}" if to.id in plan.workflow.outcomes else "the run fails"
    return to.name
