"""A proof as a page shows it: figures with their limits, and where each error goes. The dictionary of `Proof.as_dict` in, so
that what was frozen with a version and what was just proved look the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.outline import Errors, Target, target
from dashboard.presentation import NANO, money
from dashboard.prices import Gap, gaps, short
from orchestration.core.plan import Plan
from orchestration.core.proof.bound import at_once
from orchestration.core.proof.derivation import duration
from orchestration.queries.measured import Measured


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity of the worst case. `column` is that of the derivation that adds up to it, "" where there is none. `usual`:
    what recorded runs came to, "" where there are none. `why` it is not known, "" where it is."""

    value: str
    words: str
    column: str
    limit: str = ""
    usual: str = ""
    why: str = ""

    @property
    def anchor(self) -> str:
        """Where its derivation stands, or what it lacks; "" where there is none."""
        return f"worst-{self.column}{'-lacks' if self.why else ''}" if self.column else ""


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity of the derivation. `held`: the figure, where limits make it another than the total."""

    name: str
    title: str
    total: str
    held: str = ""


@dataclass(frozen=True, slots=True)
class DerivedStep:
    """`cells` stand under the columns; "" is nothing."""

    step: str
    title: str
    times: int
    cells: tuple[tuple[str, str], ...]
    """(title of the column, amount)."""
    sentence: str


@dataclass(frozen=True, slots=True)
class ErrorRow:
    step: str
    title: str
    ways: tuple[tuple[tuple[str, ...], Target], ...]
    """(error codes, where they go)."""


@dataclass(frozen=True, slots=True)
class ProofView:
    """`open_ended`: sentences about what nothing bounds, since people decide it."""

    ok: bool
    errors: int
    warnings: int
    notes: int
    problems: tuple[Mapping[str, Any], ...]
    figures: tuple[Figure, ...]
    columns: tuple[Column, ...]
    derivation: tuple[DerivedStep, ...]
    rows: tuple[ErrorRow, ...]
    open_ended: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()
    """Why it is not known what a run may cost."""
    older: str = ""
    """What was not counted yet when it was proved, "" where all was."""
    by_now: int = 0
    """What was right when it was proved and is wrong by now, since the world has changed."""
    runs: int = 0
    """How many recorded runs its figures are beside."""

    @property
    def held(self) -> bool:
        """Whether limits change any of the figures."""
        return any(column.held for column in self.columns)


def proof_view(plan: Plan, proof: Mapping[str, Any], measured: Measured | None = None) -> ProofView:
    problems = tuple(proof.get("problems", ()))
    severities = [problem["severity"] for problem in problems]
    worst = proof["worst"]
    columns, lacking = tuple(_columns(worst)), gaps(plan, worst)
    return ProofView(
        ok="error" not in severities,
        errors=severities.count("error"),
        warnings=severities.count("warning"),
        notes=severities.count("info"),
        problems=problems,
        figures=tuple(_figures(plan, worst, {column.name for column in columns}, measured, short(lacking))),
        columns=columns,
        derivation=tuple(_line(line, columns) for line in worst["derivation"]),
        rows=tuple(error_rows(plan, proof["errors"])),
        gaps=lacking,
        open_ended=tuple(end["sentence"] for end in worst["open_ended"] if isinstance(end, Mapping)),
        older=_older(plan, worst, {problem["code"] for problem in problems}),
        runs=measured.number if measured else 0,
    )


def _older(plan: Plan, worst: Mapping[str, Any], codes: set[str]) -> str:
    if "waiting_seconds" not in worst:
        return "waits between tries, and the time of people who are asked whether something happened"
    fans = [line["step"] for line in worst["derivation"] if line["step"] in plan.steps and at_once(plan.steps[line["step"]])]
    if fans and "worst_case_above_limit" in codes and "one_after_another" not in codes:
        return "that a limit may leave no room for child runs at once, so that what people and waits take may add up to more"
    return ""


def _whole(number: float | None) -> str:
    return "unknown" if number is None else f"{number:,.0f}"


def _dollars(dollars: float | None) -> str:
    return money(None if dollars is None else round(dollars * NANO))


def _span(seconds: float | None) -> str:
    return duration(seconds or 0)


def _about(seconds: float | None) -> str:
    """What was measured is known more exactly than anybody wants to read."""
    seconds = seconds or 0
    return duration(round(seconds, 3 if seconds < 0.1 else 1 if seconds < 60 else 0))


_Say = Callable[[float | None], str]
_QUANTITIES: tuple[tuple[str, str, str, str, _Say], ...] = (
    ("executions", "executions", "executions", "Steps", _whole),
    ("calls", "calls", "calls", "Calls", _whole),
    ("tokens", "tokens", "tokens", "Tokens", _whole),
    ("cost", "cost_usd", "cost_usd", "Dollars", _dollars),
    ("seconds", "seconds", "machine_seconds", "Machine time", _span),
    ("waiting", "waiting", "waiting_seconds", "Waiting", _span),
    ("human", "human", "human_seconds", "People's time", _span),
)
"""Of each: its name, its key in a line and in the worst case, its title, how it is said. Versions that were published before
a quantity was counted lack it."""


def _columns(worst: Mapping[str, Any]) -> list[Column]:
    """Those in which anything stands."""
    found = []
    for name, key, whole, title, say in _QUANTITIES:
        amounts = [line[key] for line in worst["derivation"] if key in line]
        if any(amount is None or amount for amount in amounts) and whole in worst:
            total = None if None in amounts else sum(amounts)
            said, figure = say(total), say(worst[whole])
            found.append(Column(name, title, said, "" if said == figure else figure))
    return found


def _line(line: Mapping[str, Any], columns: tuple[Column, ...]) -> DerivedStep:
    """Without the title in its sentence, which stands beside it."""
    said = line["sentence"].removeprefix(f"{line['title']}: ")
    shown = {column.name for column in columns}
    amounts = [(title, line[key], say) for name, key, _, title, say in _QUANTITIES if name in shown]
    cells = tuple((title, say(amount) if amount is None or amount else "") for title, amount, say in amounts)
    return DerivedStep(line["step"], line["title"], line["times"], cells, said[:1].upper() + said[1:])


def _figures(plan: Plan, worst: Mapping[str, Any], columns: set[str], measured: Measured | None, unpriced: str) -> list[Figure]:
    limits, found = plan.workflow.limits, []
    steps = f"limit {limits.steps}" if limits.steps else ""
    dollars = f"limit {_dollars(limits.cost_usd)}" if limits.cost_usd else ""
    time = f"limit {duration(limits.machine_time)}" if limits.machine_time else ""
    tokens = worst.get("tokens", None if worst["tokens_in"] is None else worst["tokens_in"] + worst["tokens_out"])
    rows = [
        (f"{worst['executions']:,}", "step" if worst["executions"] == 1 else "steps", "executions", steps),
        (f"{worst['calls']:,}", f"{'call' if worst['calls'] == 1 else 'calls'}, {worst['model_calls']:,} to models", "calls", ""),
        (_whole(tokens), "tokens", "tokens", ""),
        (_dollars(worst["cost_usd"]), "for models", "cost", dollars),
        (_span(worst["machine_seconds"]), "machine time", "seconds", time),
        (_span(worst.get("waiting_seconds")), _waits(plan), "waiting", ""),
        (_people(worst), "of people's time", "human", ""),
    ]
    for value, words, column, limit in rows:
        if column != "waiting" or column in columns:
            why = unpriced if column == "cost" and column in columns else ""
            found.append(Figure(value, words, column if column in columns else "", limit, _usual(column, measured), why))
    return found


def _usual(column: str, measured: Measured | None) -> str:
    """`p50 2 · p95 5`."""
    if measured is None or column not in measured.middle:
        return ""
    say: _Say = {name: say for name, *_, say in _QUANTITIES}[column]
    if say is _span:
        say = _about
    middle, most = (say(amounts[column] / (NANO if column == "cost" else 1)) for amounts in (measured.middle, measured.most))
    return f"p50 {middle} · p95 {most}"


def _waits(plan: Plan) -> str:
    waits = any(step.type == "wait" for step in plan.steps.values())
    return "of waiting, between tries too" if waits else "between tries"


def _people(worst: Mapping[str, Any]) -> str:
    """A question without a deadline leaves it open."""
    without = any(isinstance(end, Mapping) and "wait" in end["kinds"] for end in worst["open_ended"])
    if not worst["human_seconds"]:
        return "open-ended" if without else "nothing"
    return f"{duration(worst['human_seconds'])} and more" if without else duration(worst["human_seconds"])


def error_rows(plan: Plan, errors: Errors) -> list[ErrorRow]:
    rows = []
    for name in plan.steps:
        by_target: dict[str, list[str]] = {}
        for code, to in errors.get(name, {}).items():
            by_target.setdefault(to, []).append(code)
        if by_target:
            ways = tuple((tuple(codes), target(plan, to, plan.steps[name].level)) for to, codes in by_target.items())
            rows.append(ErrorRow(name, plan.steps[name].label, ways))
    return rows
