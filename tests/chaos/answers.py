"""What each request of a chaos run is answered: a pure function of the seed and of what is asked, never of time or order.

The same function stands behind the model and tool server (`scripted`), the people (`people`) and the reference interpreter, so
that these agree on what a run must come to. A request carries its place in its run: `{run, step, round, seen}`, where `seen` is a
number out of the run's state: whoever sends another state is answered otherwise.

    troubles   come first, each once, and are absorbed by retries: a status, or a breakage of the transport
    answer     what is said after them, however often it is asked
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

LABELS = ("low", "middle", "high")
EFFECTS = ("none", "idempotent", "reconcilable", "irreversible")
TRANSPORT = ("429", "429 with Retry-After", "503", "502 of HTML", "hang", "reset", "cut", "error in a 200")
"""The last is a model's alone: what a tool says in a 200 is its output."""
MALFORMED = ("prose", "wrong value", "wrong type", "missing", "truncated")
SURE, CLOSE, LOST = "chaos.sure", "chaos.close", "chaos.lost"
"""Events: which comes for certain, about when its wait is over, and too late or never."""
DOWN = "down"
"""503, however often it is asked."""
STATUS = {"refused": 422, "not_found": 404, "auth": 401}


@dataclass(frozen=True)
class Trouble:
    """`effect`: what was asked for has happened all the same."""

    kind: str
    effect: bool = False


@dataclass(frozen=True)
class Told:
    """`kind` is "good", one of `MALFORMED`, one of `STATUS` or `DOWN`. `value` is what a good answer holds, `text` a model's
    answer as it is written. `seconds`: how long it takes."""

    kind: str
    value: Any
    text: str = ""
    troubles: tuple[Trouble, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Sent:
    """What is sent for one wait. `comes`: None where it may be before the deadline or after. `when`: before the run is started,
    soon after, once it is over, or never. `spare`: how many more of the same."""

    comes: bool | None
    when: Literal["early", "soon", "over", "never"]
    payload: Any
    spare: int = 0


class Answers:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def model(self, model: str, place: Mapping[str, Any], ask: int) -> Told:
        """`ask` counts the different requests of one rung from 0: repairs are new ones, retries are not."""
        chance = self._chance("model", model, place, ask)
        value = {"label": chance.choice(LABELS), "score": chance.randrange(10)}
        kinds = ("good", chance.choice(MALFORMED), chance.choice(("refused", "auth")), DOWN)
        kind = chance.choices(kinds, (74, 20, 4, 2))[0]
        troubles = () if kind == DOWN else tuple(map(Trouble, self._troubles(chance, place["run"], TRANSPORT)))
        return Told(kind, value, _written(chance, kind, value, ask), troubles, _seconds(chance))

    def tool(self, effect: str, place: Mapping[str, Any]) -> Told:
        """What can't be undone is told well once it has happened: whoever is asked about it could not say otherwise."""
        chance = self._chance("tool", effect, place)
        wrong, down = (0, 0) if effect == "irreversible" else (4, 3)
        kind = chance.choices(("good", "wrong type", "not_found", "refused", DOWN), (82, wrong, 6, 5, down))[0]
        value = {"value": chance.randrange(10), "receipt": f"r{chance.randrange(1_000_000)}"}
        found = () if kind == DOWN else self._troubles(chance, place["run"], TRANSPORT[:-1])
        troubles = tuple(Trouble(each, kind == "good" and self._happens(chance, each)) for each in found)
        return Told(kind, {"value": "many"} if kind == "wrong type" else value, "", troubles, _seconds(chance))

    @staticmethod
    def _troubles(chance: Random, run: int, kinds: Sequence[str]) -> tuple[str, ...]:
        """The first runs have each kind for certain; later ones none, or one."""
        drawn = chance.choice(kinds), chance.random() < 0.2
        if run < 2 * len(TRANSPORT):
            return (kinds[run % len(kinds)],)
        return drawn[:1] if drawn[1] else ()

    @staticmethod
    def _happens(chance: Random, trouble: str) -> bool:
        return not trouble.startswith("429") and chance.random() < 0.5

    def person(self, place: Mapping[str, Any], actions: int) -> tuple[int, int]:
        """Which of the actions is chosen, and the amount in the form."""
        chance = self._chance("person", place)
        return chance.randrange(actions), chance.randrange(10)

    def event(self, name: str, correlation: str) -> Sent:
        """The same for all who wait for it."""
        chance = self._chance("event", name, correlation)
        good, spare = {"value": chance.randrange(10)}, chance.choice((0, 0, 1))
        if name == CLOSE:
            return Sent(None, "soon", good, spare)
        if name == LOST:
            return Sent(False, chance.choice(("over", "never")), good)
        payload = {"value": "many"} if chance.random() < 0.12 else good
        return Sent(True, chance.choice(("early", "soon", "soon")), payload, spare)

    def _chance(self, *what: Any) -> Random:
        text = json.dumps([self.seed, *what], sort_keys=True, default=dict)
        return Random(hashlib.sha256(text.encode()).digest())


def place_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The place of a request, out of what it carries."""
    return {name: given[name] for name in ("run", "step", "round", "seen")}


def _seconds(chance: Random) -> float:
    return chance.choices((0.0, chance.uniform(0.05, 0.4), chance.uniform(0.5, 1.5)), (2, 4, 4))[0]


def _written(chance: Random, kind: str, value: dict[str, Any], ask: int) -> str:
    """A model's answer, with the number of its ask in it, by which the next one is known."""
    note = {"note": f"ask#{ask}"}
    if kind == "prose":
        return f"Certainly! I would say that it is {value['label']}. (ask#{ask})"
    if kind == "truncated":
        text = json.dumps({**note, **value})
        return text[: len(text) - 8]
    wrong = {"wrong value": {"label": "enormous"}, "wrong type": {"score": "nine"}}.get(kind, {})
    found = {**note, **value, **wrong}
    if kind == "missing":
        found.pop("label")
    text = json.dumps(found)
    return f"Here you are:\n```json\n{text}\n```\nAnything else?" if chance.random() < 0.2 else text
