"""A form for any JSON Schema, made on the server, and its answer read back as a JSON value.

    form = SchemaForm.of(schema)                      a blank form, with the schema's defaults
    form = SchemaForm.of(schema, value)               one that opens with a value
    form = SchemaForm.sent(schema, request.POST)      what was typed; never loses any of it
    form.value()                                      the JSON value; raises Refused with problems that know their place
    form.mark(problems)                               the same form, each problem at its field; shown with status 422
    form.turned(request.POST)                         where "Add" or "Take away" was pressed: the form after that, else None
    form.switched(request.POST.get("as", ""))         where the other of form and JSON text is asked for: that, else None

In a template: {% include "components/schema_form.html" with form=form %} inside a form of your own with `novalidate`; the
rules are told by the server, at the fields. js/schema_form.js makes adding and taking away immediate; without it they post.

All three ways in meet in one place: a value is written as the answer a browser would send (`write`), and both fields and
values are read from such answers. What was opened and sent back unchanged gives the value it was opened with.

Names of controls are the place in the value as a JSON pointer below the prefix (`v/items/0/price`). Beside them stand, by
suffix: `~item` the keys of a list's items in order, `~was` the name that an item was shown with where it has one, `~on` that an
object is there, `~empty` what an empty control means where that is not "nothing", `~more` the undeclared keys of an object as
JSON, `~json` the whole as JSON text.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from django.http import QueryDict

from dashboard.schema_answer import ABSENT, Answer, Reading, item_at, path_at, pretty, spec_at, write
from dashboard.schema_fields import Field, fields_of
from dashboard.schema_spec import Spec, spec_of
from orchestration.core.contract import Schema, contract
from orchestration.core.errors import Problem, Refused
from orchestration.core.values import Clean, canonical, clean

MOST_CONTROLS = 600
TURN = "form_turn"

__all__ = ["ABSENT", "TURN", "SchemaForm"]


@dataclass(frozen=True, slots=True)
class SchemaForm:
    """`answer` is what a browser sends, by name. `first` is the answer that the form opened with as a proposal, by which
    changed fields are told."""

    schema: Schema
    answer: Answer
    prefix: str = "v"
    first: Answer | None = None
    problems: tuple[Problem, ...] = ()
    spec: Spec = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", spec_of(self.schema))

    @property
    def asks_nothing(self) -> bool:
        """Whether the schema names nothing that could be filled in."""
        return self.schema.keys() <= {"type", "properties"} and not self.schema.get("properties")

    @classmethod
    def of(cls, schema: Schema, value: Any = ABSENT, *, prefix: str = "v", raw: bool = False, proposal: Any = ABSENT) -> Self:
        """Opens with `value`, else with the schema's defaults. `raw` asks for the whole as JSON text; so does a value with
        more parts than a form can show. Fields that differ from `proposal` are told."""
        first = None if proposal is ABSENT else _opened(schema, proposal, prefix, False)
        return cls(schema, _opened(schema, value, prefix, raw), prefix, first)

    @classmethod
    def sent(cls, schema: Schema, data: Mapping[str, Any], *, prefix: str = "v", proposal: Any = ABSENT) -> Self:
        """What came back. `data` is a QueryDict or a mapping of lists; names outside the prefix are left aside."""
        pairs = data.lists() if isinstance(data, QueryDict) else data.items()
        answer = {name: list(each) for name, each in pairs if name == prefix or name.startswith((f"{prefix}/", f"{prefix}~"))}
        first = None if proposal is ABSENT else _opened(schema, proposal, prefix, False)
        return cls(schema, answer, prefix, first)

    @property
    def raw(self) -> bool:
        """Whether the whole is asked for as JSON text."""
        return f"{self.prefix}~json" in self.answer

    def draft(self) -> Any:
        """The value as it stands, right or wrong; ABSENT where there is none. Text that is no number stays text, so that the
        contract can say what is wrong with it."""
        if self.raw:
            return Reading(self.answer).json(f"{self.prefix}~json", "")
        return Reading(self.answer).value(self.spec, self.prefix)

    def value(self, root: str = "values") -> Any:
        """The value, if it fits the schema. Raises `Refused`; paths begin with `root`, as those of `contract.check` do."""
        return self.taken(root).value

    def taken(self, root: str = "values") -> Clean:
        """The same, with the places, below `root`, where what can't be kept was replaced."""
        reading = Reading(self.answer)
        name = f"{self.prefix}~json" if self.raw else self.prefix
        found = reading.json(name, root) if self.raw else reading.value(self.spec, name, root)
        if found is ABSENT and not reading.problems:
            raise Refused(Problem("missing", "is missing, and is required", root))
        told = {problem.path for problem in reading.problems}
        if found is not ABSENT:
            wrong = contract(self.schema).check(found, root)
            reading.problems += [problem for problem in wrong if problem.path not in told]
        if reading.problems:
            raise Refused(*reading.problems)
        cleaned = clean(found)
        return Clean(contract(self.schema).coerce(cleaned.value), (*reading.marks, *cleaned.under(root)))

    def mark(self, problems: Iterable[Problem]) -> Self:
        """The same form with these problems shown: each at its field, or at the nearest one around it."""
        return type(self)(self.schema, self.answer, self.prefix, self.first, tuple(problems))

    def turned(self, data: Mapping[str, Any]) -> Self | None:
        """The form after the list button that was pressed (`add NAME` or `take NAME KEY`; `keep` is
        the Enter key in a field, and changes nothing), None where none was."""
        answer, problems = turned(self.spec, self.answer, self.prefix, str(data.get(TURN, "")))
        if answer is None:
            return None
        return type(self)(self.schema, answer, self.prefix, self.first, (*self.problems, *problems))

    def switched(self, to: str) -> Self | None:
        """The same draft as `json` text, or as a `form` again, else None. Text that is no JSON stays text."""
        if to not in ("json", "form"):
            return None
        draft = self.draft()
        return self if draft is ABSENT and self.raw else self.of(self.schema, draft, prefix=self.prefix, raw=to == "json")

    @property
    def fields(self) -> Field:
        """What the template draws: the root field with everything below it."""
        return fields_of(self.spec, self.answer, self.prefix, self.first, self.problems)

    @property
    def wrong(self) -> tuple[Field, ...]:
        """The fields that have errors, in their order, for links to them."""
        return tuple(self.fields.wrong())

    @property
    def problem_count(self) -> int:
        return len(self.problems)


