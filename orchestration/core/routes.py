"""Where a step may go next: every exit of a step, as written. Read by the proof, the pages and the plan alike."""

from typing import Any, Literal

from orchestration.core.frozen import dataclass

BREAK = "break"
CONTINUE = "continue"
"""Targets that are no step: leave the loop at once, in the body of one; end this round, or this item of a map, or this arm."""

ENDS = {"loop": (BREAK, "leaves the loop"), "map": (CONTINUE, "ends the item"), "arm": (CONTINUE, "ends the arm")}
"""By the type of what a step stands in: where it goes to get out of there, and what that does."""


def way_out(container: str) -> str:
    """`Go to continue, which ends the item`"""
    to, does = ENDS[container]
    return f"Go to {to}, which {does}"


def no_loop(label: str, container: str) -> str:
    """Why a step that stands in such a container, or in none, can't go to `break` or `continue`, and what to do."""
    if not container:
        return f"{label} stands in no loop. Name a step."
    return f"{label} stands in {'an arm' if container == 'arm' else 'a map'}, and not in a loop. {way_out(container)}."


Kind = Literal["next", "case", "default", "action", "deadline", "catch", "unknown", "exhausted", "stalled"]


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of a step. `to` is a step id, `break` or `continue`; `path` is its place in the definition.

    `errors` are the codes that a catch takes. `abnormal` exits are drawn apart: the step's own output is not written.
    """

    kind: Kind
    to: str
    path: str
    label: str = ""
    errors: tuple[str, ...] = ()

    @property
    def abnormal(self) -> bool:
        return self.kind in ("catch", "deadline", "unknown")


def exits(step: Any, place: str, inside: bool) -> tuple[Exit, ...]:
    """The exits of `step`, which stands at `place`. `inside` a container, no `next` means the end of the round."""
    found: list[Exit] = []
    keys = vars(step)  # which of them there are depends on the type
    for index, case in enumerate(keys.get("cases", ())):
        found.append(Exit("case", case.to, f"{place}.cases[{index}].to", case.label))
    if step.type == "branch":
        found.append(Exit("default", step.default, f"{place}.default"))
    for index, action in enumerate(keys.get("actions", ())):
        found.append(Exit("action", action.to, f"{place}.actions[{index}].to", action.label))
    following = keys.get("next")
    if following is not None:
        found.append(Exit("next", following, f"{place}.next"))
    elif inside and "next" in keys:
        found.append(Exit("next", CONTINUE, place))
    if step.type == "loop":
        for kind, to in (("exhausted", step.on_exhausted), ("stalled", step.on_stalled)):
            if to is not None:
                found.append(Exit(kind, to, f"{place}.on_{kind}"))  # type: ignore[arg-type]
    if deadline := keys.get("on_deadline"):  # "" is left open
        found.append(Exit("deadline", deadline, f"{place}.on_deadline"))
    for index, catch in enumerate(keys.get("catch", ())):
        found.append(Exit("catch", catch.to, f"{place}.catch[{index}].to", errors=tuple(catch.errors)))
    if (unknown := keys.get("on_unknown")) is not None:
        found.append(Exit("unknown", unknown, f"{place}.on_unknown"))
    return tuple(found)
