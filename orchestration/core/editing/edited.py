"""What an edit gives back."""

from dataclasses import asdict
from typing import Any, Literal

from orchestration.core.definition import Definition
from orchestration.core.frozen import dataclass

Kind = Literal["route", "expression", "step", "model", "tool", "outcome", "workflow", "test"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should look at after an edit: what names `name`, at `path` of the new data, in `step`, and a
    sentence about it."""

    kind: Kind
    name: str
    message: str
    path: str = ""
    step: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Change:
    """What one command did to the draft. `places`: a place of the document → the part of the command that came to stand there,
    so that what is wrong with it is told where the sender wrote it. `whose` and `key`: what it changed, where that is one key."""

    sentence: str
    steps: tuple[str, ...] = ()
    left: tuple[Note, ...] = ()
    rebind: tuple[Note, ...] = ()
    places: tuple[tuple[str, str], ...] = ()
    of_layout: bool = False
    whose: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """`data`: the new plain data, and `definition` what it reads as. `sentence` says to people what was done. `steps`: ids that
    were touched, the first of them what to select. `left`: what names something and could not be rewritten. `rebind`: what has to
    be bound anew, since what it names is not here, or is something else here."""

    data: dict[str, Any]
    definition: Definition
    sentence: str
    steps: tuple[str, ...] = ()
    left: tuple[Note, ...] = ()
    rebind: tuple[Note, ...] = ()
