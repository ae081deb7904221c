"""Edit commands drawn at random, sensible and not, for any definition that can be read."""

from random import Random
from typing import Any

from orchestration.core.definition import STEP_TYPES
from orchestration.core.editing import copy
from orchestration.core.editing.commands import VERBS
from orchestration.core.editing.draft import walk
from orchestration.core.editing.places import free, routes
from tests.core.drawn import Data

LONG = "9" * 3000
ODD: list[Any] = [None, True, 1, -2.5, "x", "${steps.a}", "run", LONG, [], {}, {"a": 1}, ["*"], {"errors": ["*"], "to": "done"}]
TYPES = (*STEP_TYPES, "arm", "loops")


def command(chance: Random, data: Data, others: list[Data]) -> Data:
    """A command, with the names of the definition for the most part. `others`: definitions to paste from."""
    return _Drawing(chance, data, others).command(chance.choice(VERBS))


class _Drawing:
    def __init__(self, chance: Random, data: Data, others: list[Data]) -> None:
        self.chance, self.data, self.others = chance, data, others
        self.spots = list(walk(data))
        self.spot = chance.choice(self.spots)
        self.mine = [each["id"] for each in self.spot.siblings]

    def name(self, odd: float = 0.2) -> str:
        """A step, beside the one that was chosen for the most part."""
        if self.chance.random() < odd:
            return self.chance.choice([spot.id for spot in self.spots] + ["nowhere", "continue", "break"])
        return str(self.chance.choice(self.mine))

    def names(self) -> list[str]:
        return [self.name() for _ in range(self.chance.choice([1, 1, 2, 3]))]

    def route(self) -> str:
        known = [route.written for route in routes(self.spot.step)] + free(self.spot.step, self.spot.type)
        return self.chance.choice([*known, "next"])

    def where(self) -> Data:
        holders = [spot.id for spot in self.spots if "body" in spot.step or "branches" in spot.step]
        into = self.spot.level if self.chance.random() < 0.5 else self.chance.choice([*holders, "", "nowhere"])
        return {"into": into, **({"before": self.name()} if self.chance.random() < 0.4 else {})}

    def key(self) -> str:
        odd = ["title", "retry.attempts", "checks", "nokey.x[0]"]
        return self.chance.choice([*self.spot.step, *(route.written for route in routes(self.spot.step)), *odd])

    def command(self, verb: str) -> Data:
        return {"do": verb, **getattr(self, verb)()}

    def add(self) -> Data:
        step = {"type": self.chance.choice(TYPES), **({"title": "Ä new one"} if self.chance.random() < 0.5 else {})}
        source = {"from": {"step": self.spot.id, "route": self.route()}} if self.chance.random() < 0.6 else {}
        if source and self.chance.random() < 0.2:
            source = {"from": {"step": self.spot.level, "route": "start"}}
        return {"step": step, **((source and {"into": self.spot.level, **source}) or self.where())}

    def remove(self) -> Data:
        return {"steps": self.names()}

    def connect(self) -> Data:
        if self.chance.random() < 0.1:
            return {"step": "", "route": self.chance.choice(["start", "limits.on_breach"]), "to": self.name()}
        return {"step": self.spot.id, "route": self.route(), "to": self.name()}

    def disconnect(self) -> Data:
        return {"step": self.spot.id, "route": self.route()}

    def move(self) -> Data:
        return {"steps": self.names(), **self.where()}

    def rename(self) -> Data:
        kind = self.chance.choice(["step", "outcome", "model", "tool"])
        held = [spot.id for spot in self.spots] if kind == "step" else list(self.data.get(f"{kind}s", ()))
        to = self.chance.choice(["fresh", "another", self.name()])
        return {"kind": kind, "id": self.chance.choice([*held, "nowhere"]), "to": to}

    def rename_fields(self) -> Data:
        held = self.chance.choice(
            [("", "input", self.data), *((self.spot.id, key, self.spot.step) for key in ("output", "form"))]
        )
        step, key, holder = held
        schema = holder.get(key)
        fields = [*schema.get("properties", ())] if isinstance(schema, dict) else []
        to = {self.chance.choice([*fields, "nowhere"]): self.chance.choice(["fresh", "in", "ä b'", *fields]) for _ in range(2)}
        return {"step": step, "key": f"{key}.properties", "to": to}

    def set(self) -> Data:
        return {"step": self.spot.id, "key": self.key(), "value": self.chance.choice([*ODD, self.name()])}

    def unset(self) -> Data:
        return {"step": self.spot.id, "key": self.key()}

    def insert(self) -> Data:
        value, index = self.chance.choice(ODD), self.chance.choice([None, 0, 7])
        return {"step": self.spot.id, "key": self.key(), "value": value, "index": index}

    def paste(self) -> Data:
        other = self.chance.choice([self.data, *self.others])
        chosen = self.chance.choice(list(walk(other)))
        return {**copy(other, [chosen.id])["clipboard"], **self.where()}

    def duplicate(self) -> Data:
        return {"steps": self.names()}

    def arrange(self) -> Data:
        at = {name: [self.chance.randrange(900), 1.5] for name in self.names()}
        return {"at": at, "folded": {self.name(): True}, "forget": self.chance.random() < 0.2}
