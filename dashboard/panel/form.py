"""The form of one step, or of the workflow itself: shown from the draft's own data, read back, and told as edit commands.

What changes is told against what was shown, which the form carries along: an answer to an old page says only what its writer did.
A key that shows and reads the same gives no command, however else it might be written.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.http import QueryDict

from dashboard import schema_form
from dashboard.panel.around import Around
from dashboard.panel.contracts import Contract, with_words
from dashboard.panel.differing import NAMED, Json, Place, as_spelled, at, called_anew, differences, put, same, spellings
from dashboard.panel.grouping import Group, groups
from dashboard.panel.naming import FieldsRenamed, fields_renamed, followed, kept, renamed
from dashboard.panel.offering import with_offers
from dashboard.panel.specs import spec_of
from dashboard.panel.taking import Taken, lacking, taken, with_hints, with_rows
from dashboard.schema_answer import ABSENT, Answer, Reading, spec_at, write
from dashboard.schema_answer import below as name_below
from dashboard.schema_fields import Field, fields_of
from dashboard.schema_form import TURN
from dashboard.schema_spec import Spec
from orchestration.core.definition import Workflow
from orchestration.core.editing import call_otherwise
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.fields import Model
from orchestration.core.values import dump, parse_json
from orchestration.core.wording import dotted

PREFIX = "v"
ROOT = "values"
"""What the places of problems begin with here."""
TAKES = "takes"
"""The button that adds a row for each input."""


@dataclass(frozen=True)
class StepForm:
    """`step`: its id, "" for the workflow. `shown`: the data that the form was opened with, as far as it has keys for it; `name`
    what stands in the field for the id."""

    model: type[Model]
    step: str
    shown: Json
    around: Around
    answer: Answer
    name: str
    problems: tuple[Problem, ...] = ()
    spec: Spec = field(init=False)
    takes: tuple[Taken, ...] = field(init=False)

    def __post_init__(self) -> None:
        takes = self._takes()
        object.__setattr__(self, "takes", takes)
        object.__setattr__(self, "spec", spec_of(self.model, self.around, frozenset(each.name for each in takes)))

    def _takes(self) -> tuple[Taken, ...]:
        """The inputs that the contract of what it calls declares, as that stands in the form now."""
        keys = self.model.model_fields
        if "input" not in keys or self.model is Workflow:
            return ()
        called = next((key for key in ("tool", "workflow") if key in keys), None)
        if called is not None:
            return taken(self.around.contracts.get(_chosen(self.answer, f"{PREFIX}/{called}")))
        expects = next(each for each in spec_of(self.model, self.around).properties if each.key == "expects")
        found = Reading(self.answer).value(expects, f"{PREFIX}/expects", ROOT)
        return taken(found if isinstance(found, dict) else None)

    @classmethod
    def opened(cls, model: type[Model], step: str, data: Json, around: Around) -> "StepForm":
        spec = spec_of(model, around)
        shown = {each.key: data[each.key] for each in spec.properties if each.key in data}
        form = cls(model, step, shown, around, write(spec, shown, PREFIX), step)
        return form if "input" in shown else form.filled()

    @classmethod
    def sent(cls, model: type[Model], step: str, data: Json, around: Around, posted: QueryDict) -> "StepForm":
        """What came back. `data` is what stands there now, and counts as shown where the form did not say."""
        answer = {
            name: list(each) for name, each in posted.lists() if name == PREFIX or name.startswith((f"{PREFIX}/", f"{PREFIX}~"))
        }
        opened = cls.opened(model, step, data, around)
        return replace_answer(opened, answer, _shown(posted.get("shown", ""), opened.shown), posted.get("id", step).strip())

    def turned(self, posted: Mapping[str, Any]) -> "StepForm | None":
        """The form after a button that only changes the form; None where none was pressed."""
        if posted.get(TURN) == TAKES:
            return self.filled()
        answer, problems = schema_form.turned(self.spec, self.answer, PREFIX, str(posted.get(TURN, "")))
        return None if answer is None else replace(replace_answer(self, answer, self.shown, self.name), problems=problems)

    def filled(self) -> "StepForm":
        """The form with a row for each input that what it calls takes."""
        if "input" not in self.model.model_fields or self.model is Workflow:
            return self
        answer = with_rows(self.answer, f"{PREFIX}/input", self.takes, self.shown.get("input") or {})
        return replace_answer(self, answer, self.shown, self.name)

    @property
    def lacks(self) -> tuple[str, ...]:
        """The needed inputs without a row."""
        return tuple(each.name for each in lacking(self.answer, f"{PREFIX}/input", self.takes) if each.required)

    @property
    def contract(self) -> str:
        """The name of the field for the contract of what the step gives, "" where it has none of its own."""
        return next((f"{PREFIX}/{each.key}" for each in self.spec.properties if _is_contract(each)), "")

    def contracted(self, schema: Json) -> "StepForm":
        """The form with another contract of what the step gives in it."""
        name = self.contract
        spec = spec_at(self.spec, name.removeprefix(PREFIX), rows=False)
        assert spec is not None
        rest = {key: each for key, each in self.answer.items() if key != name and not key.startswith((f"{name}/", f"{name}~"))}
        return replace_answer(self, {**rest, **write(spec, schema, name)}, self.shown, self.name)

    def tidied(self) -> "StepForm":
        """Without the items that were added and left as they came: nobody meant anything by them. Nor by the moment of a wait
        that was given an event: it waits for one thing. What is inside of a renamed field goes along."""
        answer = _without_blank(self.spec, self.answer, PREFIX)
        for key in self._contracts():
            answer = followed(answer, f"{PREFIX}/{key}/fields")
        if "until" in self.shown and "event" in self.unsaved and not self.unsaved & {"until"}:
            answer = {**answer, f"{PREFIX}/until": [""]}
        return replace_answer(self, answer, self.shown, self.name)

    def mark(self, problems: Sequence[Problem]) -> "StepForm":
        return replace(self, problems=tuple(problems))

    @property
    def has_code(self) -> bool:
        """Whether any of its texts, also one that a row to come would have, is in a language."""
        return any(spec.code for spec in self.spec.every())

    @property
    def carried(self) -> str:
        """What was shown, as the form carries it along."""
        return dump(self.shown)

    # What it says

    def commands(self) -> list[Json]:
        """What changed, as edit commands: ids first. What else was typed reads fields by the names that were shown, so these are
        renamed after it, and then what else was changed in their contracts. Raises `Refused` for what can't be read at all, with
        the fields."""
        step = self.step and self.name
        ids: list[Json] = [{"do": "rename", "kind": kind, "id": old, "to": new} for kind, old, new in self._renamed()]
        fields: list[Json] = [{"do": "rename_fields", "step": step, "key": [*key], "to": names} for key, names in self._fields()]
        contracts = {command["key"][0] for command in fields}
        changed: list[Json] = [
            {"do": "unset", "step": step, "key": [*place]}
            if value is ABSENT
            else {"do": "set", "step": step, "key": [*place], "value": value}
            for place, value in self._changes()
        ]
        first = [command for command in changed if command["key"][0] not in contracts]
        return [*ids, *first, *fields, *(command for command in changed if command["key"][0] in contracts)]

    def rebased(self, data: Json) -> "StepForm":
        """The same changes on what stands there now, for who was overtaken."""
        merged = self._anew({each.key: data[each.key] for each in self.spec.properties if each.key in data})
        for place, value in self._changes():
            put(merged, place, value)
        opened = self.opened(self.model, self.step, data, self.around)
        return replace_answer(opened, kept(write(self.spec, merged, PREFIX), self.answer), opened.shown, self.name)

    def crosses(self, data: Json) -> bool:
        """Whether a key that this form changes has been changed in `data` since it was opened."""
        changed = {str(place[0]) for place, _ in self._changes()} | {key[0] for key, _ in self._fields()}
        return any(self.shown.get(key, ABSENT) != data.get(key, ABSENT) for key in changed)

    def _renamed(self) -> list[tuple[str, str, str]]:
        """(kind, from, to) of each id that was changed. Raises `Refused` where a step would have none."""
        if self.step and not self.name:
            raise Refused(Problem("bad_id", f"A step needs an id. It was {self.step}.", "id"))
        if self.step:
            return [("step", self.step, self.name)] if self.name != self.step else []
        return [(kind, old, new) for key, kind in NAMED.items() for old, new in self._names(key)]

    def _names(self, key: str) -> Iterator[tuple[str, str]]:
        shown = self.shown[key] if isinstance(self.shown.get(key), dict) else {}
        return ((old, new) for old, new in renamed(self.answer, f"{PREFIX}/{key}") if old in shown)

    def _fields(self) -> list[FieldsRenamed]:
        """(where they stand together, field → its new name) of the fields that were renamed, those outside first."""
        return [
            ((key, *place), names)
            for key in self._contracts()
            for place, names in fields_renamed(self.answer, f"{PREFIX}/{key}/fields", self.shown.get(key) or {})
        ]

    def _contracts(self) -> list[str]:
        """The keys of those that others read by the names of their fields."""
        return [each.key for each in self.spec.properties if isinstance(each.way, Contract) and each.key != "expects"]

    def _anew(self, data: Json, own: bool = True) -> Json:
        """The data once all has its new names; `own`: the fields of contracts too, which otherwise have them already."""
        for kind, old, new in self._renamed() if not self.step else ():
            data = called_anew(data, kind, old, new)
        data = deepcopy(data)
        for (key, *place), names in self._fields():
            if isinstance(data.get(key), dict):
                call_otherwise(data[key], tuple(place), names, own)
        return data

    def _changes(self) -> list[tuple[Place, Any]]:
        """(place, value) of all that differs, ABSENT where it was taken away. Raises `Refused`."""
        reading = Reading(self.answer)
        after = reading.value(self.spec, PREFIX, ROOT)
        if reading.problems:
            raise Refused(*reading.problems)
        before = Reading(write(self.spec, self.shown, PREFIX)).value(self.spec, PREFIX, ROOT)
        spelled = dict(spellings(before, self.shown))
        return [
            (place, as_spelled(value, at(before, place), at(self.shown, place), spelled))
            for place, value in differences(self.spec, self._anew(before), self._anew(after, own=False), ())
        ]

    # What is drawn

    @cached_property
    def fields(self) -> Field:
        drawn = with_offers(with_words(fields_of(self.spec, self.answer, PREFIX, None, self.problems)), self.around)
        return with_hints(drawn, self.takes) if self.takes else drawn

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        given = Reading(self.answer).value(self.spec, PREFIX, ROOT)
        return groups(self.model, self.fields, given, self.unsaved)

    @property
    def unsaved(self) -> frozenset[str]:
        """The keys in which something else stands than was shown."""
        shown = write(self.spec, self.shown, PREFIX)
        return frozenset(each.key for each in self.spec.properties if _standing(self.answer, each) != _standing(shown, each))

    @property
    def is_wrong(self) -> bool:
        return any(problem.severity != "info" for problem in self.problems)

    @property
    def wrong(self) -> tuple[Field, ...]:
        return tuple(self.fields.wrong())

    @property
    def of_id(self) -> tuple[str, ...]:
        """What is wrong with the id."""
        return tuple(problem.message for problem in self.problems if problem.path == "id")


def _standing(answer: Answer, spec: Spec) -> Answer:
    """What an answer says of one key. Controls in which nothing stands say nothing."""
    name = f"{PREFIX}/{spec.key}"
    own = {each: texts for each, texts in answer.items() if each == name or each.startswith((f"{name}/", f"{name}~"))}
    return {each: [text.replace("\r\n", "\n") for text in texts] for each, texts in own.items() if any(texts)}


def _chosen(answer: Answer, name: str) -> str:
    """What stands in a select, whose values are sent as JSON."""
    try:
        return str(parse_json((answer.get(name) or [""])[0]).value)
    except Unreadable:
        return ""


def _without_blank(spec: Spec, answer: Answer, name: str) -> Answer:
    if spec.way is not None:
        return answer if f"{name}~text" in answer else _without_blank(spec.way.rows, answer, name)
    for child in spec.properties:
        answer = _without_blank(child, answer, name_below(name, child.key))
    listed = answer.get(f"{name}~item", ())
    if spec.item is None or not listed:
        return answer
    for key in listed:
        answer = _without_blank(spec.item, answer, f"{name}/{key}")
    kept = [key for key in listed if not _is_blank(spec.item, answer, f"{name}/{key}")]
    return {**answer, f"{name}~item": kept}


def _is_blank(item: Spec, answer: Answer, name: str) -> bool:
    typed = Reading(answer).value(item, name)
    return same(typed, Reading(write(item, ABSENT, name)).value(item, name))


def _is_contract(spec: Spec) -> bool:
    return spec.key == "output" and isinstance(spec.way, Contract)


def replace_answer(form: StepForm, answer: Answer, shown: Json, name: str) -> StepForm:
    return StepForm(form.model, form.step, shown, form.around, answer, name)


def at_fields(problems: Sequence[Problem], commands: Sequence[Json]) -> list[Problem]:
    """Problems of commands, at the fields from which the commands came."""
    return [_at_field(problem, commands) for problem in problems]


def _at_field(problem: Problem, commands: Sequence[Json]) -> Problem:
    if problem.path.startswith(f"{ROOT}."):
        return problem  # it became no command
    head, bracket, rest = problem.path.partition("]")
    number = head.removeprefix("commands[")
    if not bracket or not number.isdecimal() or int(number) >= len(commands):
        return replace(problem, path=ROOT)
    command = commands[int(number)]
    if command["do"] == "rename":
        return replace(problem, path="id" if command["kind"] == "step" else f"{ROOT}.{command['kind']}s")
    if command["do"] == "rename_fields":
        return replace(problem, path=dotted(ROOT, [*command["key"], next(iter(command["to"].values()))]))
    place = dotted(ROOT, command["key"]) + rest.removeprefix(".value")
    if problem.code == "missing_key":
        message = "This is needed: fill it in, or take the whole entry away." if "[" in place else "This is needed: fill it in."
        return replace(problem, path=place, message=message)
    return replace(problem, path=place)


def below(problems: Sequence[Any], place: str) -> list[Problem]:
    """The errors of a proof that stand within a step, at their fields."""
    return [
        replace(problem, path=ROOT + problem.path.removeprefix(place))
        for problem in problems
        if problem.severity == "error" and problem.path.startswith(f"{place}.")
    ]


def _shown(text: str, otherwise: Json) -> Json:
    try:
        found = parse_json(text).value
    except Unreadable:
        return otherwise
    return found if isinstance(found, dict) else otherwise
