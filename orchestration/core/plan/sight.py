"""What may be read where. The output of a step is declared, or inferred from the values that make it (`set`, `loop`).

Inference goes over those values until nothing changes, because they may stand in any order and a loop's carry depends on
what its own rounds leave. What has not settled after a few goes is left untyped: it is then checked when it runs. A value is
compiled for what it gives, so it is kept (`values`), and its step need not compile it again.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from orchestration.core.errors import Refused
from orchestration.core.expression import Value, compile_value
from orchestration.core.inference import Schema, join, with_empty_lists

ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "message", "step"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "step": {"type": "string"}},
}
ITER_SCHEMA = {"type": "object", "required": ["index"], "properties": {"index": {"type": "integer"}}}
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_MOST_PASSES = 4

Sight = dict[str, Any]
Placed = tuple[str, Any, str]
"""Place in the document, model, level."""
Unit = tuple[str, str]
"""`first`: what a loop's carry begins as; `give`: what a step gives, and for a loop what a round leaves."""


class Sights:
    """`outputs` holds what each step gives, `carries` each loop's carry. `sight(level)` is one object for a level. `values` are
    those that were compiled on the types that came out, by step and key."""

    def __init__(
        self, steps: Mapping[str, Placed], levels: Mapping[str, list[str]], input_schema: Schema, declared: Mapping[str, Schema]
    ) -> None:
        self.steps, self.levels = steps, levels
        self.outputs: dict[str, Schema] = dict(declared)
        self.carries: dict[str, Schema] = {}
        self.values: dict[tuple[str, str], Value] = {}
        self.run = {
            "type": "object",
            "required": ["id", "input"],
            "properties": {"id": {"type": "string"}, "input": input_schema},
        }
        self._updates: dict[str, Schema] = {}
        self._firsts: dict[str, Schema] = {}
        self._sights: dict[str, Sight] = {}
        self._looks: dict[tuple[str, str], Sight] = {}
        self._infer([name for name in steps if name not in declared])

    def sight(self, level: str) -> Sight:
        """What a step of `level` may read when it is entered."""
        if level not in self._sights:
            around = self.sight(self.steps[level][2])["steps"]["properties"] if level else {}
            self._sights[level] = self._look(level, self._given(self.levels.get(level, ())) | around)
        return self._sights[level]

    def _given(self, names: Iterable[str]) -> dict[str, Schema]:
        return {name: self.outputs.get(name, {}) for name in names}

    def _seen(self, words: frozenset[str], level: str) -> list[str]:
        """Those of the words that are steps of a level or of those around it."""
        levels = {level}
        while level:
            level = self.steps[level][2]
            levels.add(level)
        return [word for word in sorted(words) if word in self.steps and self.steps[word][2] in levels]

    def _look(self, level: str, schemas: dict[str, Schema]) -> Sight:
        sight: Sight = {"run": self.run, "error": ERROR_SCHEMA}
        sight["steps"] = {"type": "object", "properties": schemas, "required": list(schemas), "additionalProperties": False}
        if level and self.steps[level][1].type == "loop":
            sight["iter"] = ITER_SCHEMA
            sight["carry"] = self.carries.get(level, {})
        elif level:
            sight["item"], sight["index"] = {}, {"type": "integer"}
        return sight

    # inference

    def _infer(self, names: list[str]) -> None:
        words = {unit: self._words(unit) for name in names for unit in self._units(name)}
        order, readers = self._order(words), self._readers(words)
        stale, passes = set(order), 0
        while stale:
            for unit in order:
                if unit in stale:
                    stale.remove(unit)
                    if self._renew(unit, words[unit], settle=passes >= _MOST_PASSES):
                        stale |= readers[unit[1]]
            passes += 1

    def _units(self, name: str) -> list[Unit]:
        return [("first", name), ("give", name)] if self.steps[name][1].type == "loop" else [("give", name)]

    def _readers(self, words: Mapping[Unit, frozenset[str]]) -> Mapping[str, set[Unit]]:
        """A name → the units that are to be computed again where it gives something else. A round reads its own carry."""
        readers: dict[str, set[Unit]] = defaultdict(set)
        for unit in words:
            for name in (*words[unit], self.steps[unit[1]][2]):
                readers[name].add(unit)
            if unit[0] == "give" and self.steps[unit[1]][1].type == "loop":
                readers[unit[1]].add(unit)
        return readers

    def _order(self, words: Mapping[Unit, frozenset[str]]) -> list[Unit]:
        """The units, each behind those that it reads as far as that is possible. Depth first, without the stack of Python."""
        order: list[Unit] = []
        seen: set[Unit] = set()
        for root in words:
            stack = [(root, self._before(root, words))] if root not in seen else []
            seen.add(root)
            while stack:
                unit, waiting = stack[-1]
                following = next((other for other in waiting if other not in seen), None)
                if following is None:
                    order.append(unit)
                    stack.pop()
                else:
                    seen.add(following)
                    stack.append((following, self._before(following, words)))
        return order

    def _before(self, unit: Unit, words: Mapping[Unit, frozenset[str]]) -> Iterator[Unit]:
        kind, name = unit
        level = self.steps[name][2]
        own = [("first", level), *([("first", name)] if kind == "give" else [])]
        for other in [*own, *(("give", word) for word in sorted(words[unit]))]:
            if other in words and other != unit:
                yield other

    def _words(self, unit: Unit) -> frozenset[str]:
        """Every word of what the unit computes: the names of all steps that it can read are among them."""
        model = self.steps[unit[1]][1]
        parts = [model.values] if model.type == "set" else [model.carry] if unit[0] == "first" else [model.update, model.output]
        return frozenset(_WORD.findall(json.dumps(parts)))

    def _renew(self, unit: Unit, words: frozenset[str], settle: bool) -> bool:
        """Computes a unit again. Whether its step gives something else now; with `settle` it gives anything from now on."""
        kind, name = unit
        _, model, level = self.steps[name]
        was = (self.outputs.get(name), self.carries.get(name))
        if model.type == "set":
            self.outputs[name] = self._schema_of(name, "values", level, words)
        elif kind == "first":
            self._firsts[name] = self._schema_of(name, "carry", level, words)
            self._carry(name)
        else:
            if model.update is not None:
                self._updates[name] = self._schema_of(name, "update", name, words)
            self._carry(name)
            whole = model.output is None
            self.outputs[name] = self.carries[name] if whole else self._schema_of(name, "output", name, words)
        if was == (self.outputs.get(name), self.carries.get(name)):
            return False
        if settle:
            self.outputs[name] = {}
            if name in self.carries:
                self.carries[name] = {}
        return was != (self.outputs.get(name), self.carries.get(name))

    def _carry(self, name: str) -> None:
        first, update = self._firsts[name], self._updates.get(name)
        self.carries[name] = first if update is None else join(first, update)

    def _schema_of(self, name: str, key: str, level: str, words: frozenset[str]) -> Schema:
        """`{}` where it can't be compiled: the problem is found when the step is. It is compiled once for each set of types."""
        value, look = getattr(self.steps[name][1], key), self._look(level, self._given(self._seen(words, level)))
        if self._looks.get((name, key)) != look:
            self._looks[name, key] = look
            self.values.pop((name, key), None)
            with suppress(Refused):
                self.values[name, key] = compile_value(value, look)
        compiled = self.values.get((name, key))
        return with_empty_lists(dict(compiled.schema), value) if compiled is not None else {}
