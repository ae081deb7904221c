"""The smallest step of each type that can be read: what `add` fills in where nothing is said."""

from collections.abc import Callable
from typing import Any

from orchestration.core.definition import STEP_TYPES
from orchestration.core.editing.draft import Draft, new_id
from orchestration.core.editing.keys import put_in_order
from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.wording import abbreviate, did_you_mean, with_stop

CHOOSE = "choose"
"""Stands where a step has to be named and there is none to take: the proof says what is missing. What else a person has to choose
is left "", which the proof calls unfinished."""
_WISHES = {"llm": "ask_model", "tool": "use_tool", "set": "note", "loop": "repeat", "map": "each", "human": "ask", "end": "done"}


@dataclass(slots=True)
class Starter:
    """`taken` grows by the ids that are given out."""

    draft: Draft
    taken: set[str]

    def fill(self, given: dict[str, Any], lead: str | None, path: str, late: str = "") -> dict[str, Any]:
        """The step, with an id and all that its type needs. `lead`: where it is to lead, None where that is open; `late`: where
        to if nobody answers, "" where that is. Refused where the type isn't one, or the id is taken."""
        kind = given.get("type")
        if not isinstance(kind, str) or kind not in _STARTERS:
            wrong = f"{abbreviate(kind, 40)} is no type of step{did_you_mean(str(kind), (*STEP_TYPES, 'arm'))}"
            message = wrong if "type" in given else "A step needs a type"
            raise Refused(Problem("unknown_step_type", with_stop(message), f"{path}.type"))
        step = {**given, "id": self._id(given, kind, path)}
        self._inner(step, path)
        for key, value in _STARTERS[kind](self, lead or CHOOSE, late).items():
            if key not in step and not (key == "until" and "event" in step):
                put_in_order(step, key, value)
        if lead is not None and lead != "continue" and "next" not in step and kind in _GO_ON:
            put_in_order(step, "next", lead)
        if kind == "arm":
            del step["type"]
        return in_order(step)

    def _id(self, given: dict[str, Any], kind: str, path: str) -> Any:
        """The one that is given, whatever it is (what can't be read is refused later), else one that is made."""
        name, title = given.get("id"), given.get("title")
        if name is None:
            name = new_id(title if isinstance(title, str) and title.strip() else _WISHES.get(kind, kind), self.taken)
        elif str(name) in self.draft.ids():
            raise Refused(Problem("id_taken", f"There is a step {name} already. Choose another id, or give none.", f"{path}.id"))
        self.taken.add(str(name))
        return name

    def _inner(self, step: dict[str, Any], path: str) -> None:
        """What a given container holds is filled in like it, as far as it says what it is."""
        for key in ("body", "branches"):
            inner = step.get(key)
            if not isinstance(inner, list):
                continue
            step[key] = [
                self.fill({"type": "arm", **each} if key == "branches" else each, None, f"{path}.{key}[{index}]")
                if isinstance(each, dict)
                else each
                for index, each in enumerate(inner)
            ]

    def body(self) -> list[dict[str, Any]]:
        return [self.fill({"type": "set"}, None, "step")]

    def first(self, key: str, otherwise: str) -> str:
        """The first name under a key of the workflow."""
        return next(iter(self.draft.data.get(key) or ()), otherwise)

    def only(self, key: str) -> str:
        """The name under a key of the workflow, "" where there is none, or a choice."""
        names = list(self.draft.data.get(key) or ())
        return names[0] if len(names) == 1 else ""

    def outcome(self) -> str:
        outcomes = self.draft.data["outcomes"]
        return next((name for name, each in outcomes.items() if each["kind"] == "success"), next(iter(outcomes)))


_GO_ON = frozenset({"llm", "tool", "set", "loop", "map", "parallel", "wait", "workflow"})
_STARTERS: dict[str, Callable[[Starter, str, str], dict[str, Any]]] = {
    "llm": lambda start, *_: {"model": start.first("models", "main"), "prompt": ""},
    "tool": lambda start, *_: {"tool": start.only("tools")},
    "branch": lambda _, lead, *__: {"cases": [{"when": "", "to": lead}], "default": lead},
    "set": lambda *_: {"values": {}},
    "loop": lambda start, *_: {"max": 3, "body": start.body()},
    "map": lambda start, *_: {"over": "", "max_items": 100, "body": start.body()},
    "parallel": lambda start, *_: {"branches": [start.fill({"type": "arm"}, None, "step") for _ in range(2)]},
    "arm": lambda start, *_: {"body": start.body()},
    "human": lambda _, lead, late: {
        "actions": [{"id": "done", "label": "Done", "to": lead}],
        "deadline": "1d",
        "on_deadline": late,
    },
    "wait": lambda *_: {"until": "1h"},
    "workflow": lambda *_: {"workflow": ""},
    "end": lambda start, *_: {"outcome": start.outcome()},
}


def in_order(step: dict[str, Any]) -> dict[str, Any]:
    """The step with its keys in the order in which people write them."""
    found: dict[str, Any] = {}
    for key, value in step.items():
        put_in_order(found, key, value)
    return found
