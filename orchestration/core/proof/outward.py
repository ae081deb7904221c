"""Where a model that was told what to do by somebody else's text could carry private data out.

Three things have to meet: text that anybody may have written, private data, and an effect on the world. A model that reads the
first together with the second may obey it, so what that model writes is followed to the tools that act on it.

    outside   free text that anybody may have written: of the run's input, and of what HTTP tools without an effect fetch
    private   what a tool without an effect gave
    steered   free text that a model wrote after it had read outside text, and that no check of its step looks at

It is pointed at where steered text comes to a tool with an effect by a path on which no person stands, or where the model has
such a tool in its own hands. Text is free where its contract leaves it open: no enum, const, pattern or exact format. Whether
a check is a good one is not judged here, nor what a person lets pass.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestration.core.errors import Problem
from orchestration.core.plan import PlanStep
from orchestration.core.proof.graph import Edge, Graph, at
from orchestration.core.routes import CONTINUE
from orchestration.core.wording import listed

_EXACT = frozenset(("date", "date-time", "time", "duration", "uuid", "ipv4", "ipv6"))
_DEEPEST = 12
Path = tuple[str, ...]


class _Holds(NamedTuple):
    """What a value may hold: `steered` names the models' steps that wrote it."""

    outside: bool = False
    private: bool = False
    steered: frozenset[str] = frozenset()

    def __or__(self, other: "_Holds") -> "_Holds":
        if other is _NOTHING or self is _NOTHING:
            return self if other is _NOTHING else other
        if self == other:
            return self
        return _Holds(self.outside or other.outside, self.private or other.private, self.steered | other.steered)


_NOTHING = _Holds()


def check(graph: Graph) -> Iterator[Problem]:
    acting = [step for step in graph.plan.steps.values() if step.id in graph.live and any(_acts(tool) for tool in _tools(step))]
    models = any(step.type == "llm" for step in graph.plan.steps.values())
    if acting and models:
        flow = _Flow(graph)
        for step in acting:
            yield from _in_its_hands(flow, step) if step.type == "llm" else _comes_to(flow, step)


def _in_its_hands(flow: "_Flow", step: PlanStep) -> Iterator[Problem]:
    found = flow.taken(step)
    if not found.private or not (found.outside or found.steered):
        return
    for index, tool in enumerate(step.tools):
        if _acts(tool) and list(_texts(tool.input)):
            message = (
                f"{step.label} reads text that anybody may have written, and private data, and has {tool.name} in its hands, "
            )
            message += "which has an effect: the text may tell it what to do with that. Call it in a step of its own, behind a "
            yield at(step, "steered_effect", f"{message}person or a check.", f"tools[{index}]", "warning")


def _comes_to(flow: "_Flow", step: PlanStep) -> Iterator[Problem]:
    writers = flow.taken(step).steered & flow.informed
    way = flow.way(writers, step.id) if writers else None
    if way is None:
        return
    shown = [flow.steps[name].label for name in (way if len(way) <= 6 else (*way[:3], *way[-2:]))]
    path = " → ".join(shown if len(way) <= 6 else (*shown[:3], "…", *shown[3:]))
    writer = flow.steps[way[0]] if way[0] in writers else flow.steps[min(writers)]
    fields = listed([".".join(("output", *field)) for field in flow.unchecked(writer)][:3], join="and")
    message = f"{writer.label} reads text that anybody may have written, and private data; what it writes has an effect "
    message += f"with no person between: {path}. Ask a person on the way, or have a check look at {fields}."
    yield at(step, "steered_effect", message, "input", "warning")


