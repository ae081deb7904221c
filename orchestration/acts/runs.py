"""Start a run, and cancel one."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from orchestration import nudges, tasks
from orchestration.acts import audit
from orchestration.acts.moving import Moved, Overtaken, apply_or_conflict, drive, take
from orchestration.core import state, values
from orchestration.core.contract import coerce
from orchestration.core.errors import Conflict, NotFound, Problem, Refused
from orchestration.core.plan import Plan
from orchestration.executor import settle
from orchestration.models import Run
from orchestration.models.fields import new_id
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of
from orchestration.queries.pruned import no_run
from orchestration.record import rows
from orchestration.record.clock import database_now
from orchestration.record.insert import insert
from orchestration.record.pack import pack

MOST_INPUT = 1_000_000
MOST_KEY = 200
MOST_REASON = 2000


def start(
    *,
    workflow: str,
    input: Any,
    by: str,
    version: int | None = None,
    key: str = "",
    labels: Mapping[str, Any] | None = None,
    idempotency: str | None = None,
    mended: Sequence[str] = (),
    schedule: str | None = None,
) -> str:
    """Starts a run of the latest version, or of the one named, and returns its id. `mended` are places of the input, as
    `input.text`, where its door has replaced already what can't be kept; `schedule` is the one that starts it, if any.

    With `idempotency` the same request gives the same run, however often it comes. Raises `Refused` with a problem for each
    wrong place of the input, or because the key came with another request before, `Conflict` where the workflow is retired,
    and `NotFound`.
    """
    key = values.clean_text(key).value[:MOST_KEY]
    body = values.digest([workflow, version, _digestible(input), key, dict(labels or {})])
    if (answer := audit.replay(by, "start", idempotency, body)) is not None:
        return str(answer["id"])
    chosen, digest = _version(workflow, version)
    world = current()
    if (retired := world.retired.get(workflow)) is not None:
        words = f"{retired.sentence(workflow)} Nobody can start a run of it any more. A designer can take it back."
        raise Conflict(words, "retired_workflow", by=retired.by, at=retired.at.isoformat())
    given, marks = accept_input(plan_of(chosen, world, digest), input)
    marks = (*mended, *marks)
    run, now, blobs = new_id(), database_now(), dict[str, str]()
    named = {"key": key, "labels": values.dump(values.clean(dict(labels or {})).value), "schedule": schedule}
    begun = _new(run, workflow, chosen, given, by, now, blobs, **named)
    act = audit.row(
        subject=f"run:{run}",
        verb="start",
        by=by,
        detail={"workflow": workflow, **({"mended": list(marks)} if marks else {})},
        key=idempotency,
        body=body,
        answer={"id": run},
        blobs=blobs,
        born=now,
    )
    try:
        insert((begun, audit.act(act)), blobs)
    except IntegrityError:
        # Another request with the same key was first, between our look and our write.
        if (answer := audit.replay(by, "start", idempotency, body)) is not None:
            return str(answer["id"])
        raise
    tasks.hint(run)
    nudges.announce([(run, 1)])
    return run


def _digestible(value: Any) -> Any:
    return values.clean(value, max_bytes=MOST_INPUT).value


_VERSION = "SELECT id, hash FROM orchestration_version WHERE workflow_id = %s"


def _version(workflow: str, number: int | None) -> tuple[int, str]:
    """The id and the content hash of a version."""
    with connection.cursor() as cursor:
        if number is None:
            cursor.execute(f"{_VERSION} ORDER BY number DESC LIMIT 1", [workflow])
        else:
            cursor.execute(f"{_VERSION} AND number = %s", [workflow, number])
        found: tuple[int, str] | None = cursor.fetchone()
    if found is None:
        what = f"version {number} of {workflow}" if number is not None else f"published version of {workflow}"
        raise NotFound(f"There is no {what}. Publish one, or look for a slip of the pen.")
    return found


def accept_input(plan: Plan, input: Any) -> tuple[Any, tuple[str, ...]]:
    """The input, clean and typed by the workflow's contract, and where it was mended. Raises `Refused`."""
    cleaned = values.clean(input, max_bytes=MOST_INPUT)
    if plan.input is None:
        raise Refused(Problem("bad_version", "The input contract of this version can't be read any more.", "input"))
    if problems := plan.input.check(cleaned.value, "input"):
        raise Refused(*problems)
    return coerce(plan.input.schema, cleaned.value), cleaned.under("input")


