"""What a run waits for that nobody here can give it: an event from outside, or a moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.core import event as events
from orchestration.queries import events as queries
from orchestration.queries.events import KeptEvent
from orchestration.queries.runs import RunDetail


@dataclass(frozen=True, slots=True)
class Rest:
    """`event` "" where it is a moment. `then`: the step that follows when nothing has come by `due`, "" where `due` is what is
    waited for. `come`: its event has, and it goes on. `kept`: events of the name that came for others, or with a slip in the
    correlation."""

    event: str
    correlation: Any
    since: datetime
    due: datetime | None
    then: str
    come: bool
    kept: tuple[KeptEvent, ...]


def rest(run: RunDetail, definition: Mapping[str, Any], named: Mapping[str, str]) -> Rest | None:
    """None where the run waits for something else, or for nothing. One query at most."""
    if run.wait not in ("event", "time") or run.since is None:
        return None
    step, part = _found(definition, run.place.rpartition("/")[2])
    to = str(step.get("on_deadline") or "")
    then = {"break": "the end of the loop", "continue": f"the end of the {part}"}.get(to) or named.get(to, to)
    name, correlation = events.parts_of(run.awaits) if run.awaits else (str(step.get("event") or ""), None)
    kept = queries.kept(name) if run.awaits else ()
    return Rest(name, correlation, run.since, run.due, then, run.wait == "event" and not run.awaits, kept)


def takes(definition: Mapping[str, Any], step: str) -> dict[str, Any]:
    """The contract for what comes to a wait of this id; {} where it says none."""
    found = _found(definition, step)[0]
    return dict(found.get("output") or {}) if found.get("type") == "wait" else {}


def _found(definition: Mapping[str, Any], step: str) -> tuple[Mapping[str, Any], str]:
    return next((found for found in _steps(definition.get("steps", ())) if found[0]["id"] == step), ({}, ""))


def _steps(steps: Any, part: str = "") -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every step, and what it ends where it goes to `continue`: a round, an item or an arm."""
    for step in steps:
        yield step, part
        yield from _steps(step.get("body", ()), "item" if step.get("type") == "map" else "round")
        for arm in step.get("branches", ()):
            yield from _steps(arm["body"], "arm")
