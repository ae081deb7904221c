"""Every run that a small definition can take, by trying each way at each step. Written from DESIGN.md alone, without the
proof's graphs, so that both can be compared. Definitions are those of `drawn`: no two steps share an id."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.core.drawn import DONE, Data, flow, fork, get, loop, person, put, step

CODES = ("timeout", "not_found", "limit", "expression")
"""Errors by which the catches below tell failures apart, and one that only `*` takes."""

Facts = frozenset[str]


@dataclass(frozen=True)
class Walk:
    """A way through a level: the steps that were entered, each with what was there; the records that were made; and how it
    ended (`continue`, `break`, `end`, or `failed`), with what was there then."""

    entered: tuple[tuple[str, Facts], ...]
    records: tuple[str, ...]
    end: str
    facts: Facts

    def before(self, rest: "Walk") -> "Walk":
        return Walk(self.entered + rest.entered, self.records + rest.records, rest.end, rest.facts)


def runs(data: Data) -> Iterator[Walk]:
    yield from _from(data["steps"], data["start"], frozenset())


def _from(level: list[Data], name: str, facts: Facts) -> Iterator[Walk]:
    step = next(each for each in level if each["id"] == name)
    for done, target in _visit(step, facts):
        here = Walk(((name, facts), *done.entered), done.records, done.end, done.facts)
        if target is None:
            yield here
        elif target in ("break", "continue"):
            yield Walk(here.entered, here.records, target, here.facts)
        else:
            for rest in _from(level, target, here.facts):
                yield here.before(rest)


def _visit(step: Data, facts: Facts) -> Iterator[tuple[Walk, str | None]]:
    """Each way a visit may go: what it did, and where to; None where the run, or the level, ends there."""
    record, written = (step["id"],), facts | {step["id"]}
    if step["type"] == "loop":
        yield from _loop(step, facts)
    elif step["type"] == "end":
        yield Walk((), record, "end", facts), None
    elif step["type"] == "branch":
        for target in [*(case["to"] for case in step["cases"]), step["default"]]:
            yield Walk((), record, "", facts), target
        yield Walk((), record, "failed", facts), None
    elif step["type"] == "human":
        for action in step["actions"]:
            yield Walk((), record, "", written), action["to"]
        yield Walk((), record, "", facts), step["on_deadline"]
    else:
        yield Walk((), record, "", written), step.get("next", "continue")
        if step["type"] == "tool":
            yield from _failures(step, Walk((), record, "failed", facts))


def _failures(step: Data, failed: Walk) -> Iterator[tuple[Walk, str | None]]:
    """A failure of each kind, to where it is caught, else out of the level. `failed.facts` is what was there on entry."""
    targets = dict.fromkeys(_catch(step, code) for code in CODES)
    for target in targets:
        yield (Walk(failed.entered, failed.records, "", failed.facts | {"error"}), target) if target else (failed, None)


def _catch(step: Data, code: str) -> str | None:
    for catch in step.get("catch", ()):
        if code in catch["errors"] or "*" in catch["errors"]:
            return str(catch["to"])
    return None


def _loop(step: Data, facts: Facts) -> Iterator[tuple[Walk, str | None]]:
    yield from _failures(step, Walk((), (step["id"],), "failed", facts))  # its first carry
    for rounds in _rounds(step, facts, 1):
        closed = Walk(rounds.entered, (*rounds.records, step["id"]), "failed", facts)
        if rounds.end == "end":
            yield rounds, None
            continue
        yield from _failures(step, closed)  # its body's, its update's, its output's, or that it has not converged
        if rounds.end != "failed":
            for key in ("next", "on_exhausted", "on_stalled"):
                if key == "next" or key in step:
                    yield Walk(closed.entered, closed.records, "", facts | {step["id"]}), step.get(key, "continue")


def _rounds(step: Data, facts: Facts, number: int) -> Iterator[Walk]:
    for one in _from(step["body"], step["body"][0]["id"], facts):
        yield one
        if one.end == "continue" and number < step["max"]:
            for rest in _rounds(step, facts, number + 1):
                yield one.before(rest)


# definitions to walk


@st.composite
def bodies(draw: Any, prefix: str, most: int, inside: bool, deep: bool) -> list[Data]:
    """The steps of a level; routes lead forward only. Some may be unreachable."""
    count = draw(st.integers(1, most))
    names = [f"{prefix}{index}" for index in range(count)]
    found: list[Data] = []
    for index, name in enumerate(names):
        ends = ["break", "continue"] if inside else ["done"]
        target = st.sampled_from([*names[index + 1 :], *ends])
        codes = st.sampled_from([["*"], ["timeout"], ["not_found"], ["timeout", "limit"]])
        catches = st.lists(st.builds(lambda errors, to: {"errors": errors, "to": to}, codes, target), max_size=2)
        following = st.none() | target if inside else target
        kinds = ["set", "tool", "branch", "human", *(["loop"] if deep else []), *(["end"] if inside else [])]
        kind = draw(st.sampled_from(kinds))
        if kind == "set":
            found.append(put(name, draw(following)))
        elif kind == "tool":
            found.append(get(name, draw(following), catch=draw(catches)))
        elif kind == "branch":
            found.append(fork(name, "run.input.text == 'x'", draw(target), draw(target)))
        elif kind == "end":
            found.append(step(name, "end", outcome="ok"))
        elif kind == "human":
            found.append(person(name, draw(target), draw(target)))
        else:
            keys = {key: draw(target) for key in ("on_exhausted", "on_stalled") if draw(st.booleans())}
            if "on_stalled" in keys:
                keys |= {"progress": "1.0"}
            inner = draw(bodies(f"{name}_", 2, True, False))
            found.append(loop(name, inner, draw(following), max=draw(st.integers(1, 2)), catch=draw(catches), **keys))
    return found


@st.composite
def definitions(draw: Any) -> Data:
    return flow(*draw(bodies("s", 4, False, True)), DONE)
