"""P1: the state of a run is the fold of its input and of what its step records wrote.

Nothing else holds state. A step reads a slice: the outputs that it names, each the latest of that name in its scope.
`fold` rebuilds the whole of it for screens and for `fsck`; the engine reads single values and never folds.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from typing import Any

from orchestration.core import values
from orchestration.core.frozen import dataclass
from orchestration.core.position import Position, scope_of, scopes


@dataclass(frozen=True, slots=True)
class Written:
    """One value of the state, and who wrote it."""

    value: Any
    seq: int
    path: str
    by: str = ""


Name = tuple[str, str]
"""(scope, step)"""


@dataclass(frozen=True, slots=True)
class Record:
    """What the fold needs of a step record. `writes` is the name that its output goes to, None where it writes nothing."""

    seq: int
    path: str
    visit: int
    output: Any
    writes: Name | None
    to: str
    position: Position | None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """The state at `seq`. `position` None before the first record and after the end."""

    input: Any
    outputs: Mapping[Name, Written] = field(default_factory=dict)
    position: Position | None = None
    seq: int = 0
    hash: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As the API shows it: `run.input`, the visible outputs by scope, and where the run stands."""
        by_scope: dict[str, dict[str, Any]] = {}
        for (scope, step), written in self.outputs.items():
            by_scope.setdefault(scope, {})[step] = {
                "value": written.value,
                "seq": written.seq,
                "path": written.path,
                "by": written.by,
            }
        return {
            "seq": self.seq,
            "hash": self.hash,
            "position": self.position.path if self.position else None,
            "run": {"input": self.input},
            "steps": {step: item["value"] for step, item in by_scope.get("", {}).items()},
            "scopes": by_scope,
            "carry": {frame.step: frame.carry for frame in self.position.frames} if self.position else {},
        }


def start(input: Any) -> State:
    return State(input=input, hash=start_hash(values.digest(input)))


def fold(input: Any, records: Iterable[Record]) -> State:
    """The state after `records`, which come in order of seq. A round's scope is gone once its loop has closed."""
    state = start(input)
    for record in records:
        state = write(state, record)
    return state


def write(state: State, record: Record) -> State:
    outputs = dict(state.outputs)
    if record.writes is not None:
        outputs[record.writes] = Written(record.output, record.seq, record.path, record.actor)
    if record.position is not None:
        live = {scope_of(record.position.frames[:index]) for index in range(len(record.position.frames) + 1)}
        outputs = {name: written for name, written in outputs.items() if name[0] in live}
    link = chain(state.hash, record.seq, record.path, record.visit, values.digest(record.output), record.to)
    return State(state.input, outputs, record.position, record.seq, link)


def start_hash(input_digest: str) -> str:
    return hashlib.sha256(f"start\n{input_digest}".encode()).hexdigest()


def chain(previous: str, seq: int, path: str, visit: int, output_digest: str, to: str) -> str:
    """The hash of the state after a record: of the hash before it and of what it wrote."""
    return hashlib.sha256(f"{previous}\n{seq}\n{path}\n{visit}\n{output_digest}\n{to}".encode()).hexdigest()


def names_for(needs: Collection[str], levels: Mapping[str, str], position: Position) -> list[Name]:
    """Where the outputs of the steps `needs` stand, as seen from `position`. `levels` maps a step to its level."""
    if not needs:
        return []
    visible = scopes(position)
    return [(visible[levels[need]], need) for need in needs if levels.get(need) in visible]


def environment(
    run_id: str, input: Any, position: Position, outputs: Mapping[str, Any], item: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What expressions see at `position`, with these steps' outputs. `item`: {item, index} in an item of a map. In a child run
    `run_id` and `input` are those of the run that it is a part of."""
    found: dict[str, Any] = {"run": {"id": run_id, "input": input}, "steps": dict(outputs), **(item or {})}
    if position.frames and position.frames[-1].kind == "loop":
        frame = position.frames[-1]
        found["carry"] = frame.carry
        found["iter"] = {"index": frame.round}
    if position.error:
        found["error"] = position.error
    return found
