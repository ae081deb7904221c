"""Where a step may go next: every exit of a step, as written. Read by the proof, the pages and the plan alike."""

from typing import Any, Literal

from orchestration.core.frozen import dataclass

BREAK = "break"
CONTINUE = "continue"
"""Targets inside a loop's body that are no step: leave the loop at once; end this round."""

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
