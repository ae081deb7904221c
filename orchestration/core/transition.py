"""What a transition is: where a run goes, by which rule, and what that rested on, as it is decided, recorded and shown."""

from typing import Any, Literal

from orchestration.core.explanation import Explained, distinct
from orchestration.core.frozen import dataclass, replace
from orchestration.core.position import Position
from orchestration.core.result import Failure

Kind = Literal["advance", "finish", "escalate", "again"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One transition. `position` is where the run stands afterwards, None once it is finished.

    `to` is a step's path, or an outcome; `rule` the place in the definition that says so. `because` holds the operands
    (path, value) of the conditions that it rests on and `comparisons` what these compared, whether it held or not; `tried` the
    rules looked at before this one, `checks` those of the step's output, each as `explanation` has it; `series` a loop's
    progress in its last rounds, and `round` the scope (`refine[3]`) of the one that ended with it. Where the step's own way led
    to the end of the round, and the loop's rules from there, `via` is the step's: {rule, sentence, because, …}.
    """

    kind: Kind
    to: str
    rule: str
    sentence: str
    position: Position | None = None
    because: tuple[dict[str, Any], ...] = ()
    comparisons: tuple[dict[str, Any], ...] = ()
    tried: tuple[Explained, ...] = ()
    checks: tuple[Explained, ...] = ()
    series: tuple[float, ...] = ()
    round: str = ""
    via: dict[str, Any] | None = None
    outcome: str | None = None
    output: Any = None
    failure: Failure | None = None

    @property
    def caught(self) -> bool:
        """Whether it was a failure that led here: a step's, or a limit that was met."""
        rules = (self.rule, (self.via or {}).get("rule", ""))
        return any(".catch[" in rule or rule.endswith(("on_unknown", "on_breach")) for rule in rules)

    def as_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "kind": self.kind,
            "to": self.to,
            "rule": self.rule,
            "because": list(self.because),
            "sentence": self.sentence,
        }
        found |= _listed(self, "comparisons", "tried", "checks", "series")
        return {**found, **{name: told for name in ("round", "via") if (told := getattr(self, name))}}


def _listed(of: Any, *names: str) -> dict[str, Any]:
    return {name: list(told) for name in names if (told := getattr(of, name))}


@dataclass(frozen=True, slots=True)
class Why:
    rule: str
    sentence: str
    because: tuple[dict[str, Any], ...] = ()
    comparisons: tuple[dict[str, Any], ...] = ()
    tried: tuple[Explained, ...] = ()
    checks: tuple[Explained, ...] = ()
    series: tuple[float, ...] = ()
    round: str = ""
    via: "Why | None" = None
    plain: bool = False
    """It says no more than that the step was over."""

    def leads(self, kind: Kind, to: str, position: Position) -> Decision:
        words = f"{self.via.sentence} {self.sentence}" if self.via else self.sentence
        via = self.via.beside() if self.via else None
        because, comparisons, tried, checks = self.because, self.comparisons, self.tried, self.checks
        return Decision(kind, to, self.rule, words, position, because, comparisons, tried, checks, self.series, self.round, via)

    def beside(self) -> dict[str, Any]:
        """As it stands beside the loop's. The checks are the visit's, and stand with the decision."""
        found = {"rule": self.rule, "sentence": self.sentence, "because": list(self.because)}
        return {**found, **_listed(self, "comparisons", "tried", "series"), **({"round": self.round} if self.round else {})}

    def resting_on(self, condition: Explained) -> "Why":
        """The same, and on a further condition."""
        because = distinct((*self.because, *condition["operands"]))
        return replace(self, because=because, comparisons=(*self.comparisons, *condition["comparisons"]))

    def past(self, condition: Explained, rule: str) -> "Why":
        """The same, after a further condition that did not hold."""
        because = distinct((*self.because, *condition["operands"]))
        return replace(self, because=because, tried=(*self.tried, {"rule": rule, "label": "", **condition}))
