"""What a definition means, once more: a small interpreter written from the format's description alone. It knows nothing of the
engine, and may not.

    interpret(definition, given, answers)   the path (records with where each went), the outcome and the output

Calls, people and their answers are a function (`answers`). There are no crashes here: what a fault may legitimately change is
what is *asked* (an irreversible call that nobody knows of goes to a person), never where the run goes from there, since whoever
is asked says what is true.
"""

import json
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
    """`path` holds (path, to) for each record."""

    path: list[tuple[str, str]] = field(default_factory=list)
    outcome: str = ""
    output: Any = None


class Failed(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class _Scope:
    """A level: the root, or a round of a loop. `prefix` stands before the paths of its steps."""

    steps: dict[str, Step]
    prefix: str = ""
    outer: "_Scope | None" = None
    round: int = 0
    carry: Any = None
    outputs: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    def sight(self, given: Any) -> dict[str, Any]:
        outputs = {**(self.outer.outputs if self.outer else {}), **self.outputs}
        found: dict[str, Any] = {"run": {"input": given}, "steps": outputs}
        if self.outer:
            found |= {"carry": self.carry, "iter": {"index": self.round}}
        if error := self.error or (self.outer.error if self.outer else None):
            found["error"] = error
        return found


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
            inner = _Scope(body, f"{path}[{number}]/", scope, number, carry, error=scope.error)
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
