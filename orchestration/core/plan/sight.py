"""What may be read where. The output of a step is declared, or inferred from the values that make it (`set`, containers).

Inference goes over those values until nothing changes, because they may stand in any order and a loop's carry depends on
what its own rounds leave. What has not settled after a few goes is left untyped: it is then checked when it runs. A value is
compiled for what it gives, so it is kept (`values`), and its step need not compile it again.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import reduce
from typing import Any

from orchestration.core.definition import CONTAINERS
from orchestration.core.errors import Refused
from orchestration.core.expression import Value, compile_value
from orchestration.core.inference import Schema, join, with_empty_lists
from orchestration.core.routes import CONTINUE, exits

ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "message", "step"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "step": {"type": "string"}},
}
ITER_SCHEMA = {"type": "object", "required": ["index"], "properties": {"index": {"type": "integer"}}}
NULL: Schema = {"type": "null"}
SILENT = frozenset({"branch", "end"})
"""Types whose steps give nothing to read."""
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_MOST_PASSES = 4

Sight = dict[str, Any]
Placed = tuple[str, Any, str]
"""Place in the document, model, level."""
Unit = tuple[str, str]
"""`first`: what a loop's carry begins as, and what a map goes over; `give`: what a step gives, and for a loop what a round
leaves."""
_FIRST = {"loop": "carry", "map": "over"}


class Sights:
    """`outputs` holds what each step gives, `carries` each loop's carry, `items` an item of each map. `sight(level)` is one
    object for a level. `values` are those that were compiled on the types that came out, by step and key."""

    def __init__(
        self, steps: Mapping[str, Placed], levels: Mapping[str, list[str]], input_schema: Schema, declared: Mapping[str, Schema]
    ) -> None:
        self.steps, self.levels = steps, levels
        self.outputs: dict[str, Schema] = dict(declared)
        self.carries: dict[str, Schema] = {}
        self.items: dict[str, Schema] = {}
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
            around = self.sight(self._around(level))["steps"]["properties"] if level else {}
            self._sights[level] = self._look(level, self._given(self.levels.get(level, ())) | around)
        return self._sights[level]

    def _around(self, level: str) -> str:
        """The level that is seen around this one. The arms of a `parallel` don't see each other."""
        around = self.steps[level][2]
        return self.steps[around][2] if self.steps[level][1].type == "arm" else around

    def _given(self, names: Iterable[str]) -> dict[str, Schema]:
        return {name: self.outputs.get(name, {}) for name in names}

    def _seen(self, words: frozenset[str], level: str) -> list[str]:
        """Those of the words that are steps of a level or of those around it."""
        levels = {level}
        while level:
            level = self._around(level)
            levels.add(level)
        return [word for word in sorted(words) if word in self.steps and self.steps[word][2] in levels]

    def _look(self, level: str, schemas: dict[str, Schema]) -> Sight:
        sight: Sight = {"run": self.run, "error": ERROR_SCHEMA}
        sight["steps"] = {"type": "object", "properties": schemas, "required": list(schemas), "additionalProperties": False}
        return sight | self._round(level)

    def _round(self, level: str) -> Sight:
        """What is in sight of a loop's round and of a map's item. A round is seen as far as its run goes, an item further in."""
        if not level:
            return {}
        kind = self.steps[level][1].type
        if kind == "loop":
            return {**self._round(self._around(level)), "iter": ITER_SCHEMA, "carry": self.carries.get(level, {})}
        if kind == "map":
            return {"item": self.items.get(level, {}), "index": {"type": "integer"}}
        around = self._round(self._around(level))
        return {name: around[name] for name in ("item", "index") if name in around}

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
        return [("first", name), ("give", name)] if self.steps[name][1].type in _FIRST else [("give", name)]

    def _readers(self, words: Mapping[Unit, frozenset[str]]) -> Mapping[str, set[Unit]]:
        """A name → the units that are to be computed again where it gives something else. A round reads its own carry."""
        readers: dict[str, set[Unit]] = defaultdict(set)
        for unit in words:
            for name in (*words[unit], self.steps[unit[1]][2]):
                readers[name].add(unit)
            if unit[0] == "give" and self.steps[unit[1]][1].type in CONTAINERS:
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
        if unit[0] == "first":
            parts = [getattr(model, _FIRST[model.type])]
        elif model.type in ("map", "arm") and model.output is None:
            parts = self._last(unit[1])[0]
        else:
            names = {"set": ("values",), "loop": ("update", "output"), "parallel": ()}.get(model.type, ("output",))
            parts = [getattr(model, name) for name in names] + self.levels.get(unit[1], []) * (model.type == "parallel")
        return frozenset(_WORD.findall(json.dumps(parts)))

    def _last(self, level: str) -> tuple[list[str], bool]:
        """The steps by which an item or an arm may end well, and whether it may also end where one has failed."""
        ends = [
            (name, found.abnormal)
            for name in self.levels[level]
            for found in exits(self.steps[name][1], "", inside=True)
            if found.to == CONTINUE
        ]
        return list(dict.fromkeys(name for name, abnormal in ends if not abnormal)), any(abnormal for _, abnormal in ends)

    def _renew(self, unit: Unit, words: frozenset[str], settle: bool) -> bool:
        """Computes a unit again. Whether its step gives something else now; with `settle` it gives anything from now on."""
        kind, name = unit
        _, model, level = self.steps[name]
        was = self._known(name)
        if model.type == "set":
            self.outputs[name] = self._schema_of(name, "values", level, words)
        elif model.type == "parallel":
            self.outputs[name] = self._of_arms(name)
        elif model.type == "arm":
            self.outputs[name] = self._of_one(name, words)
        elif model.type == "map" and kind == "first":
            self.items[name] = _item(self._schema_of(name, "over", level, words))
        elif model.type == "map":
            self.outputs[name] = _list_of(self._of_one(name, words), model.on_item_error == "collect")
        elif kind == "first":
            self._firsts[name] = self._schema_of(name, "carry", level, words)
            self._carry(name)
        else:
            if model.update is not None:
                self._updates[name] = self._schema_of(name, "update", name, words)
            self._carry(name)
            whole = model.output is None
            self.outputs[name] = self.carries[name] if whole else self._schema_of(name, "output", name, words)
        if was == self._known(name):
            return False
        if settle:
            self.outputs[name] = {}
            if name in self.carries:
                self.carries[name] = {}
        return was != self._known(name)

    def _known(self, name: str) -> tuple[Schema | None, ...]:
        return self.outputs.get(name), self.carries.get(name), self.items.get(name)

    def _of_one(self, name: str, words: frozenset[str]) -> Schema:
        """What an item or an arm gives: its `output`, else what its last step gave."""
        if self.steps[name][1].output is not None:
            return self._schema_of(name, "output", name, words)
        last, failed = self._last(name)
        given = [self.outputs.get(step, {}) if self.steps[step][1].type not in SILENT else NULL for step in last]
        return reduce(join, [*given, NULL] if failed or not given else given)

    def _of_arms(self, name: str) -> Schema:
        arms = self.levels[name]
        required = arms if self.steps[name][1].join in ("all", len(arms)) else []
        return {"type": "object", "properties": self._given(arms), "required": required, "additionalProperties": False}

    def _carry(self, name: str) -> None:
        first, update = self._firsts[name], self._updates.get(name)
        self.carries[name] = first if update is None else join(first, update)

    def _schema_of(self, name: str, key: str, level: str, words: frozenset[str]) -> Schema:
        """`{}` where it can't be compiled: the problem is found when the step is. It is compiled once for each set of types."""
        value, look = getattr(self.steps[name][1], key), self._look(level, self._given(self._seen(words, level)))
        value = as_value(value) if key == "over" else value
        if self._looks.get((name, key)) != look:
            self._looks[name, key] = look
            self.values.pop((name, key), None)
            with suppress(Refused):
                self.values[name, key] = compile_value(value, look)
        compiled = self.values.get((name, key))
        return with_empty_lists(dict(compiled.schema), value) if compiled is not None else {}


def as_value(source: str) -> str:
    """An expression that may stand with or without `${…}`, as a value."""
    return source if source.startswith("${") else f"${{{source}}}"


def _item(schema: Schema) -> Schema:
    """An item of a list of that schema; {} where nothing is known of it."""
    items = schema.get("items")
    return dict(items) if isinstance(items, dict) else {}


ERROR_OF_ITEM: Schema = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}


def _list_of(item: Schema, collected: bool) -> Schema:
    """What a map gives whose items give that. Collected, each says whether it went well."""
    if collected:
        properties = {"index": {"type": "integer"}, "ok": {"type": "boolean"}, "value": item, "error": ERROR_OF_ITEM}
        item = {"type": "object", "required": ["index", "ok"], "properties": properties, "additionalProperties": False}
    return {"type": "array", "items": item}
