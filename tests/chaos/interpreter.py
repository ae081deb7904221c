"""What a definition means, once more: a small interpreter written from the format's description alone. It knows nothing of the
engine, and may not.

    interpret(definition, given, answers, parts)   the path (records with where each went), the outcome and the output

Calls, people and their answers are a function (`answers`). There are no crashes here: what a fault may legitimately change is
what is *asked* (an irreversible call that nobody knows of goes to a person), never where the run goes from there, since whoever
is asked says what is true. Items and arms are courses of their own. Where it is settled before all of them are through how their
step ends, the others may have been stopped anywhere (`Fanned.settled`); which of several failures is told is open then.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.accepting import Failed, Step, accepted, errors, read
from tests.chaos.answers import DOWN, Answers, Sent, Told, place_of
from tests.chaos.expressions import filled, holds, value

_MOST_AHEAD = 366 * 86_400
"""Seconds: whoever would wait for longer can't."""
RETRIED = ("timeout", "unavailable", "rate_limited")
"""The errors that a `retry` is about where it names none."""


@dataclass
class Course:
    """`path` holds (path, to) for each record; `fans` what has child runs, by path; `waits` the events that it waits for, one
    after the other: (name, correlation, what is sent). An item or an arm has no outcome, and where a run failed, `failed` says
    with what."""

    path: list[tuple[str, str]] = field(default_factory=list)
    outcome: str = ""
    output: Any = None
    fans: "dict[str, Fanned]" = field(default_factory=dict)
    failed: str | None = None
    waits: list[tuple[str, str, Sent]] = field(default_factory=list)

    def all_waits(self) -> Iterator[tuple[str, str, Sent]]:
        """Those of its child runs too."""
        yield from self.waits
        yield from (each for fan in self.fans.values() for child in fan.children for each in child.all_waits())


@dataclass
class Fanned:
    """The items or the arms of one step, in their order, or the one run of a called workflow. `settled`: (whether they are done,
    how many): as soon as so many have ended so, the others are stopped; None where each goes to its end."""

    children: list[Course]
    settled: tuple[bool, int] | None = None


@dataclass
class _Scope:
    """A level: the root, a round of a loop, an item or an arm. `prefix` stands before the paths of its steps."""

    steps: dict[str, Step]
    prefix: str = ""
    outer: "_Scope | None" = None
    round: int = 0
    """Of a loop, from 1."""
    carry: Any = None
    item: dict[str, Any] = field(default_factory=dict)
    """`item` and `index`, as far as they are in sight."""
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    def sight(self, given: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"run": {"input": given}, "steps": self.written, **self.item}
        if self.round:
            found |= {"carry": self.carry, "iter": {"index": self.round}}
        if error := self.error or (self.outer.error if self.outer else None):
            found["error"] = error
        return found

    @property
    def written(self) -> dict[str, Any]:
        return {**(self.outer.written if self.outer else {}), **self.outputs}


