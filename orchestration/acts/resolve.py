"""A person's answer to an escalation. Invalid input never consumes the pause; of two who answer, one wins."""

from collections.abc import Sequence
from typing import Any

from orchestration.acts import audit
from orchestration.acts.moving import ActDesk, Overtaken, apply_or_conflict, drive, take
from orchestration.core import decision as deciding
from orchestration.core import values as json_values
from orchestration.core.acceptance import accept
from orchestration.core.contract import coerce, contract
from orchestration.core.errors import Conflict, ErrorCode, NotFound, Problem, Refused
from orchestration.core.frozen import replace
from orchestration.core.result import Failure, Result
from orchestration.executor import escalate, rounds, settle
from orchestration.executor.held import Held
from orchestration.models import Escalation
from orchestration.record.failpoints import failpoint
from orchestration.record.pack import unpack, unpack_all

MOST_VALUES = 1_000_000
_ATTEMPTS = 5
"""Of an answer that meets other acts of its run, as claims are."""


def resolve(
    *,
    escalation: str,
    action: str,
    values: Any,
    by: str,
    revision: int | None = None,
    idempotency: str | None = None,
    mended: Sequence[str] = (),
) -> dict[str, Any]:
    """Resolves an escalation; returns `{escalation, run, action}`.

    `revision` is the run's that was seen, `mended` the places of the values, as `values.text`, where their door has replaced
    already what can't be kept. Raises `Refused` (the pause stays open), `Conflict` (who was first, and what they
    chose), `NotFound`.
    """
    body = json_values.digest([escalation, action, json_values.clean(values, max_bytes=MOST_VALUES).value])
    if (answer := audit.replay(by, "resolve", idempotency, body)) is not None:
        return dict(answer)
    for attempt in range(_ATTEMPTS):
        try:
            return _resolve(escalation, action, values, by, revision, idempotency, body, mended)
        except Conflict as conflict:
            # Perhaps this very request was first, sent twice at one moment.
            if (answer := audit.replay(by, "resolve", idempotency, body)) is not None:
                return dict(answer)
            if not isinstance(conflict, Overtaken) or attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _resolve(
    escalation: str,
    action: str,
    values: Any,
    by: str,
    revision: int | None,
    idempotency: str | None,
    body: str,
    mended: Sequence[str],
) -> dict[str, Any]:
    found = _find(escalation)
    _must_be_open(found, by, revision)
    given, marks = _given(found, action, values)
    marks = (*mended, *marks)
    answer = {"escalation": escalation, "run": found.run_id, "action": action}
    try:
        held = _held(found)
        failpoint("before_resolve", found.run_id)
        commit = drive(held, lambda desk: _move(desk, held, found, action, given, by, marks))
        act = audit.row(
            subject=f"run:{found.run_id}",
            verb="resolve",
            by=by,
            detail={**answer, "values": given, **({"mended": list(marks)} if marks else {})},
            key=idempotency,
            body=body,
            answer=answer,
            blobs=commit.blobs,
        )
        apply_or_conflict(commit, act)
    except Conflict:
        found.refresh_from_db()
        _must_be_open(found, by, None)
        raise
    failpoint("after_resolve", found.run_id)
    return answer


def preview(*, escalation: str, action: str, values: Any, by: str, revision: int | None = None) -> dict[str, Any]:
    """What `resolve` would come to, changing nothing: `{problems, to, outcome, sentence}`, of which the problems or the others
    are empty. Raises `Conflict` where this can't be answered any more, and `NotFound`."""
    found = _find(escalation)
    _must_be_open(found, by, revision)
    try:
        given, _ = _given(found, action, values)
        held = _held(found)
        commit = drive(held, lambda desk: _move(desk, held, found, action, given, by))
    except Refused as refused:
        return {"problems": refused.problems, "to": None, "outcome": None, "sentence": None}
    if not commit.records:  # its child runs are stopped first
        taken = settle.aborted(held, by, _code(found.kind))
        return {"problems": (), "to": taken.to, "outcome": taken.outcome, "sentence": taken.sentence}
    decision = unpack(commit.records[0].decision, commit.blobs)
    return {"problems": (), "to": decision["to"], "outcome": commit.row.outcome or None, "sentence": decision["sentence"]}


def _code(kind: str) -> ErrorCode:
    """What a run fails with that a person has stopped."""
    return ErrorCode.UNKNOWN if kind == "unknown" else ErrorCode.LIMIT


def _find(escalation: str) -> Escalation:
    found = Escalation.objects.filter(id=escalation).select_related("run").first()
    if found is None:
        raise NotFound(f"There is no escalation {escalation[:60]}.")
    return found


def _held(found: Escalation) -> Held:
    held = take(found.run_id)
    if held.escalation != found.id:
        raise Conflict("This escalation is not open any more. Look again.", "already_resolved", escalation=found.id)
    return held


