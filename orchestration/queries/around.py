"""What a child run sees of the runs around it: its item, and what their steps had come to when it began."""

from collections.abc import Mapping
from typing import Any

from orchestration.core.frozen import dataclass
from orchestration.core.position import Around
from orchestration.models import Run, StepRecord
from orchestration.queries.runs import part_of
from orchestration.record.pack import unpack_all


@dataclass(frozen=True, slots=True)
class Seen:
    """`run` is the whole that it is a part of; `about` {item, index} in an item of a map, else {}; `outputs` by step, as far as
    they are there."""

    run: str
    about: dict[str, Any]
    outputs: dict[str, Any]


def seen(run: str, path: str, needs: Mapping[str, str]) -> Seen | None:
    """As seen from `path` of that run, which is among the outputs of `needs`, step → the container that it is in. None where the
    run is no item and no arm. Three queries, and one for each of these outputs."""
    row = Run.objects.filter(id=run).values_list("input", "version", "parent__version").first()
    if row is None or row[1] != row[2]:
        return None
    around, about = part_of(unpack_all([row[0]])[0], *row[1:])
    scopes = {"": ""} | {name.partition("[")[0]: scope for scope, name in _scopes(path)}
    packed: dict[str, str] = {}
    for step, level in needs.items():
        above = _source(scopes[level], around) if level in scopes else None
        output = _output(above, scopes[level], step) if above else None
        if output is not None:
            packed[step] = output
    return Seen(around[0].run, about, dict(zip(packed, unpack_all(packed.values()), strict=True)))


def _scopes(path: str) -> list[tuple[str, str]]:
    """(scope, its last name) of each container around the step at `path`."""
    names = path.split("/")[:-1]
    return [("/".join(names[:number]), name) for number, name in enumerate(names, 1)]


def _source(scope: str, around: tuple[Around, ...]) -> Around | None:
    """The run that writes outputs of this scope; None where it is the child itself."""
    depth = len(scope.split("/")) if scope else 0
    return next((each for each in around if depth <= each.depth), None)


def _output(above: Around, scope: str, step: str) -> str | None:
    found = StepRecord.objects.filter(run_id=above.run, scope=scope, step=step, seq__lte=above.seq)
    return found.order_by("-seq").values_list("output", flat=True).first()
