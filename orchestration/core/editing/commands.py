"""The edit commands, as canvas, outline, panel and API send them: JSON objects told apart by `do`.

Ids of steps may be those of arms too; "" is the workflow itself, or its root. A `key` is a dotted place within the step, as
`retry.attempts`, `cases[0].when` or `show["a label"]`, or the same as a list of keys and indices. A `route` is the place of a
target within its step, as `next`, `cases[0].to`, `catch[1].to`, `fallback[0].step`; for one that is not there yet the list
itself: `catch`, `cases`, `actions`, `fallback`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from orchestration.core import values
from orchestration.core.editing.keys import read_key
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.fields import CatchCode, Model
from orchestration.core.frozen import replace
from orchestration.core.misfits import explain
from orchestration.core.source import MAX_DEPTH, MAX_NODES, Source
from orchestration.core.wording import under

MOST_COMMANDS = 200
MOST_STEPS = 500
MOST_FIELDS = 200

Name = Annotated[str, Field(min_length=1, max_length=100)]
Holder = Annotated[str, Field(max_length=100)]
"""The id of a step, or "" for the workflow itself."""
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=MOST_STEPS, strict=False)]
FieldName = Annotated[str, Field(min_length=1, max_length=200)]
Key = Annotated[tuple[str | int, ...], BeforeValidator(read_key)]
Route = Annotated[str, Field(min_length=1, max_length=60)]
Coordinate = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False, strict=False)]


class From(Model):
    """The route that shall lead to a new step. Where it led before, the new step's `next` leads. `start` is where the workflow
    begins, or, with the container that the step goes into, where its body does."""

    step: Holder
    route: Route


class Add(Model):
    """`step` has a `type`; what else it needs is filled in. The id is made from title or type where none is given."""

    do: Literal["add"]
    step: dict[str, Any]
    into: Holder = ""
    before: Name | None = None
    from_: Annotated[From | None, Field(alias="from")] = None


class Remove(Model):
    do: Literal["remove"]
    steps: Names


class Connect(Model):
    """`errors` is for a catch. For `catch` alone they are those of the new one, `["*"]` where none are given."""

    do: Literal["connect"]
    step: Holder
    route: Route
    to: Name
    errors: Annotated[tuple[CatchCode, ...] | None, Field(min_length=1, max_length=20, strict=False)] = None


class Disconnect(Model):
    do: Literal["disconnect"]
    step: Holder
    route: Route


class Move(Model):
    do: Literal["move"]
    steps: Names
    into: Holder = ""
    before: Name | None = None


class Rename(Model):
    do: Literal["rename"]
    kind: Literal["step", "outcome", "model", "tool"] = "step"
    id: Name
    to: Name


class RenameFields(Model):
    """`key`: where the fields stand together in a contract, as `input.properties` of the workflow, `output.properties` of a step,
    `form.properties.address.properties` of a person's. `to`: field → what it shall be called."""

    do: Literal["rename_fields"]
    step: Holder
    key: Key
    to: Annotated[dict[FieldName, FieldName], Field(min_length=1, max_length=MOST_FIELDS)]


class Set(Model):
    do: Literal["set"]
    step: Holder
    key: Key
    value: Any


class Unset(Model):
    do: Literal["unset"]
    step: Holder
    key: Key


class Insert(Model):
    """`index` absent: at the end."""

    do: Literal["insert"]
    step: Holder
    key: Key
    index: int | None = Field(default=None, ge=0)
    value: Any


class Paste(Model):
    """`of`, `steps`, `models`, `tools` as `copy` gives them: `of` is the workflow that they come from, "" where nobody knows."""

    do: Literal["paste"]
    steps: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=MOST_STEPS, strict=False)]
    of: Annotated[str, Field(max_length=100)] = ""
    models: dict[str, Any] = Field(default_factory=dict)
    tools: dict[str, Any] = Field(default_factory=dict)
    into: Holder = ""
    before: Name | None = None


class Duplicate(Model):
    """Steps of one level. The copies stand after the last of them."""

    do: Literal["duplicate"]
    steps: Names


class Arrange(Model):
    """Layout alone, which never changes the hash. `forget`: back to where the steps stand by themselves."""

    do: Literal["arrange"]
    at: dict[Name, Annotated[tuple[Coordinate, Coordinate], Field(strict=False)]] = Field(default_factory=dict)
    folded: dict[Name, bool] = Field(default_factory=dict)
    forget: bool = False


Command = Annotated[
    Add | Remove | Connect | Disconnect | Move | Rename | RenameFields | Set | Unset | Insert | Paste | Duplicate | Arrange,
    Field(discriminator="do"),
]
VERBS = (
    *("add", "remove", "connect", "disconnect", "move", "rename", "rename_fields", "set", "unset", "insert", "paste"),
    *("duplicate", "arrange"),
)


class Commands(Model):
    commands: Annotated[tuple[Command, ...], Field(min_length=1, max_length=MOST_COMMANDS, strict=False)]


def read_commands(data: Any) -> tuple[Command, ...]:
    """The commands of a list, from JSON that anyone may have sent. Raises `Refused`, each problem at `commands[i].…`."""
    try:
        cleaned = values.clean(data, max_depth=MAX_DEPTH, max_nodes=MAX_NODES)
    except Unreadable as error:
        problems = (replace(problem, path=under("commands", problem.path)) for problem in error.problems)
        raise Refused(*problems) from None
    if cleaned.marks:
        message = "There is a NUL character or half of a surrogate pair here, which no store can keep. Remove it."
        raise Refused(*(Problem("bad_character", message, mark) for mark in cleaned.under("commands")[:20]))
    whole = {"commands": cleaned.value}
    try:
        return Commands.model_validate(whole).commands
    except ValidationError as error:
        raise Refused(*explain(error, Source(whole), Commands, VERBS, noun="command")) from None
