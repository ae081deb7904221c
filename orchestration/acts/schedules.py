"""Schedules, as people write them: made, changed, paused, resumed, deleted. What comes of them is `firing`'s."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from django.db import IntegrityError, transaction
from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from orchestration.acts import audit
from orchestration.acts.runs import MOST_INPUT, accept_input
from orchestration.core import values
from orchestration.core.catchup import MOST, USUAL, Catchup
from orchestration.core.cron import Timetable, timetable
from orchestration.core.definition import Model
from orchestration.core.errors import Conflict, NotFound, Problem, Refused
from orchestration.core.misfits import explain
from orchestration.core.plan import Plan
from orchestration.core.source import Source
from orchestration.core.wording import with_stop
from orchestration.models import Schedule, Version, Workflow
from orchestration.models.fields import new_id
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of
from orchestration.record.clock import database_now
from orchestration.record.pack import keep, pack, unpack_all

PACKED = ("input", "labels")
MOST_WARNED = 20


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("a name is one line of printable text, without spaces around it")
    return text


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise PydanticCustomError("wrong_type", "A label is text, a number, true or false.")
    return value


def _theirs(label: str) -> str:
    if label == "schedule":
        raise ValueError("the label schedule holds the schedule's name, on each of its runs. Call yours something else")
    return label


Labels = dict[Annotated[str, AfterValidator(_theirs)], Annotated[Any, AfterValidator(_scalar)]]


class ScheduleBody(Model):
    """`cron` has five fields: minute, hour, day of the month, month, day of the week; `zone` is one of the IANA database.
    `input` is that of each run, `labels` its labels. `catchup` says what becomes of missed occurrences: `skip` them, make up
    for the `last` one, or for `all`, at most the latest `most`."""

    name: Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)]
    cron: str
    zone: str = "UTC"
    input: Any = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict, max_length=50)
    catchup: Catchup = "last"
    most: int = Field(default=USUAL, ge=1, le=MOST)


class Given(NamedTuple):
    """What was sent, and holds."""

    body: ScheduleBody
    table: Timetable

    def packed(self, blobs: dict[str, str]) -> dict[str, Any]:
        """Its columns."""
        plain = self.body.model_dump() | {"cron": self.table.cron, "zone": self.table.zone}
        return {name: pack(value, blobs) if name in PACKED else value for name, value in plain.items()}


def check(*, workflow: str, body: Any) -> Given:
    """Raises `Refused` with all that is wrong with it, by the contract that the latest version has now, and `NotFound`."""
    version = _latest(workflow)
    data = values.clean(body, max_bytes=MOST_INPUT).value
    wrong: list[Problem] = []
    given = table = None
    try:
        given = ScheduleBody.model_validate(data)
        wrong += _wrong_input(version, given.input)
    except ValidationError as error:
        wrong += explain(error, Source(data), ScheduleBody)
    if isinstance(data, Mapping) and "cron" in data:
        try:
            table = timetable(data["cron"], data.get("zone", "UTC"))
        except Refused as refused:
            wrong = [*refused.problems, *(problem for problem in wrong if problem.path not in ("cron", "zone"))]
    if wrong or given is None or table is None:
        raise Refused(*wrong)
    return Given(given, table)


def _latest(workflow: str) -> tuple[int, str]:
    """The id and the content hash of the version that is run now. Raises `Refused` where none is, or none may be."""
    if (retired := current().retired.get(workflow)) is not None:
        message = f"{retired.sentence(workflow)} So a schedule would start nothing. Have the workflow taken back first."
        raise Refused(Problem("retired_workflow", message, "workflow"))
    found = Version.objects.filter(workflow_id=workflow).order_by("-number").values_list("id", "hash").first()
    if found is None:
        if not Workflow.objects.filter(id=workflow).exists():
            raise NotFound(f"There is no workflow {workflow[:60]}.")
        message = f"Nothing of {workflow} is published yet, so a schedule would have nothing to start. Publish the draft first."
        raise Refused(Problem("not_published", message, "workflow"))
    return found


def _wrong_input(version: tuple[int, str], input: Any) -> tuple[Problem, ...]:
    return _unfit(plan_of(version[0], current(), version[1]), input)


def _unfit(plan: Plan, input: Any) -> tuple[Problem, ...]:
    try:
        accept_input(plan, input)
    except Refused as refused:
        return refused.problems
    return ()


def outgrown(workflow: str, plan: Plan) -> tuple[Problem, ...]:
    """A warning for each schedule whose input this plan would not take, where it is the latest version. Of `MOST_WARNED` at most;
    one query."""
    rows = list(Schedule.objects.filter(workflow_id=workflow).order_by("id").values_list("name", "cron", "input"))
    inputs = unpack_all([packed for *_, packed in rows])
    wrong = ((f"{name} ({cron})", _unfit(plan, given)) for (name, cron, _), given in zip(rows, inputs, strict=True))
    told = [
        Problem(
            "schedule_outgrown",
            f"The schedule {name} would start nothing by this version: {found[0].path} {with_stop(found[0].message)}",
            "input",
            severity="warning",
        )
        for name, found in wrong
        if found
    ]
    return tuple(told[:MOST_WARNED])


def create(*, workflow: str, body: Any, by: str, idempotency: str | None = None) -> str:
    """Makes a schedule of the workflow and returns its id; with `idempotency` the same request gives the same one. Its first
    occurrence is the first that is yet to come. Raises `Refused` and `NotFound`."""
    digest = values.digest([workflow, values.clean(body, max_bytes=MOST_INPUT).value])
    if (answer := audit.replay(by, "create_schedule", idempotency, digest)) is not None:
        return str(answer["id"])
    given, made = check(workflow=workflow, body=body), new_id()
    blobs: dict[str, str] = {}
    columns = given.packed(blobs)
    try:
        with transaction.atomic():
            now = database_now()
            keep(blobs)
            Schedule.objects.create(
                id=made, workflow_id=workflow, **columns, next=first_after(given.table, now),
                created=now, created_by=by, updated=now, updated_by=by,
            )  # fmt: skip
            detail = {"workflow": workflow, **given.body.model_dump()}
            act: dict[str, Any] = {"detail": detail, "key": idempotency, "body": digest, "answer": {"id": made}, "born": now}
            audit.write(subject=f"schedule:{made}", verb="create_schedule", by=by, **act)
    except IntegrityError:
        # Another request with the same key was first, between our look and our write.
        if (answer := audit.replay(by, "create_schedule", idempotency, digest)) is not None:
            return str(answer["id"])
        raise
    return made


def change(*, schedule: str, body: Any, by: str, revision: int | None = None) -> None:
    """Writes it anew, whole. Where its times change, the next one is the first that is yet to come. `revision`: only over this
    one. Raises `Refused`, `NotFound`, and `Conflict` with who was first."""
    given = check(workflow=_of(schedule).workflow_id, body=body)
    blobs: dict[str, str] = {}
    columns = given.packed(blobs)
    with transaction.atomic():
        found = _locked(schedule)
        _must_be_at(found, revision)
        if all(getattr(found, name) == value for name, value in columns.items()):  # the same again is no act
            return
        before = kept(found)
        keep(blobs)
        other_times = (found.cron, found.zone) != (given.table.cron, given.table.zone)
        if other_times and not found.paused:
            columns["next"] = first_after(given.table, _not_before(found))
        _write(found, by, **columns, trouble="null")
        _note(found, "change_schedule", by, {**given.body.model_dump(), "before": before})


def pause(*, schedule: str, by: str) -> None:
    """It starts nothing until it is resumed. Raises `NotFound`."""
    with transaction.atomic():
        found = _locked(schedule)
        if not found.paused:
            _write(found, by, paused=True, next=None)
            _note(found, "pause_schedule", by)


def resume(*, schedule: str, by: str) -> None:
    """It goes on with the first occurrence that is yet to come; what came while it was paused is not made up for. Raises
    `NotFound`, and `Refused` where its input does not fit the workflow any more, or that is retired."""
    row = _of(schedule)
    if row.paused and (wrong := _wrong_input(_latest(row.workflow_id), unpack_all([row.input])[0])):
        raise Refused(*wrong)
    with transaction.atomic():
        found = _locked(schedule)
        if found.paused:
            table = timetable(found.cron, found.zone)
            _write(found, by, paused=False, next=first_after(table, _not_before(found)), trouble="null")
            _note(found, "resume_schedule", by)


def delete(*, schedule: str, by: str) -> None:
    """It starts nothing any more. Runs that it started stay and say so. Raises `NotFound`."""
    with transaction.atomic():
        found = _locked(schedule)
        _note(found, "delete_schedule", by, {"before": {"workflow": found.workflow_id, **kept(found)}})
        Schedule.objects.filter(id=schedule).delete()


def kept(found: Schedule) -> dict[str, Any]:
    """What it says, as it was written."""
    plain = {name: getattr(found, name) for name in ScheduleBody.model_fields}
    return {**plain, **dict(zip(PACKED, unpack_all([plain[name] for name in PACKED]), strict=True))}


def first_after(table: Timetable, moment: datetime) -> datetime:
    """Raises `Refused` where there is none."""
    found = table.after(moment)
    if found is None:
        raise Refused(Problem("never", f'"{table.cron}" does not come any more. Look at its days and months.', "cron"))
    return found


def _not_before(found: Schedule) -> datetime:
    """Now, or its last occurrence where the database's clock was put back since: that one has had its run."""
    now = database_now()
    return max(now, found.fired) if found.fired else now


def _of(schedule: str) -> Schedule:
    found = Schedule.objects.filter(id=schedule).first()
    if found is None:
        raise NotFound(f"There is no schedule {schedule[:60]}. It may have been deleted.")
    return found


def _locked(schedule: str) -> Schedule:
    """As it is until this transaction ends."""
    audit.lock(f"schedule:{schedule}")
    Schedule.objects.select_for_update().filter(id=schedule).first()
    return _of(schedule)


def _must_be_at(found: Schedule, revision: int | None) -> None:
    if revision is not None and revision != found.revision:
        message = f"{found.updated_by} has changed this schedule in the meantime. Look at it again, then write yours over it."
        raise Conflict(message, "stale_revision", by=found.updated_by, at=found.updated.isoformat(), revision=found.revision)


def _write(found: Schedule, by: str, **columns: Any) -> None:
    changes = {**columns, "revision": found.revision + 1, "updated": database_now(), "updated_by": by}
    Schedule.objects.filter(id=found.id).update(**changes)


def _note(found: Schedule, verb: str, by: str, detail: Any = None) -> None:
    audit.write(subject=f"schedule:{found.id}", verb=verb, by=by, detail=detail)