def _must_be_open(found: Escalation, by: str, revision: int | None) -> None:
    if found.status not in Escalation.PENDING:
        who = f" by {found.resolved_by}" if found.resolved_by else ""
        when = found.resolved.isoformat() if found.resolved else None
        chosen = unpack_all([found.answer])[0] or {}
        raise Conflict(
            f"This escalation was {found.status}{who} already.",
            "already_resolved",
            status=found.status,
            by=found.resolved_by,
            at=when,
            action=chosen.get("action"),
        )
    if (
        found.status == Escalation.Status.CLAIMED
        and found.claimed_by != by
        and found.claimed_until
        and found.claimed_until > ActDesk().clock.now()
    ):
        raise Conflict(
            f"{found.claimed_by} has claimed this escalation.",
            "claimed_by_another",
            status="claimed",
            by=found.claimed_by,
            at=found.claimed_until.isoformat(),
        )
    if revision is not None and revision != found.run.revision:
        message = f"The run has moved since you looked: you saw revision {revision}, it is at {found.run.revision}. Look again."
        raise Conflict(message, "stale_revision", seen=revision, revision=found.run.revision)


def _given(found: Escalation, action: str, values: Any) -> tuple[Any, tuple[str, ...]]:
    """The values that count, and where they were mended."""
    form, actions = unpack_all([found.form, found.actions])
    chosen = _action(actions, action)
    return _values(form, values) if chosen["form"] == "required" else ({}, ())


def _action(actions: list[dict[str, Any]], action: str) -> dict[str, Any]:
    chosen = next((item for item in actions if item["id"] == action), None)
    if chosen is None:
        known = ", ".join(item["id"] for item in actions)
        raise Refused(Problem("unknown_action", f"There is no action {str(action)[:60]} here. There are {known}.", "action"))
    return chosen


def _values(form: dict[str, Any], given: Any) -> tuple[Any, tuple[str, ...]]:
    cleaned = json_values.clean(given if given is not None else {}, max_bytes=MOST_VALUES)
    if problems := contract(form).check(cleaned.value, "values"):
        raise Refused(*problems)
    return coerce(form, cleaned.value), cleaned.under("values")


async def _move(
    desk: ActDesk, held: Held, found: Escalation, action: str, given: Any, by: str, mended: Sequence[str] = ()
) -> None:
    """What the answer means for the run. Raises `Released` where it ended."""
    now, kind = desk.clock.now(), found.kind
    step = held.plan.steps[held.position.active]
    escalate.close(held, "resolved", now, by, {"action": action, "values": given})
    if action == "abort" and kind != Escalation.Kind.HUMAN:
        await settle.abort(desk, held, by, _code(kind))
    elif kind == Escalation.Kind.HUMAN:
        marks = tuple(f"output.{place}" for place in mended)
        result = replace(Result.done({"action": action, "values": given, "by": by}), marks=marks)
        await settle.settle(desk, held, step, None, result, by)
    elif action == "happened":
        await _happened(desk, held, given, by, tuple("output" + place.removeprefix("values") for place in mended))
    else:
        limit = unpack_all([found.reason])[0]["rule"].removeprefix("limits.") if kind == "limit" else None
        _again(held, kind, limit, by, now)
        if action == "nothing_happened":
            held.row = replace(held.row, restored=0)


async def _happened(desk: ActDesk, held: Held, given: Any, by: str, marks: tuple[str, ...]) -> None:
    if held.position.part.startswith("tool."):
        told = replace(Result.done(given), marks=marks)
        await rounds.answered(desk, held, held.plan.steps[held.position.step], told, by)
        return
    step = held.plan.steps[held.position.active]
    await desk.load(held, step.needs)
    asked = step.input.evaluate(held.environment(step.needs)) if step.input else {}
    result = accept(step, asked, given)
    if result.failure is not None:
        raise Refused(*_in_the_form(result.failure))
    await settle.settle(desk, held, step, asked, replace(result, marks=marks), by)


def _in_the_form(failure: Failure) -> list[Problem]:
    """What is wrong with an output, at the places where a person wrote it."""
    problems = failure.problems or (Problem("check_failed", failure.message),)
    return [
        replace(p, path="values" + p.path.removeprefix("output") if p.path.startswith("output") else "values") for p in problems
    ]


def _again(held: Held, kind: str, limit: str | None, by: str, now: Any) -> None:
    """The run goes on where it stood, without the limit that it has met, if it was one. A call that did not happen is made again,
    as a new visit with a new key; after a limit or a quarantine the visit goes on, so that a call which has left keeps its key
    and is not made twice."""
    step = held.plan.steps[held.position.active]
    if limit:
        settle.lift(held, limit, by, now)
    elif kind == "unknown":
        words = f"{by} said that it did not happen, so {step.label} was begun again."
        taken = deciding.again(held.position, words, "act.resolve")
        held.record(step, None, Result.failed(Failure(ErrorCode.UNKNOWN, words)), taken, now, by)
    else:
        words = f"{by} had the run tried again."
        settle.keep_visit(held)
        held.record(step, None, Result.done(None), deciding.resumed(held.position, words, "act.resolve"), now, by, kind)
    held.row = replace(held.row, suspicion=0, deaths=0)