@dataclass
class _Flow:
    """What each step's output holds, by following what is read from step to step until nothing is added."""

    graph: Graph
    holds: dict[str, _Holds] = field(default_factory=dict)
    _unchecked: dict[str, list[Path]] = field(default_factory=dict)
    _reads: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    _text: dict[tuple[str, Path], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plan, self.steps = self.graph.plan, self.graph.plan.steps
        self._before = self._backwards()
        self.run = self.plan.input.schema if self.plan.input else {}
        readers: dict[str, set[str]] = defaultdict(set)
        for step in self.steps.values():
            given = self.plan.last(step.id) if step.id in self.graph.levels and not step.loop else ()
            for need in (*step.needs, *given, step.level, *(rung.step or "" for rung in step.rungs)):
                readers[need].add(step.id)
        order, stale = list(self._order("")), set(self.steps)
        while stale:
            for name in order:
                if name in stale:
                    stale.remove(name)
                    now = self._gives(self.steps[name])
                    if now != self.holds.get(name, _NOTHING):
                        self.holds[name] = now
                        stale |= readers[name]
        self.informed = {step.id for step in self.steps.values() if step.type == "llm" and self.taken(step).private}

    def _order(self, level: str) -> Iterator[str]:
        """Each step behind those that lead to it, and what holds others before and behind them, for it gives and takes."""
        for name in self.graph.levels[level].order:
            yield name
            if name in self.graph.levels:
                yield from self._order(name)
                yield name

    def taken(self, step: PlanStep) -> _Holds:
        """What a step reads of all that, the tools in a model's hands among it."""
        if step.id not in self._reads:
            self._reads[step.id] = tuple({read.path for use in step.uses for read in use.reads})
        found = _NOTHING
        for path in self._reads[step.id]:
            found |= self._at(path, step)
        for tool in step.tools:
            if tool.effect == "none":
                found |= _Holds(outside=_is_outside(tool), private=True)
        return found

    def unchecked(self, step: PlanStep) -> list[Path]:
        """The free texts of a model's output that no check looks at."""
        if step.id not in self._unchecked:
            seen = [read.path[1:] for condition in step.checks for read in condition.reads if read.path[0] == "output"]
            texts = _texts(step.output_schema)
            self._unchecked[step.id] = [path for path in texts if not any(_along(path, looked) for looked in seen)]
        return self._unchecked[step.id]

    def way(self, writers: frozenset[str], target: str) -> Path | None:
        """The shortest path without a person from a step that has written its output, or had it written, to `target`."""
        starts = writers | {host for name in writers for host in self.graph.hosts.get(name, ())}
        following: dict[str, str] = {}
        waiting = deque([target, *self.graph.hosts.get(target, ())])
        while waiting:
            name = waiting.popleft()
            for before, written in self._before[name]:
                if before in starts and written:
                    return (before, *_along_to(following, name))
                if before not in following and self.steps[before].type != "human":
                    following[before] = name
                    waiting.append(before)
        return None

    def _backwards(self) -> dict[str, list[tuple[str, bool]]]:
        """A step → those that lead to it, and whether they have written their output then. Into a loop and out of it."""
        found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        for level in self.graph.levels.values():
            for name in level.order:
                if name in self.graph.levels:
                    for entry in self.graph.levels[name].entries:
                        found[entry].append((name, False))
                    continue
                for edge in level.edges[name]:
                    for after in self._to(edge, level.name):
                        found[after].append((name, edge.writes))
        return found

    def _to(self, edge: Edge, level: str) -> Iterator[str]:
        if edge.inside:
            yield edge.target
            return
        if edge.target == CONTINUE:
            yield from self.graph.levels[level].entries
        container = self.steps[level]
        if container.type == "arm":
            container = self.steps[container.level]
        outer = self.graph.levels[container.level]
        for after in outer.edges[container.id]:
            if after.writes:
                yield from self._to(after, outer.name)

    def _gives(self, step: PlanStep) -> _Holds:
        found = _NOTHING
        for rung in step.rungs:
            found |= self.holds.get(rung.step or "", _NOTHING)
        if step.type == "tool" and step.tool is not None:
            fetched = step.tool.effect == "none"
            return found | _Holds(outside=_is_outside(step.tool), private=fetched)
        if step.type == "human":
            return _NOTHING
        taken = self.taken(step)
        for name in self.plan.last(step.id) if step.id in self.graph.levels and not step.loop and step.gives is None else ():
            found |= self.holds.get(name, _NOTHING)
        if step.type != "llm":
            return found | taken
        steered = (taken.outside or taken.steered) and self.unchecked(step)
        return found | _Holds(private=taken.private, steered=frozenset({step.id}) if steered else frozenset())

    def _at(self, path: Path, step: PlanStep) -> _Holds:
        """What a place that `step` reads may hold."""
        root, rest = path[0], path[1:]
        if root == "run":
            return _Holds(outside=rest[:1] == ("input",) and self._is_text("", self.run, rest[1:]))
        if root == "item":
            each = next((name for name in self.plan.chain(step.level)[:-1] if self.steps[name].type == "map"), "")
            return self.taken(self.steps[each]) if each else _NOTHING
        if root == "carry":
            loop = step.id if step.loop else step.level
            return self.holds.get(loop, _NOTHING)
        if root != "steps" or not rest or rest[0] not in self.steps:
            return _NOTHING
        other, rest = self.steps[rest[0]], rest[1:]
        found = self.holds.get(other.id, _NOTHING)
        text = self._is_text(other.id, other.output_schema, rest)
        steered = found.steered if text else frozenset()
        if other.id in steered and not any(_along(free, rest) for free in self.unchecked(other)):
            steered -= {other.id}
        return _Holds(found.outside and text, found.private, steered)

    def _is_text(self, step: str, schema: Any, path: Path) -> bool:
        """Whether a place of a step's output ("": of the run's input) may hold free text."""
        key = (step, path)
        if key not in self._text:
            self._text[key] = _free(_below(schema, path))
        return self._text[key]


def _tools(step: PlanStep) -> tuple[Any, ...]:
    return (*step.tools, *([step.tool] if step.tool else ()))


def _acts(tool: Any) -> bool:
    return bool(tool.effect != "none")


def _is_outside(tool: Any) -> bool:
    return tool.effect == "none" and tool.kind == "http" and _free(tool.output)


def _along_to(following: Mapping[str, str], name: str) -> Iterator[str]:
    yield name
    while name in following:
        name = following[name]
        yield name


def _along(one: Path, other: Path) -> bool:
    """Whether one place is the other, or above it."""
    return all(a == b for a, b in zip(one, other, strict=False))


# free text in contracts


def _free(schema: Any) -> bool:
    return next(_texts(schema), None) is not None


def _below(schema: Any, path: Path) -> Any:
    """The contract of a place; {} where that is not declared."""
    for part in path:
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        if not isinstance(properties, Mapping) or part not in properties:
            return {}
        schema = properties[part]
    return schema


def _texts(schema: Any, path: Path = ()) -> Iterator[Path]:
    """The places of free text; those in a list are the list's own. What is declared no further may be text."""
    if not isinstance(schema, Mapping) or len(path) >= _DEEPEST:
        if schema is not False:
            yield path
        return
    if "enum" in schema or "const" in schema:
        return
    if parts := [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]:
        own = {key: schema[key] for key in ("type", "pattern", "format") if key in schema}
        for part in parts:
            yield from _texts({**own, **part} if isinstance(part, Mapping) else part, path)
        return
    closed = "pattern" in schema or schema.get("format") in _EXACT
    types = _types(schema, closed)
    if "string" in types and not closed:
        yield path
    elif "object" in types:
        yield from _of_object(schema, path)
    elif "array" in types:
        yield from _texts(schema.get("items", {}), path)


def _types(schema: Mapping[str, Any], closed: bool) -> tuple[str, ...]:
    if "type" in schema:
        return (schema["type"],) if isinstance(schema["type"], str) else tuple(schema["type"])
    if "properties" in schema or "items" in schema:
        return ("object",) if "properties" in schema else ("array",)
    return () if closed else ("string", "object", "array")


def _of_object(schema: Mapping[str, Any], path: Path) -> Iterator[Path]:
    properties = schema.get("properties")
    if not properties and schema.get("additionalProperties") is not False:
        yield path
    for name, inner in (properties or {}).items():
        yield from _texts(inner, (*path, name))