def turned(spec: Spec, answer: Answer, prefix: str, pressed: str) -> tuple[Answer | None, tuple[Problem, ...]]:
    """The answer after a button: `add NAME`, `take NAME KEY`, `text NAME`, `rows NAME`, or `keep`; None where it was no such."""
    verb, _, rest = pressed.partition(" ")
    if verb == "keep":
        return answer, ()
    if verb in ("text", "rows"):
        return _other_way(spec, answer, prefix, rest, verb)
    if verb not in ("add", "take"):
        return None, ()
    name, _, key = rest.rpartition(" ") if verb == "take" else (rest, "", "")
    listed = list(answer.get(f"{name}~item", ()))
    if verb == "take":
        return {**answer, f"{name}~item": [one for one in listed if one != key]}, ()
    new = str(max((int(one) for one in listed if one.isdecimal()), default=-1) + 1)
    item = item_at(spec, name.removeprefix(prefix))
    return {**answer, f"{name}~item": [*listed, new], **(write(item, ABSENT, f"{name}/{new}") if item is not None else {})}, ()


def _other_way(spec: Spec, answer: Answer, prefix: str, name: str, verb: str) -> tuple[Answer, tuple[Problem, ...]]:
    """What stands at `name` as text or as rows. Where it can't be, all stays, and it is said why: that is information where what
    stands there is right, and only more than rows can say."""
    either = spec_at(spec, name.removeprefix(prefix), rows=False)
    if either is None or either.way is None:
        return answer, ()
    reading = Reading(answer)
    path = path_at(spec, answer, prefix, name)
    value = reading.value(either, name, f"values.{path}")
    if reading.problems:
        return answer, tuple(reading.problems)
    rest = {key: each for key, each in answer.items() if key != name and not key.startswith((f"{name}/", f"{name}~"))}
    if verb == "text":
        return {**rest, f"{name}~text": ["" if value is ABSENT else either.way.text(value)]}, ()
    try:
        shown = ABSENT if value is ABSENT else either.way.shown(value)
    except Refused as refused:
        return answer, tuple(
            replace(problem, path=f"values.{path}", severity="info" if problem.code == "rows" else problem.severity)
            for problem in refused.problems
        )
    return {**rest, **write(either.way.rows, shown, name)}, ()


def _opened(schema: Schema, value: Any, prefix: str, raw: bool) -> dict[str, list[str]]:
    spec = spec_of(schema)
    answer = write(spec, value, prefix)
    found = Reading(answer).value(spec, prefix)
    if not raw and len(answer) <= MOST_CONTROLS and (value is ABSENT or _same(schema, found, value)):
        return answer
    # Too much for controls, or a value that they can't hold as it is: then it is edited as text, whole.
    shown = found if value is ABSENT else value
    return {f"{prefix}~json": ["" if shown is ABSENT else pretty(shown)]}


def _same(schema: Schema, one: Any, other: Any) -> bool:
    """Whether both are one value: a proposal that does not fit is compared as it is."""
    if one is ABSENT:
        return False
    rules = contract(schema)
    if rules.accepts(one) and rules.accepts(other):
        one, other = rules.coerce(one), rules.coerce(other)
    return canonical(one) == canonical(other)
