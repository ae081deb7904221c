"""In which order the fields of a form stand, and below which heading."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from dashboard.schema_fields import Field
from orchestration.core.definition import Workflow
from orchestration.core.fields import Model


@dataclass(frozen=True, slots=True)
class Group:
    """`ladder`: its fields are rungs, tried from the top. `more` are seldom needed, and nothing stands in them. `folded`: it
    is one sentence until it is asked for; `open`: it is asked for, since something in it is wrong, or changed and not saved."""

    title: str
    anchor: str
    fields: tuple[Field, ...]
    more: tuple[Field, ...] = ()
    ladder: bool = False
    folded: bool = False
    open: bool = False

    @property
    def wrong(self) -> bool:
        return any(each.errors for field in self.fields for each in field.every())

    @property
    def names(self) -> bool:
        """Whether its heading says what the label of its first field would say again."""
        first = self.fields[0]
        return not self.ladder and (first.label == self.title or (len(self.fields) == 1 and _is_large(first)))


def _is_large(field: Field) -> bool:
    return field.look in ("object", "list") or field.css == "wide"


_STEP: tuple[tuple[str, str, str], ...] = (
    (
        "What it does",
        "does",
        "title note model tool workflow outcome over max max_items concurrency need on_item_error join until event correlation "
        "system prompt tools max_rounds max_input_tokens max_output_tokens params queue priority remind progress",
    ),
    ("What it reads", "reads", "input expects carry update show values"),
    ("What it gives", "gives", "form output checks"),
    ("Where it goes", "routes", "cases actions default deadline on_deadline on_exhausted on_stalled next"),
    ("When it fails", "ladder", "timeout repair retry fallback catch on_unknown"),
)
_WORKFLOW: tuple[tuple[str, str, str], ...] = (
    ("What it is", "does", "title note"),
    ("What a run takes", "reads", "input"),
    ("How it ends", "ends", "outcomes on_failure"),
    ("Models", "models", "models"),
    ("Tools of its own", "tools", "tools"),
    ("Limits", "limits", "limits"),
    ("Questions that no step asks", "escalation", "escalation"),
    ("What is kept", "kept", "index redact"),
)

FOLDED = frozenset({"ladder", "kept"})
SELDOM = frozenset({
    "note", "expects", "params", "tools", "max_rounds", "need", "concurrency", "on_item_error", "priority", "remind", "progress",
    "correlation", "on_exhausted", "on_stalled", "update",
})  # fmt: skip
"""Keys of steps. Of a workflow none is, but what is folded by itself."""
_WITH = {"correlation": "event"}
"""What is seldom needed, but wherever something stands in the other."""
_INSTEAD = {"until": "event"}
"""What is not needed wherever something stands in the other."""


def groups(model: type[Model], root: Field, given: Collection[str], changed: Collection[str]) -> tuple[Group, ...]:
    """Every field once; a key that no group names stands in the first. `given`: the keys in which something stands; `changed`:
    those that are not saved as they stand."""
    found = {field.path: field for field in root.children}
    told = _WORKFLOW if model is Workflow else _STEP
    named = {key for _, _, keys in told for key in keys.split()}
    computes = "values" in found and "show" not in found  # of a `set` they are what it does, of a person what the form opens with
    made, apart = list[Group](), list[Field]()
    for index, (title, anchor, keys) in enumerate(told):
        listed = [*keys.split(), *(key for key in found if key not in named and index == 0)]
        if computes:
            listed = [*listed, "values"] if anchor == "does" else [key for key in listed if key != "values"]
        fields = tuple(found[key] for key in listed if key in found)
        folded = anchor in FOLDED
        seldom = tuple(field for field in fields if model is not Workflow and not folded and _is_seldom(field, given))
        often = tuple(field for field in fields if field not in seldom)
        if often:
            group = Group(title, anchor, often, seldom, ladder=anchor == "ladder" and len(often) > 1, folded=folded)
            made.append(replace(group, open=folded and (group.wrong or any(field.path in changed for field in often))))
        else:
            apart += seldom
    return (replace(made[0], more=(*made[0].more, *apart)), *made[1:])


def _is_seldom(field: Field, given: Collection[str]) -> bool:
    wrong = any(each.errors for each in field.every())
    seldom = _INSTEAD.get(field.path) in given or (field.path in SELDOM and _WITH.get(field.path) not in given)
    return seldom and field.path not in given and not wrong
