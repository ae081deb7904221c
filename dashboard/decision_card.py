"""A recorded decision as its card shows it: the sentence, what it rested on and who wrote that, what was tried before, which
checks its output met, how far it was from going the other way, and a loop's series."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.json_view import text
from orchestration.queries.progress import Rounds

Writer = Callable[[str], tuple[str, int | None]]
"""Path of an operand → (who wrote it, the step record that did, where there is one)."""

WROTE = {
    "run": "run input", "input": "the step's input", "output": "the step's output", "carry": "the loop's carry",
    "iter": "the loop's round", "error": "the failed step", "item": "the item", "index": "the item",
    "limits": "the workflow's limits", "spent": "the run so far", "call": "what the call could cost",
    "event": "what it waited for", "correlation": "what it waited for", "until": "what it waited for",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operand:
    """`above`: the address of the run around this one whose record `seq` it is, "" where it is this one's."""

    path: str
    value: Any
    present: bool
    writer: str
    seq: int | None
    margin: str
    above: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule that was tried before, or a check. `why` begins with whether it held."""

    text: str
    label: str
    why: str
    held: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One round of a loop's progress; `change` against the one before."""

    round: int
    value: str
    change: str


@dataclass(frozen=True, slots=True)
class Via:
    """How the step itself came to the end of its round, where the loop's rules took over."""

    sentence: str
    rule: str
    operands: tuple[Operand, ...]
    tried: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Card:
    sentence: str
    rule: str
    to: str
    operands: tuple[Operand, ...]
    tried: tuple[Condition, ...]
    checks: tuple[Condition, ...]
    series: tuple[Point, ...]
    via: Via | None = None

    @property
    def margins(self) -> bool:
        """Whether any distance is known."""
        return any(operand.margin for operand in (*self.operands, *(self.via.operands if self.via else ())))


Words = Callable[[str], str]


def card(
    decision: Mapping[str, Any], writer: Writer, title: Words, progress: Rounds | None = None, above: Words = lambda path: ""
) -> Card:
    """`title` turns the target, a path or an outcome, into words. `progress` is of all rounds; the decision tells the last.
    `above`: the address of the run around this one that wrote at a path, or had the input (`run`)."""
    tried, checks = decision.get("tried", ()), decision.get("checks", ())
    compared = _compared(decision, tried, checks)
    rested = [*decision.get("because", ()), *(found for check in checks for found in check.get("operands", ()))]
    operands = {operand["path"]: operand for operand in rested}
    return Card(
        decision["sentence"],
        decision["rule"],
        title(decision["to"]),
        tuple(_operand(operand, writer, compared, title, above) for operand in operands.values()),
        tuple(map(_condition, tried)),
        tuple(map(_condition, checks)),
        _series(progress or _last_rounds(decision)),
        _via(decision.get("via"), writer, title, above),
    )


def _compared(holder: Mapping[str, Any], *conditions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found = [compared for each in conditions for one in each for compared in one.get("comparisons", ())]
    return [*holder.get("comparisons", ()), *found]


def _via(via: Mapping[str, Any] | None, writer: Writer, title: Words, above: Words) -> Via | None:
    if via is None:
        return None
    tried = via.get("tried", ())
    operands = tuple(_operand(operand, writer, _compared(via, tried), title, above) for operand in via["because"])
    return Via(via["sentence"], via["rule"], operands, tuple(map(_condition, tried)))


def _operand(
    operand: Mapping[str, Any], writer: Writer, compared: Iterable[Mapping[str, Any]], title: Words, above: Words
) -> Operand:
    path = operand["path"]
    told, seq = operand.get("by"), operand.get("seq")
    there = above(str(told or path.partition(".")[0]))
    if told in WROTE and seq is None:
        told, seq = WROTE[told], 0 if told == "run" else None
    elif told and seq is not None:
        told = title(told)
    elif not told:
        told, seq = writer(path)
    margin = next((m for c in compared if path in c["text"] and (m := _margin(c))), "")
    return Operand(path, operand.get("value"), operand.get("present", True), str(told), seq, margin, there)


def _margin(comparison: Mapping[str, Any]) -> str:
    """`0.18 short of >= 0.8`; nothing where there is no distance to tell."""
    margin = comparison.get("margin")
    if not isinstance(margin, int | float) or isinstance(margin, bool):
        return ""
    return (
        f"{abs(margin):.4g} {'inside' if comparison['held'] else 'short of'} {comparison['op']} {text(comparison['right'], 40)}"
    )


def _condition(rule: Mapping[str, Any]) -> Condition:
    held = bool(rule.get("held", False))
    settling = [c for c in rule.get("comparisons", ()) if bool(c["held"]) is held]
    if settling:
        why = "; ".join(f"{c['text'].split(c['op'])[0].strip()} was {text(c['left'], 60)}" for c in settling[:3])
    else:
        why = "; ".join(
            f"{o['path']} was {text(o['value'], 60)}" if o.get("present", True) else f"{o['path']} was absent"
            for o in rule.get("operands", ())[:3]
        )
    words = "held" if held else "did not hold"
    return Condition(rule.get("text", ""), rule.get("label", ""), f"{words}: {why}" if why else words, held)


def _last_rounds(decision: Mapping[str, Any]) -> Rounds:
    series = decision.get("series", ())
    ended = decision.get("round", "").rpartition("[")[2].rstrip("]")
    first = (int(ended) if ended else len(series)) - len(series) + 1
    return tuple(enumerate(series, first))


def _series(rounds: Rounds) -> tuple[Point, ...]:
    found: list[Point] = []
    last: float | None = None
    for number, value in rounds:
        change = "" if last is None else f"{value - last:+.4g}" if value != last else "no change"
        found.append(Point(number, f"{value:.4g}", change))
        last = value
    return tuple(found)