class _Breached(Exception):
    """All steps that the run may take are taken, and it stands at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def interpret(definition: Mapping[str, Any], given: Any, answers: Answers, parts: Mapping[str, Any]) -> Course:
    """`parts`: the workflows that may be called, by `id@version`."""
    return _Run(definition, given, answers, parts).course


class _Run:
    def __init__(self, definition: Mapping[str, Any], given: Any, answers: Answers, parts: Mapping[str, Any]) -> None:
        self.definition, self.given, self.answers, self.parts = definition, given, answers, parts
        self.course = Course()
        self.most = definition.get("limits", {}).get("steps", math.inf)
        root = _Scope({step["id"]: step for step in definition["steps"]})
        try:
            self._through(root)
            if definition["outcomes"][self.course.outcome]["kind"] == "failure":
                self.course.failed = "tool_error"
        except Failed as failed:
            self._to(definition["on_failure"])
            self.course.outcome, self.course.output = definition["on_failure"], None
            self.course.failed = failed.code

    def _through(self, root: _Scope) -> None:
        """From its start to an end, or, from where it meets its limit, from `on_breach` to one: then the limit holds no more."""
        try:
            self._level(root, self.definition["start"])
        except _Breached as met:
            self.most, to = math.inf, self.definition["limits"]["on_breach"]
            self._goes(met.path, to)
            self._level(root, to)

    def _within(self, path: str) -> None:
        if len(self.course.path) >= self.most:
            raise _Breached(path)

    def _level(self, scope: _Scope, name: str) -> str:
        """Walks a level from this step on. Returns why it was left: `end`, `break` or `continue`. The record that leads out of a
        round is open until the loop says where that goes."""
        while True:
            step = scope.steps[name]
            path = f"{scope.prefix}{name}"
            if step["type"] == "end":
                self.course.output = filled(step["output"], scope.sight(self.given)) if "output" in step else None
                self.course.outcome = step["outcome"]
                self._goes(path, step["outcome"])
                return "end"
            if step["type"] != "human":
                self._within(path)
            try:
                to = self._visit(scope, step, path)
            except Failed as failed:
                taken = next((c["to"] for c in step.get("catch", ()) if {"*", failed.code} & {*c["errors"]}), None)
                self._goes(path, "")
                if taken is None:
                    raise
                scope.error = {"code": failed.code, "step": name}
                to = taken
            else:
                if to == "":
                    return "end"
                self._goes(path, "")
            if to in ("break", "continue"):
                return to
            name = to
            self._to(f"{scope.prefix}{to}")

    def _goes(self, path: str, to: str) -> None:
        self.course.path.append((path, to))

    def _to(self, to: str) -> None:
        """Where the last record goes."""
        self.course.path[-1] = (self.course.path[-1][0], to)

    def _visit(self, scope: _Scope, step: Step, path: str) -> str:
        """Where the step goes; "" where the run ended in it. Raises `Failed`."""
        sight = scope.sight(self.given)
        after = step.get("next", "continue")
        match step["type"]:
            case "set":
                scope.outputs[step["id"]] = filled(step["values"], sight)
            case "branch":
                return next((case["to"] for case in step["cases"] if holds(case["when"], sight)), step["default"])
            case "human":
                return self._person(scope, step, sight)
            case "loop":
                return self._loop(scope, step, path)
            case "wait":
                return self._wait(scope, step, sight)
            case "map" | "parallel":
                scope.outputs[step["id"]] = self._fan(scope, step, path)
            case "workflow":
                scope.outputs[step["id"]] = self._called(scope, step, path)
            case _:
                scope.outputs[step["id"]] = self._ladder(scope, step, path, sight)
        return str(after)

    def _person(self, scope: _Scope, step: Step, sight: Mapping[str, Any]) -> str:
        shown = filled(step["show"], sight)
        index, amount = self.answers.person(place_of(shown), len(step["actions"]))
        action = step["actions"][index]
        scope.outputs[step["id"]] = {"action": action["id"], "values": {"amount": amount}}
        return str(action["to"])

    def _wait(self, scope: _Scope, step: Step, sight: Mapping[str, Any]) -> str:
        """What a moment gives is never read, nor what an event gives that may come or not: then it leads the same way."""
        after = str(step.get("next", "continue"))
        if "until" in step:
            seconds, most = _seconds(filled(step["until"], sight)), _seconds(step.get("deadline", f"{_MOST_AHEAD}s"))
            if seconds > _MOST_AHEAD:
                raise Failed("expression")
            return after if seconds <= most else str(step["on_deadline"])
        correlation = filled(step["correlation"], sight)
        sent = self.answers.event(step["event"], correlation)
        self.course.waits.append((step["event"], correlation, sent))
        if sent.comes:
            scope.outputs[step["id"]] = accepted(step, None, sent.payload)
        assert sent.comes is not None or step["on_deadline"] == after
        return str(step["on_deadline"]) if sent.comes is False else after

    # loops

    def _loop(self, scope: _Scope, step: Step, path: str) -> str:
        body = {inner["id"]: inner for inner in step["body"]}
        carry = filled(step.get("carry", {}), scope.sight(self.given))
        before: int | None = None
        for number in range(1, step["max"] + 1):
            inner = _Scope(body, f"{path}[{number}]/", scope, number, carry, scope.item, error=scope.error)
            if number > 1:
                self._to(f"{path}[{number}]/{step['body'][0]['id']}")
            try:
                left = self._level(inner, step["body"][0]["id"])
            except Failed:
                self._to(path)
                self._within(path)
                raise
            if left == "end":
                return ""
            if left == "break":
                return self._closed(scope, step, path, inner, "next")
            carry = inner.carry = filled(step["update"], inner.sight(self.given)) if "update" in step else carry
            sight = inner.sight(self.given)
            if "until" in step and holds(step["until"], sight):
                return self._closed(scope, step, path, inner, "next")
            if "progress" in step:
                now = value(step["progress"], sight)
                if before is not None and now <= before:
                    return self._closed(scope, step, path, inner, "on_stalled")
                before = now
        return self._closed(scope, step, path, inner, "on_exhausted" if "until" in step or "on_exhausted" in step else "next")

    def _closed(self, scope: _Scope, step: Step, path: str, inner: _Scope, way: str) -> str:
        self._to(path)
        self._within(path)
        if way not in step and way != "next":
            raise Failed("limit")
        output = filled(step["output"], inner.sight(self.given)) if "output" in step else inner.carry
        scope.outputs[step["id"]] = output
        return str(step.get(way, "continue"))

    # child runs

    def _called(self, scope: _Scope, step: Step, path: str) -> Any:
        """What a called workflow gives, which sees nothing of what is around it. Raises `Failed`."""
        given = filled(step["input"], scope.sight(self.given))
        found = interpret(self.parts[step["workflow"]], given, self.answers, self.parts)
        self.course.fans[path] = Fanned([found])
        if found.failed is not None:
            raise Failed(found.failed)
        return {"outcome": found.outcome, "output": found.output}

    def _fan(self, scope: _Scope, step: Step, path: str) -> Any:
        """What the step gives. Raises `Failed`."""
        if step["type"] == "map":
            items = enumerate(value(step["over"][2:-1], scope.sight(self.given)))
            found = [self._child(scope, step, f"{path}[{n}]", {"item": item, "index": n}) for n, item in items]
        else:
            found = [self._child(scope, arm, f"{scope.prefix}{arm['id']}", scope.item) for arm in step["branches"]]
        fanned = self.course.fans[path] = Fanned(found)
        done = [n for n, child in enumerate(found) if child.failed is None]
        codes, need = {child.failed for child in found if child.failed is not None}, _need(step, len(found))
        if len(done) < need:
            fanned.settled = (False, len(found) - need + 1)
            raise Failed(codes.pop() if len(codes) == 1 else "")
        if step["type"] == "parallel":
            fanned.settled = (True, need)
            return {step["branches"][n]["id"]: found[n].output for n in done}
        if step["on_item_error"] == "collect":
            return [_collected(n, child) for n, child in enumerate(found)]
        return [found[n].output for n in done]

    def _child(self, scope: _Scope, container: Step, path: str, item: dict[str, Any]) -> Course:
        """The course of one item or arm, which ends in itself."""
        inner = _Scope({step["id"]: step for step in container["body"]}, f"{path}/", scope, item=item, error=scope.error)
        around, self.course = self.course, Course()
        try:
            self._level(inner, container["body"][0]["id"])
            if "output" in container:
                self.course.output = filled(container["output"], inner.sight(self.given))
            else:
                self.course.output = inner.outputs.get(self.course.path[-1][0].removeprefix(inner.prefix))
        except Failed as failed:
            self.course.failed = failed.code
        finally:
            self._to(path)
            child, self.course = self.course, around
        return child

    # calls

    def _ladder(self, scope: _Scope, step: Step, path: str, sight: Mapping[str, Any]) -> Any:
        """attempt → repair → retry → next fallback; raises the last rung's error."""
        given = filled(step["input"], sight)
        last = Failed("")
        for rung in ({}, *step.get("fallback", ())):
            try:
                if "step" in rung:
                    return self._in_place(scope, step, path, rung["step"], given)
                return self._rung(step, given, rung.get("model", step.get("model")))
            except Failed as failed:
                last = failed
        raise last

    def _in_place(self, scope: _Scope, step: Step, path: str, name: str, given: Any) -> Any:
        inner = scope.steps[name]
        sight = scope.sight(self.given)
        self._within(f"{path}/fallback.{name}")
        try:
            output = (
                filled(inner["values"], sight) if inner["type"] == "set" else self._rung(inner, filled(inner["input"], sight))
            )
        finally:
            self._goes(f"{path}/fallback.{name}", path)
            self._within(path)
        return accepted(step, given, output)

    def _rung(self, step: Step, given: Any, model: str | None = None) -> Any:
        retries = step.get("retry", {}).get("attempts", 1) - 1
        repairs = step.get("repair", {}).get("attempts", 0)
        for ask in range(repairs + 1):
            told, retries = self._asked(step, given, model, ask, retries)
            try:
                return accepted(step, given, read(told, model))
            except Failed as failed:
                if failed.code != "invalid_output" or ask == repairs:
                    raise
        raise AssertionError

    def _asked(self, step: Step, given: Any, model: str | None, ask: int, retries: int) -> tuple[Told, int]:
        """What was said in the end, and the retries that are left. An error that no retry outlasts is raised."""
        if model is not None:
            told = self.answers.model(model, place_of(given), ask)
        else:
            told = self.answers.tool(step["tool"], place_of(given))
            if step["tool"] == "irreversible" or any(trouble.effect for trouble in told.troubles):
                return told, retries  # asked about, or sent again under its key: it is done once, and its answer is known
        found = list(errors(told))
        for code in found:
            if code not in step.get("retry", {}).get("errors", RETRIED) or not retries:
                raise Failed(code)
            retries -= 1
        if told.kind == DOWN:
            raise Failed("unavailable")
        return told, retries


def _seconds(moment: Any) -> float:
    """From now to it: of a duration, or a number. A time is one that has passed."""
    if not isinstance(moment, str):
        return float(moment)
    found = re.fullmatch(r"([0-9.]+)(ms|s|h|d)", moment)
    return float(found[1]) * {"ms": 0.001, "s": 1, "h": 3600, "d": 86_400}[found[2]] if found else 0.0


def _need(step: Step, total: int) -> int:
    """How many items or arms have to be done."""
    if step["type"] == "parallel":
        return {"all": total, "any": 1}.get(step["join"]) or int(step["join"])
    wanted = step.get("need", total if step["on_item_error"] == "fail" else 0)
    return math.ceil(total * int(wanted[:-1]) / 100) if isinstance(wanted, str) else int(wanted)


def _collected(index: int, child: Course) -> dict[str, Any]:
    """Without the words of the error."""
    if child.failed is None:
        return {"index": index, "ok": True, "value": child.output}
    return {"index": index, "ok": False, "error": {"code": child.failed}}
