"""Arrange: where the steps stand on the canvas, and which containers are folded. Nothing else is touched.

`layout` is `{at: {step: [x, y]}, folded: {step: true}}`; what else stands in it is kept.
"""

from orchestration.core.editing.commands import Arrange
from orchestration.core.editing.draft import Draft
from orchestration.core.editing.edited import Change
from orchestration.core.editing.keys import put_in_order
from orchestration.core.errors import Problem, Refused
from orchestration.core.wording import counted, dotted


def arrange(draft: Draft, command: Arrange) -> Change:
    known = draft.ids()
    for part, named in (("at", command.at), ("folded", command.folded)):
        for name in named:
            if name not in known:
                raise Refused(Problem("unknown_step", f"There is no step {name}.", dotted(part, [name])))
    held = draft.data.get("layout")
    layout = dict(held) if isinstance(held, dict) else {}
    at = {} if command.forget else _mapping(layout.get("at"))
    folded = _mapping(layout.get("folded"))
    at |= {name: [round(x, 1), round(y, 1)] for name, (x, y) in command.at.items()}
    folded |= command.folded
    layout |= {"at": at, "folded": {name: True for name, shut in folded.items() if shut}}
    layout = {part: value for part, value in layout.items() if value or part not in ("at", "folded")}
    draft.data.pop("layout", None) if not layout else put_in_order(draft.data, "layout", layout)
    return Change(
        _sentence(command, {name: spot.label for name, spot in known.items()}), (*command.at, *command.folded), of_layout=True
    )


def _mapping(found: object) -> dict[str, object]:
    return dict(found) if isinstance(found, dict) else {}


def _sentence(command: Arrange, labels: dict[str, str]) -> str:
    if command.forget:
        return "Arranged the steps by themselves"
    if len(command.at) == 1:
        return f"Moved {labels[next(iter(command.at))]} on the canvas"
    if command.at:
        return f"Moved {counted(len(command.at), 'step')} on the canvas"
    names = ", ".join(labels[name] for name in list(command.folded)[:3]) or "nothing"
    return f"{'Folded' if all(command.folded.values()) else 'Unfolded'} {names}"
