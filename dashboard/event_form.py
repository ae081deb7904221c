"""The form of an event: its name, its correlation and its payload, for a run that waits for it or for whoever comes to.

`run` and `step` are of the wait that the form was opened for, "" without one. They come back with it, so that the payload is read
as it was asked for, wherever the run is by then.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

from django.http import QueryDict

from dashboard import wait_view
from dashboard.api.bodies import BAD_CHARACTER
from dashboard.schema_answer import value_text
from dashboard.schema_form import ABSENT, SchemaForm
from orchestration.acts import events as acts
from orchestration.core import event as events
from orchestration.core import values
from orchestration.core.contract import contract
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.sanitiser import clean_text
from orchestration.queries import events as queries
from orchestration.queries import runs, workflows
from orchestration.queries.runs import RunDetail

PREFIX = "payload"


@dataclass(frozen=True, slots=True)
class EventForm:
    """`name` and `correlation` as they are typed."""

    name: str
    correlation: str
    payload: SchemaForm
    run: str = ""
    step: str = ""
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, name: str = "", correlation: Any = None) -> Self:
        return cls(name, correlation_text(correlation), SchemaForm.of({}, {}, prefix=PREFIX, raw=True))

    @classmethod
    def awaited(cls, run: RunDetail) -> Self:
        """With the fields of what the step takes at which the run waits, where it says so."""
        name, correlation = events.parts_of(run.awaits)
        step = run.place.rpartition("/")[2]
        takes = _takes(run, step)
        payload = SchemaForm.of(takes, ABSENT if takes else {}, prefix=PREFIX, raw=not takes)
        return cls(name, correlation_text(correlation), payload, run.id, step)

    @classmethod
    def sent(cls, data: QueryDict) -> Self:
        said = {each: clean_text(data.get(each, "")[:100]).value for each in ("run", "step")}
        takes = _takes(runs.run(said["run"]), said["step"]) if said["run"] else {}
        payload = SchemaForm.sent(takes, data, prefix=PREFIX)
        return cls(data.get("name", "").strip(), data.get("correlation", ""), payload, **said)

    def read(self) -> tuple[Any, values.Clean]:
        """Its correlation and its payload. Raises `Refused` with all that is wrong."""
        problems: list[Problem] = []
        about: Any = None
        taken = values.Clean(None)
        try:
            about = self._about()
            acts.address(self.name, about)
        except Refused as refused:
            problems += refused.problems
        try:
            taken = self.payload.taken(PREFIX)
        except Refused as refused:
            problems += refused.problems
        if problems:
            raise Refused(*problems)
        return about, taken

    def _about(self) -> Any:
        if not self.correlation.strip():
            return None
        try:
            read = values.parse_json(self.correlation)
        except Unreadable:
            read = clean_text(self.correlation)
        if read.marks or clean_text(self.name).marks:
            raise Refused(Problem("bad_character", BAD_CHARACTER, "correlation" if read.marks else "name"))
        return read.value

    def is_awaited(self, about: Any) -> bool:
        """Whether the run that the form was opened for still waits for it; so it is without one."""
        return not self.run or runs.run(self.run).awaits == acts.address(self.name, about)

    def check(self, about: Any, payload: Any) -> None:
        """Raises `Refused` where it breaks the contract of the step that it would go to."""
        found = None if self.run else queries.waits(self.name, about)
        takes = _takes(run := runs.run(found), run.place.rpartition("/")[2]) if found else {}
        if takes and (problems := contract(takes).check(payload, PREFIX)):
            raise Refused(*problems)

    def mark(self, problems: tuple[Problem, ...]) -> Self:
        own = tuple(problem for problem in problems if problem.path in ("name", "correlation"))
        rest = [problem for problem in problems if problem not in own]
        return replace(self, problems=own, payload=self.payload.mark(rest))

    def turned(self, data: QueryDict) -> Self | None:
        """The form after a button that sends nothing; None where none was pressed."""
        payload = self.payload.turned(data) or self.payload.switched(data.get("as", ""))
        return None if payload is None else replace(self, payload=payload)

    def for_nobody(self) -> Self:
        """The same, for whoever comes to wait for it."""
        draft = self.payload.draft()
        kept = SchemaForm({}, self.payload.answer, PREFIX) if self.payload.raw else None
        return replace(self, run="", step="", payload=kept or SchemaForm.of({}, draft, prefix=PREFIX, raw=True))

    def wrong(self) -> dict[str, str]:
        """Name and correlation → what is wrong with it."""
        return {problem.path: problem.message for problem in self.problems}


def correlation_text(value: Any) -> str:
    """As one types it on one line: "" is null, text stands in quotes where it would be read as something else."""
    text = "" if value is None else value_text(value)
    return text if text.isprintable() else values.dump(value)


def _takes(run: RunDetail, step: str) -> dict[str, Any]:
    return wait_view.takes(workflows.version(run.workflow, run.version).definition, step)
