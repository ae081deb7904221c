"""Events from outside: each goes to the run that has waited longest for it, or is kept for one that comes to."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from orchestration import nudges, tasks
from orchestration.acts import audit
from orchestration.core import event as events
from orchestration.core import values
from orchestration.core.errors import Problem, Refused
from orchestration.core.moment import written
from orchestration.record import events as writing
from orchestration.record.clock import database_now
from orchestration.record.pack import keep, pack

MOST_PAYLOAD = 1_000_000


def send(
    *, name: str, correlation: Any = None, payload: Any, by: str, idempotency: str | None = None, mended: Sequence[str] = ()
) -> dict[str, Any]:
    """Takes an event in: `{id, run, kept_until}`, of which `run` is null where nobody waits for it yet, else `kept_until`.

    `mended` are places of the payload, as `payload.text`, where its door has replaced already what can't be kept. What the
    payload has to be is for the step to say that takes it. With `idempotency` the same request is the same event, and gets the
    same answer, however often it comes. Raises `Refused`.
    """
    where, cleaned, body = _asked(name, correlation, payload)
    if (answer := audit.replay(by, "send", idempotency, body)) is not None:
        return dict(answer)
    blobs: dict[str, str] = {}
    packed, marks = pack(cleaned.value, blobs), pack([*mended, *cleaned.under("payload")], blobs)
    try:
        with transaction.atomic():
            now = database_now()
            keep(blobs)
            event = writing.keep(where, packed, marks, by, now)
            given = writing.give(event, where, now)
            until = None if given else written(now + writing.KEPT)
            answer = {"id": event, "run": given[0] if given else None, "kept_until": until}
            audit.write(
                subject=f"event:{event}", verb="send", by=by, detail={"name": name}, key=idempotency, body=body, answer=answer,
                born=now,
            )  # fmt: skip
    except IntegrityError:
        # Another request with the same key was first, between our look and our write.
        if (answer := audit.replay(by, "send", idempotency, body)) is not None:
            return dict(answer)
        raise
    if given:
        tasks.hint(given[0])
        nudges.announce([given])
    return answer


def sent(*, name: str, correlation: Any = None, payload: Any, by: str, idempotency: str) -> dict[str, Any] | None:
    """What the same request was answered before; None where it is the first. Raises `Refused`."""
    *_, body = _asked(name, correlation, payload)
    answer = audit.replay(by, "send", idempotency, body)
    return None if answer is None else dict(answer)


def _asked(name: str, correlation: Any, payload: Any) -> tuple[str, values.Clean, str]:
    """Its address, its payload as it is kept, and the digest of both."""
    where, cleaned = address(name, correlation), values.clean(payload, max_bytes=MOST_PAYLOAD)
    return where, cleaned, values.digest([where, cleaned.value])


def address(name: str, correlation: Any) -> str:
    """Of the two as one. Raises `Refused`."""
    problems = []
    for path, part in (("name", (name, None)), ("correlation", ("x", correlation))):
        try:
            events.address(*part)
        except ValueError as error:
            sentence = str(error)
            problems.append(Problem("bad_value", f"{sentence[:1].upper()}{sentence[1:]}.", path))
    if problems:
        raise Refused(*problems)
    return events.address(name, correlation)