def _new(run: str, workflow: str, version: int, given: Any, by: str, now: datetime, blobs: dict[str, str], **named: Any) -> Run:
    """A run that nobody has moved. `named`: its key and labels, and the schedule that starts it."""
    return Run(
        id=run,
        workflow_id=workflow,
        version_id=version,
        input=pack(given, blobs),
        created=now,
        created_by=by,
        status=Run.Status.READY,
        due=now,
        state_hash=state.start(given).hash,
        format=rows.FORMAT,
        **named,
    )


def cancel(*, run: str, by: str, reason: str = "", idempotency: str | None = None) -> str:
    """Cancels a run. One that a worker holds is asked to stop, and does at its next commit. Returns `cancelled` or `asked`; with
    `idempotency` the same request gets the same answer, however often it comes. Raises `Conflict` where it has ended already
    or can't be read, `Refused` where the key came with another request before, and `NotFound`."""
    reason = values.clean_text(reason).value[:MOST_REASON]
    once = {"key": idempotency, "body": values.digest([run, reason])}
    for _ in range(20):
        found = Run.objects.filter(id=run).values("status", "fence", "revision", "outcome").first()
        # After the look: where this very request has ended the run, its answer is there.
        if (answer := audit.replay(by, "cancel", idempotency, once["body"] or "")) is not None:
            return str(answer["cancel"])
        if found is None:
            raise no_run(run)
        if found["status"] in Run.ENDED:
            raise Conflict(f"The run has ended already: {found['status']}.", "already_ended", status=found["status"])
        if found["status"] == Run.Status.HELD:
            if _ask(run, found, by, reason, once):
                tasks.hint(run)
                return "asked"
            continue
        try:
            return _cancel_now(run, by, reason, once)
        except (Moved, Overtaken):
            continue
    raise Overtaken("The run moves too fast to be cancelled at this moment. Try again.", run=run)


def _cancel_now(run: str, by: str, reason: str, once: Mapping[str, Any]) -> str:
    """`cancelled`; or `asked` where child runs live, which are stopped first."""
    held = take(run)
    if held.row.status not in (Run.Status.READY, Run.Status.WAITING, Run.Status.QUARANTINED):
        raise Moved("A worker was first.", run=run)  # the holder applies it, with what it was doing
    commit = drive(held, lambda desk: settle.cancel(desk, held, by, reason))
    done = "cancelled" if commit.row.ended else "asked"
    act = audit.row(subject=f"run:{run}", verb="cancel", by=by, detail={"reason": reason}, answer={"cancel": done}, **once)
    apply_or_conflict(commit, act)
    return done


def _ask(run: str, seen: Mapping[str, Any], by: str, reason: str, once: Mapping[str, Any]) -> bool:
    asked = values.dump({"verb": "cancel", "by": by, "reason": reason})
    with suppress(IntegrityError), transaction.atomic():  # of two requests with one key the second finds the first's answer
        moved = Run.objects.filter(id=run, fence=seen["fence"], revision=seen["revision"], status=Run.Status.HELD).update(
            asked=asked, revision=seen["revision"] + 1
        )
        if moved:
            detail, answer = {"reason": reason}, {"cancel": "asked"}
            audit.write(subject=f"run:{run}", verb="cancel", by=by, detail=detail, answer=answer, **once)
        return bool(moved)
    return False
