"""What a definition means, once more: a small interpreter written from the format's description alone. It knows nothing of the
engine, and may not.

    interpret(definition, given, answers)   the path (records with where each went), the outcome and the output

Calls, people and their answers are a function (`answers`). There are no crashes here: what a fault may legitimately change is
what is *asked* (an irreversible call that nobody knows of goes to a person), never where the run goes from there, since whoever
is asked says what is true. Items and arms are courses of their own. Where it is settled before all of them are through how their
step ends, the others may have been stopped anywhere (`Fanned.settled`); which of several failures is told is open then.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.answers import DOWN, STATUS, Answers, Told, place_of
from tests.chaos.expressions import filled, holds, value

Step = Mapping[str, Any]
_TROUBLES = {"429": "rate_limited", "429 with Retry-After": "rate_limited", "hang": "timeout"}
RETRIED = ("timeout", "unavailable", "rate_limited")
"""The errors that a `retry` is about where it names none."""


@dataclass
class Course:
    """`path` holds (path, to) for each record; `fans` what has child runs, by path. An item or an arm has no outcome, and where
    it failed, `failed` says with what."""

    path: list[tuple[str, str]] = field(default_factory=list)
    outcome: str = ""
    output: Any = None
    fans: "dict[str, Fanned]" = field(default_factory=dict)
    failed: str | None = None


@dataclass
class Fanned:
    """The items or the arms of one step, in their order. `settled`: (whether they are done, how many): as soon as so many have
    ended so, the others are stopped; None where each goes to its end."""

    children: list[Course]
    settled: tuple[bool, int] | None = None


class Failed(Exception):
    """`code` is "" where it may be one of several."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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


def interpret(definition: Mapping[str, Any], given: Any, answers: Answers) -> Course:
    return _Run(definition, given, answers).course


class _Run:
    def __init__(self, definition: Mapping[str, Any], given: Any, answers: Answers) -> None:
        self.definition, self.given, self.answers = definition, given, answers
        self.course = Course()
        root = _Scope({step["id"]: step for step in definition["steps"]})
        try:
            self._level(root, definition["start"])
        except Failed:
            self.course.path[-1] = (self.course.path[-1][0], definition["on_failure"])
            self.course.outcome, self.course.output = definition["on_failure"], None

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
            case "map" | "parallel":
                scope.outputs[step["id"]] = self._fan(scope, step, path)
            case _:
                scope.outputs[step["id"]] = self._ladder(scope, step, path, sight)
        return str(after)

    def _person(self, scope: _Scope, step: Step, sight: Mapping[str, Any]) -> str:
        shown = filled(step["show"], sight)
        index, amount = self.answers.person(place_of(shown), len(step["actions"]))
        action = step["actions"][index]
        scope.outputs[step["id"]] = {"action": action["id"], "values": {"amount": amount}}
        return str(action["to"])

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
        if way not in step and way != "next":
            raise Failed("limit")
        output = filled(step["output"], inner.sight(self.given)) if "output" in step else inner.carry
        scope.outputs[step["id"]] = output
        return str(step.get(way, "continue"))

    # child runs

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
        try:
            output = (
                filled(inner["values"], sight) if inner["type"] == "set" else self._rung(inner, filled(inner["input"], sight))
            )
        finally:
            self._goes(f"{path}/fallback.{name}", path)
        return _accepted(step, given, output)

    def _rung(self, step: Step, given: Any, model: str | None = None) -> Any:
        retries = step.get("retry", {}).get("attempts", 1) - 1
        repairs = step.get("repair", {}).get("attempts", 0)
        for ask in range(repairs + 1):
            told, retries = self._asked(step, given, model, ask, retries)
            try:
                return _accepted(step, given, _read(told, model))
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
        errors = list(_errors(told))
        for code in errors:
            if code not in step.get("retry", {}).get("errors", RETRIED) or not retries:
                raise Failed(code)
            retries -= 1
        if told.kind == DOWN:
            raise Failed("unavailable")
        return told, retries


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


def _errors(told: Told) -> Iterator[str]:
    for trouble in told.troubles:
        yield _TROUBLES.get(trouble.kind, "unavailable")


def _read(told: Told, model: str | None) -> Any:
    """The output in an answer. A model's is looked for in what it says; one that was cut off is broken whatever it holds."""
    if told.kind in STATUS:
        raise Failed(told.kind)
    if model is None:
        return told.value
    start, end = told.text.find("{"), told.text.rfind("}")
    if told.kind == "truncated" or start < 0:
        raise Failed("invalid_output")
    return json.loads(told.text[start : end + 1])


def _accepted(step: Step, given: Any, output: Any) -> Any:
    sight = {"input": given, "output": output}
    if not _fits(step.get("output", {}), output) or not all(holds(check["that"], sight) for check in step.get("checks", ())):
        raise Failed("invalid_output")
    return output


def _fits(schema: Mapping[str, Any], found: Any) -> bool:
    """A contract of the few kinds that are generated."""
    if "enum" in schema:
        return found in schema["enum"]
    kinds: dict[str, type | Sequence[type]] = {"object": dict, "integer": int, "string": str}
    if "type" in schema and not isinstance(found, kinds[schema["type"]]):  # type: ignore[arg-type]
        return False
    if schema.get("type") == "object":
        inner = schema.get("properties", {})
        return all(name in found for name in schema.get("required", ())) and all(
            _fits(inner[name], each) for name, each in found.items() if name in inner
        )
    return (
        bool(schema.get("minimum", found) <= found <= schema.get("maximum", found)) if schema.get("type") == "integer" else True
    )
