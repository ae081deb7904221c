"""Runs with many child runs, as rows: no engine has to run thousands of them for a page to be looked at."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from orchestration.acts import runs
from orchestration.core import values
from orchestration.models import Escalation, Run, StepRecord
from orchestration.models.fields import new_id
from orchestration.record.clock import database_now
from tests.engine.publishing import publish
from tests.orders import orders


def waiting(total: int, stand: Sequence[str], key: str = "O-1") -> Run:
    """A run of that workflow which waits for its items: one child for each of `stand`, a status or `person`, of `total`."""
    version = publish(orders())
    names = [f"order {number}" for number in range(total)]
    run = runs.start(workflow="orders", input={"orders": names}, by="otto", key=key)
    now = database_now()
    fan = {"total": total, "begun": len(stand), "done": stand.count("succeeded"), "failed": stand.count("failed")}
    at = values.dump({"step": "each", "fan": {name: number for name, number in fan.items() if number}})
    Run.objects.filter(id=run).update(
        status="waiting", wait="children", position=at, place="each", due=None, started=now, revision=5
    )
    children = [_child(run, version.pk, number, name, now) for number, name in enumerate(stand)]
    Run.objects.bulk_create(children, batch_size=500)
    Escalation.objects.bulk_create([_asks(child, now) for child in children if child.wait == "person"])
    return Run.objects.get(id=run)


def _child(parent: str, version: int, index: int, stands: str, now: datetime) -> Run:
    ended = now - timedelta(seconds=index % 40) if stands in Run.ENDED else None
    error = {"code": "unavailable", "message": f"the desk did not answer for order {index}"} if stands == "failed" else None
    place = "" if ended else f"each[{index}]/ask" if stands == "person" else f"each[{index}]/way"
    frames = [{"step": "each", "round": index, "carry": None, "kind": "item"}]
    return Run(
        id=new_id(),
        workflow_id="orders",
        version_id=version,
        parent_id=parent,
        parent_path="each",
        index=index,
        joined=bool(ended),
        input=values.dump({"item": f"order {index}", "index": index, "around": [[parent, 0, 1]]}),
        created=now - timedelta(seconds=90 - index % 30),
        started=None if stands == "ready" else now - timedelta(seconds=85 - index % 30),
        status="waiting" if stands == "person" else stands,
        wait="person" if stands == "person" else "",
        place=place,
        position="null" if ended else values.dump({"step": "ask" if stands == "person" else "way", "frames": frames}),
        holder="w" if stands == "held" else None,
        step_deadline=now + timedelta(hours=1) if stands == "held" else None,
        due=now + timedelta(days=2) if stands in ("ready", "person") else None,
        ended=ended,
        error=values.dump(error),
        outcome="",
        state_hash="0" * 64,
        cost=1_200_000,
    )


def _asks(child: Run, now: datetime) -> Escalation:
    return Escalation(
        id=new_id(),
        run=child,
        kind="human",
        step="ask",
        path=child.place,
        visit=1,
        title="May it be sent?",
        queue="desk",
        status="open",
        created=now - timedelta(seconds=30),
        due=now + timedelta(days=2),
        reason="{}",
        form=values.dump({"type": "object", "properties": {}}),
        values="{}",
        show="{}",
        actions=values.dump([{"id": "yes", "label": "Send it", "to": "seen"}]),
    )


def recorded(run: Run) -> None:
    """What those child runs have done: each has been at `way`, and what has ended at `seen` too, where some of them failed."""
    StepRecord.objects.filter(run__parent=run).delete()
    children = [child for child in Run.objects.filter(parent=run) if child.place != f"each[{child.index}]/way"]
    way = [_record(child, 1, "way", "ask" if child.wait == "person" else "seen") for child in children]
    seen = [_record(child, 2, "seen", "") for child in children if child.ended and child.status != "cancelled"]
    StepRecord.objects.bulk_create([*way, *seen], batch_size=500)


def _record(child: Run, seq: int, step: str, to: str) -> StepRecord:
    bad = not to and child.status == "failed"
    scope = f"each[{child.index}]"
    rule = {"ask": "steps[1].body[0].cases[0]", "seen": "steps[1].body[0].default", "": "steps[1].body[2]"}[to]
    rule += "" if to or bad else ".next"
    kind, leads = ("advance", f"{scope}/{to}") if to else ("finish", scope)
    return StepRecord(
        run=child,
        seq=seq,
        step=step,
        path=f"{scope}/{step}",
        visit=1,
        type="branch" if to else "set",
        result=values.dump({"kind": "failed" if bad else "done"}),
        decision=values.dump({"kind": kind, "to": leads, "rule": rule, "sentence": ""}),
        state_hash="0" * 64,
        started=child.created,
        finished=child.ended or child.created,
    )
