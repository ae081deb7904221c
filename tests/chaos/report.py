"""What a chaos run came to, in words: what was done, what it did, how fast it was made good, and the verdict."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos import FAILED, INVALID, PASSED
from tests.chaos.faults import Faults
from tests.chaos.judge import BOUND
from tests.chaos.takeover import MOST, share

_NEEDED = {
    "rate limits of models and tools": ("429", "429 with Retry-After"),
    "5xx": ("503", "502 of HTML"),
    "hanging calls": ("hang",),
    "broken connections": ("reset", "cut"),
    "malformed answers": tuple(f"malformed: {kind}" for kind in ("prose", "wrong value", "wrong type", "missing", "truncated")),
}
_COUNTED = {
    "starts repeated under their key": "starts repeated",
    "other requests under a key": "other requests under a key refused",
    "events repeated under their key": "events repeated",
    "other events under a key": "other events under a key refused",
    **{
        name: name
        for name in ("events that a run waited for", "events kept", "waits that ended by their deadline", "workflows called")
    },
}
SHOWN = 20


@dataclass
class Outcome:
    seed: int
    on: str
    faults: Faults
    runs: Mapping[int, str]
    counts: Counter[str]
    """What clients and people met."""
    troubles: Mapping[str, int]
    """What the scripted server did."""
    children: tuple[int, int]
    """Child runs, and how many of them were stopped."""
    refused: int
    rested: float
    late: Mapping[str, float]
    findings: Sequence[str]
    times: Mapping[str, float] = field(default_factory=dict)
    """Seconds."""

    def bites(self) -> dict[str, int]:
        """How often each kind of fault has bitten."""
        found = {kind: self.faults.bites[kind] for kind in self.faults.kinds}
        found |= {name: sum(self.troubles.get(kind, 0) for kind in kinds) for name, kinds in _NEEDED.items()}
        found |= {name: self.counts[counted] for name, counted in _COUNTED.items()}
        found["child runs taken over"] = self.faults.takeovers.children
        found["child runs stopped"] = self.children[1]
        return found

    @property
    def code(self) -> int:
        if self.findings:
            return FAILED
        return PASSED if all(self.bites().values()) else INVALID


def lines(told: Outcome) -> Iterator[str]:
    times = ", ".join(f"{name} {value:.0f} s" for name, value in told.times.items())
    yield f"Seed {told.seed} on {told.on}: {len(told.runs)} runs accepted, {told.children[0]} child runs; {times}."
    yield "What was done, and how often it bit:"
    for kind, times in told.bites().items():
        tried = f"tried {told.faults.tried[kind]} times" if kind in told.faults.kinds else ""
        yield f"  {kind:34} {times:6}  {'' if times else 'DID NOT BITE '}{tried}"
    yield f"  {'writes refused, as another had it':34} {told.refused:6}"
    for name, times in sorted((name, times) for name, times in told.counts.items() if name not in _COUNTED.values()):
        yield f"  {name:34} {times:6}"
    yield from _speed(told)
    yield f"Everything was at rest {told.rested:.1f} s after the last fault."
    for run, seconds in sorted(told.late.items(), key=lambda item: -item[1])[:SHOWN]:
        yield f"  slower than the bound of {BOUND:.0f} s: run {run} was due for {seconds:.1f} s, and nobody took it up"
    yield from (f"WRONG  {found}" for found in told.findings[:SHOWN])
    if len(told.findings) > SHOWN:
        yield f"WRONG  and {len(told.findings) - SHOWN} more"
    yield {
        PASSED: "Passed.",
        FAILED: f"FAILED: {len(told.findings)} things are wrong. Again: make chaos SEED={told.seed}",
        INVALID: "INVALID: not every fault has bitten, so this run proves nothing.",
    }[told.code]


def _speed(told: Outcome) -> Iterator[str]:
    found = told.faults.takeovers
    for seconds, words in ((found.seconds, ""), (found.hindered, ", the database having been gone for long")):
        if seconds:
            figures = f"p50 {share(seconds, 0.5):.1f} s, p99 {share(seconds, 0.99):.1f} s, at most {max(seconds):.1f} s"
            yield f"From kill -9 of a worker to its {len(seconds)} runs moving again{words}: {figures}"
    if found.freed:
        yield f"  of which until they were taken from it: p50 {share(found.freed, 0.5):.1f} s, at most {max(found.freed):.1f} s"
    if found.seconds and share(found.seconds, 0.99) > MOST:
        yield f"  slower than the bound of {MOST:.0f} s"
