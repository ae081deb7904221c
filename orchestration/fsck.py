"""P6: the invariants of FAULTS (I1–I11), checked on any database, read-only; each finding names the row and what it breaks.

What only an outside witness can tell (I6, that an effect happened once) is checked against a ledger of effects where there is
one: a file of JSON lines `{key, method?, url?, body?, repeat?}`, one for each request as the other side saw it; a repeat did
nothing new.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db.models import Count, Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat

from orchestration import placeholders, vault
from orchestration.acts import audit
from orchestration.core import state, values
from orchestration.core.cron import timetable
from orchestration.core.errors import Refused
from orchestration.core.frozen import dataclass
from orchestration.core.ladder import call_key
from orchestration.core.position import load
from orchestration.executor.held import GRACE
from orchestration.models import (
    Act,
    Blob,
    Call,
    DraftEdit,
    Escalation,
    Event,
    Run,
    Schedule,
    Secret,
    StepRecord,
    Version,
    Worker,
    Workflow,
)
from orchestration.queries.drafts import WRITING
from orchestration.record.clock import database_now
from orchestration.record.pack import fetch, missing, pack, unpack, unpack_all

CHUNK = 200
_CLOCKS = timedelta(hours=2)
"""By how much a time may seem too late: clocks step back by an hour at times, and no safety rests on them (P3)."""
_PACKED: dict[Any, tuple[str, ...]] = {
    Run: ("input", "output", "error", "position", "labels"),
    StepRecord: ("input", "output", "result", "decision", "position", "fingerprints"),
    Call: ("request", "response", "output", "error", "late"),
    Escalation: ("reason", "form", "values", "show", "answer"),
    Schedule: ("input", "labels", "trouble", "passed"),
    Event: ("payload", "mended"),
    Version: ("definition", "proof"),
    DraftEdit: ("steps", "before", "after"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    invariant: str
    row: str
    message: str

    def __str__(self) -> str:
        return f"{self.invariant}  {self.row}: {self.message}"


def check(ledger: Path | None = None) -> Iterator[Finding]:
    """Every breach of an invariant that the database, and the ledger if there is one, shows."""
    yield from _blobs()
    for runs in _chunks(Run.objects.order_by("id").values()):
        yield from _runs(runs)
    yield from _calls()
    yield from _people()
    yield from _schedules()
    yield from _events()
    yield from _drafts()
    yield from _secrets()
    if ledger is not None:
        yield from _effects(ledger)


def _chunks(rows: Any) -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    for row in rows.iterator(chunk_size=CHUNK):
        found.append(row)
        if len(found) == CHUNK:
            yield found
            found = []
    if found:
        yield found


def _blobs() -> Iterator[Finding]:
    """Everything that a row points to is there, and is what its name says."""
    there = set()
    for blob in Blob.objects.iterator(chunk_size=CHUNK):
        there.add(blob.hash)
        if values.digest_text(blob.body) != blob.hash:
            yield Finding("I2", f"blob {blob.hash[:12]}", "its content is not what its hash says")
    for model, names in _PACKED.items():
        for row in model.objects.values("pk", *names).iterator(chunk_size=CHUNK):
            for gone in missing(row[name] for name in names) - there:
                yield Finding("I2", f"{model.__name__} {row['pk']}", f"the blob {gone[:12]} that it stands on is missing")


def _runs(runs: list[dict[str, Any]]) -> Iterator[Finding]:
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in StepRecord.objects.filter(run_id__in=[run["id"] for run in runs]).order_by("run_id", "seq").values():
        records[record["run_id"]].append(record)
    packed = [run[name] for run in runs for name in ("input", "position")]
    packed += [record[name] for found in records.values() for record in found for name in ("output", "decision", "position")]
    blobs = fetch(missing(packed))
    now = database_now()
    pauses = set(Escalation.objects.filter(status__in=Escalation.PENDING).values_list("run_id", flat=True))
    workers = {worker.id: worker for worker in Worker.objects.all()}
    families = _families([run["id"] for run in runs])
    for run in runs:
        try:
            yield from _record(run, records[run["id"]], blobs)
        except KeyError as error:
            yield Finding("I2", f"run {run['id']}", f"its record can't be read: {error}")
        family = families.get(run["id"], {})
        yield from _exit(
            run,
            run["id"] in pauses or run["wait"] == "limit" or any(each["live"] or each["unjoined"] for each in family.values()),
            workers,
            now,
        )
        yield from _children(run, family, blobs)


def _families(runs: list[str]) -> dict[str, dict[tuple[str, int], dict[str, int]]]:
    """Run → the visits of it that have child runs, and how many of these there are, live, and are not counted yet."""
    counts = {"all": Count("id"), "live": Count("id", filter=Q(ended=None)), "unjoined": Count("id", filter=Q(joined=False))}
    found: dict[str, dict[tuple[str, int], dict[str, int]]] = defaultdict(dict)
    for row in Run.objects.filter(parent__in=runs).values("parent", "parent_path", "parent_visit").annotate(**counts).order_by():
        found[row["parent"]][row["parent_path"], row["parent_visit"]] = {name: row[name] for name in counts}
    return found


def _children(run: dict[str, Any], family: dict[tuple[str, int], dict[str, int]], blobs: dict[str, str]) -> Iterator[Finding]:
    """I1, I5: each child run is counted once, where its parent stands at it, and none outlives its parent."""
    at = load(unpack(run["position"], blobs)) if run["status"] in Run.LIVE and run["position"] != "null" else None
    here = (at.visit_path, at.visit) if at is not None and at.fan is not None else None
    for visit, counts in family.items():
        name = f"run {run['id']} {visit[0]}"
        if visit == here and at is not None and at.fan is not None:
            if counts["all"] != at.fan.begun or counts["all"] - counts["unjoined"] != at.fan.begun - at.fan.live:
                ended = at.fan.begun - at.fan.live
                yield Finding("I1", name, f"it has begun {at.fan.begun} child runs and counted {ended}, and there are {counts}")
        elif counts["live"] or counts["unjoined"]:
            yield Finding(
                "I5", name, f"it has gone on, and of its child runs {counts['live']} live, {counts['unjoined']} uncounted"
            )


def _record(run: dict[str, Any], records: list[dict[str, Any]], blobs: dict[str, str]) -> Iterator[Finding]:
    """I1, I2: seq is gapless, each stored hash is the hash of the fold, and the row says the same as its last record."""
    name = f"run {run['id']}"
    found = state.start(unpack(run["input"], blobs))
    for number, record in enumerate(records, 1):
        if record["seq"] != number:
            yield Finding("I2", name, f"step record {number} is missing; the next is {record['seq']}")
            return
        at = unpack(record["position"], blobs)
        writes = (record["scope"], record["step"]) if record["scope"] is not None else None
        decided = unpack(record["decision"], blobs)
        told = state.Record(
            number,
            record["path"],
            record["visit"],
            unpack(record["output"], blobs),
            writes,
            decided["to"],
            load(at) if at else None,
        )
        found = state.write(found, told)
        if found.hash != record["state_hash"]:
            yield Finding("I2", f"{name} #{number}", "its hash is not the hash of what was written up to it")
            return
    if run["seq"] != len(records):
        yield Finding("I2", name, f"it is at seq {run['seq']}, and has {len(records)} step records")
    elif run["state_hash"] != found.hash:
        yield Finding("I2", name, "the hash of its state is not the hash of the fold")
    ends = [number for number, record in enumerate(records, 1) if unpack(record["decision"], blobs)["kind"] == "finish"]
    if ends != ([len(records)] if run["status"] in Run.ENDED else []):
        last = f"step record {ends[0]} ends it" if ends else "no step record ends it"
        yield Finding("I5", name, f"it is {run['status']}, has {len(records)} step records, and {last}")


def _exit(run: dict[str, Any], paused: bool, workers: dict[str, Worker], now: Any) -> Iterator[Finding]:
    """I4: what is not over can go on."""
    name, status = f"run {run['id']}", run["status"]
    if status == "ready" and run["due"] is None:
        yield Finding("I4", name, "it is ready and never due")
    if status == "held":
        yield from _held(name, run, workers, now)
    if status in ("waiting", "quarantined") and not paused and run["due"] is None:
        yield Finding("I4", name, f"it is {status}, with no open escalation and no due time")
    if status in Run.ENDED and paused:
        yield Finding("I5", name, f"it is {status}, and an escalation of it is still open")
    if status in Run.ENDED and (run["holder"] is not None or run["due"] is not None):
        yield Finding("I5", name, f"it is {status}, and still held or due")


def _held(name: str, run: dict[str, Any], workers: dict[str, Worker], now: Any) -> Iterator[Finding]:
    """Its holder is known, so that a sweep frees it when the heart stops; and its step is over no later than its call may be, so
    that a sweep frees it also where the heart beats on. How long ago a heart stopped says nothing: clocks jump, and the next
    sweep may be about to come."""
    if run["holder"] not in workers or run["step_deadline"] is None:
        yield Finding("I4", name, f"it is held by {run['holder']}, which is no worker, or without a deadline")
    elif run["step_deadline"] > now + GRACE + _CLOCKS:
        called = Call.objects.filter(run=run["id"], finished=None).aggregate(last=Max("deadline"))["last"]
        if called is None or run["step_deadline"] > called + GRACE + _CLOCKS:
            yield Finding("I4", name, f"it may be held until {run['step_deadline']}, longer than any call of it may take")


def _calls() -> Iterator[Finding]:
    """I7: each call's key is that of its intent; and none is open once its run is over, but where the run was ended in the midst
    of it: nobody knows its end."""
    ends = StepRecord.objects.filter(run=OuterRef("run"), seq=OuterRef("run__seq"))
    for call in (
        Call.objects.select_related("run")
        .only("run__status", "run__ended", "path", "visit", "ask", "key", "n", "intended", "finished")
        .annotate(last_path=Subquery(ends.values("path")[:1]), last_visit=Subquery(ends.values("visit")[:1]))
        .iterator(chunk_size=CHUNK)
    ):
        name = f"call {call.run_id} {call.path} {call.visit}.{call.n}"
        if call.key != call_key(call.run_id, call.path, call.visit, call.ask):
            yield Finding("I7", name, "its key is not the key of its run, path, visit and ask")
        if call.run.status in Run.ENDED and call.run.ended and call.intended > call.run.ended + _CLOCKS:
            yield Finding("I5", name, "it was meant to leave after its run had ended")
        amid = (call.path, call.visit) == (call.last_path, call.last_visit)
        if call.run.status in Run.ENDED and call.finished is None and not amid:
            yield Finding("I7", name, "its run went on from it and has ended, and nobody has recorded what came of it")
    again = Call.objects.values("run_id", "path", "visit", "ask").annotate(keys=Count("key", distinct=True)).filter(keys__gt=1)
    for row in again:
        yield Finding("I6", f"call {row['run_id']} {row['path']}", "one ask has two keys")


def _people() -> Iterator[Finding]:
    """I8, I11: one run for an accepted start; each resolved escalation has its act; the acts of a subject form a chain."""
    for row in Escalation.objects.filter(status__in=Escalation.PENDING).values("run_id").annotate(n=Count("id")).filter(n__gt=1):
        yield Finding("I11", f"run {row['run_id']}", "more than one of its escalations is open")
    resolved: Counter[str] = Counter()
    started: Counter[str] = Counter()
    for subject in Act.objects.values_list("subject", flat=True).distinct():
        acts = list(Act.objects.filter(subject=subject).order_by("number"))
        yield from _chain(subject, acts)
        resolved[subject] = sum(act.verb == "resolve" for act in acts)
        started[subject] = sum(act.verb == "start" for act in acts)
    counted = Counter(Escalation.objects.filter(status=Escalation.Status.RESOLVED).values_list("run_id", flat=True))
    for run, count in counted.items():
        if resolved[f"run:{run}"] != count:
            yield Finding("I11", f"run {run}", f"{count} escalations are resolved, by {resolved[f'run:{run}']} acts")
    runs = set(Run.objects.values_list("id", flat=True))
    for subject, count in started.items():
        if count != 1 and subject.startswith("run:") and count:
            yield Finding("I8", subject, f"it was started {count} times")
        if count and subject.removeprefix("run:") not in runs:
            yield Finding("I8", subject, "its start was accepted, and there is no such run")


def _chain(subject: str, acts: list[Act]) -> Iterator[Finding]:
    last = ""
    for number, (act, detail) in enumerate(zip(acts, unpack_all([act.detail for act in acts]), strict=True), 1):
        link = audit.chain(
            last, subject, number, act.verb, act.at.astimezone(UTC).isoformat(), act.by, values.digest(detail), act.body_hash
        )
        if act.number != number or act.hash != link:
            yield Finding(
                "I11", f"act {subject} {number}", "it does not follow from the act before it: one was changed or removed"
            )
            return
        last = link


def _schedules() -> Iterator[Finding]:
    """I4: one that is not paused has an occurrence to come, by a line that can be read. I8: each of its runs was started for
    one."""
    for row in Schedule.objects.values("id", "cron", "zone", "paused", "next").iterator(chunk_size=CHUNK):
        if not row["paused"] and row["next"] is None:
            yield Finding("I4", f"schedule {row['id']}", "it is not paused, and never due")
        try:
            timetable(row["cron"], row["zone"])
        except Refused as refused:
            yield Finding("I4", f"schedule {row['id']}", f"it can't be read: {refused.problems[0].message}")
    starts = Act.objects.filter(subject=Concat(Value("run:"), OuterRef("pk")), verb="start")
    runs = Run.objects.exclude(schedule=None).annotate(began=Subquery(starts.values("key")[:1]))
    for row in runs.values("id", "schedule", "began").iterator(chunk_size=CHUNK):
        if not (row["began"] or "").startswith(f"schedule:{row['schedule']}:start:"):
            yield Finding("I8", f"run {row['id']}", f"it says that the schedule {row['schedule']} started it, which no act does")


def _events() -> Iterator[Finding]:
    """I6, I8: an event was sent, and is taken by one step record, which says so; a run that was given one waits for no other."""
    sent = set(Act.objects.filter(verb="send", subject__startswith="event:").values_list("subject", flat=True))
    took: dict[str, tuple[str, int]] = {}
    waits = StepRecord.objects.filter(type="wait").values_list("run_id", "seq", "result").order_by("id")
    for run, seq, packed in waits.iterator(chunk_size=CHUNK):
        event = unpack_all([packed])[0].get("event", {}).get("id")
        if event in took:
            yield Finding("I6", f"event {event}", f"step record {seq} of {run} took it, and {took[event][1]} of {took[event][0]}")
        elif event:
            took[event] = run, seq
    for event in (
        Event.objects.select_related("run").only("run__status", "run__awaits", "seq", "address").iterator(chunk_size=CHUNK)
    ):
        name = f"event {event.id}"
        if f"event:{event.id}" not in sent:
            yield Finding("I8", name, "nobody has sent it")
        if took.pop(event.id, None) != ((event.run_id, event.seq) if event.seq else None):
            yield Finding("I6", name, f"it says that record {event.seq} of {event.run_id} took it, and the records say otherwise")
        if event.run and event.seq is None and event.run.awaits == event.address:
            yield Finding("I4", name, f"it was given to run {event.run_id}, which waits for it still")
    for event, (run, seq) in took.items():
        yield Finding("I6", f"run {run} #{seq}", f"it took the event {event}, which is not there")


def _drafts() -> Iterator[Finding]:
    """I2: what was done to a draft leads, one after the other, to what stands in it; what was undone, on from there. I11: the act
    of its last revision is there."""
    for row in Workflow.objects.values("id", "draft", "revision").iterator(chunk_size=CHUNK):
        name = f"draft {row['id']}"
        edits = list(
            DraftEdit.objects.filter(workflow=row["id"]).order_by("number").values("number", "before", "after", "undone")
        )
        for one, two in pairwise(edits):
            if two["number"] != one["number"] + 1 or two["before"] != one["after"] or one["undone"] > two["undone"]:
                yield Finding("I2", name, f"entry {two['number']} of its history does not follow from the one before it")
        done = [edit["after"] for edit in edits if not edit["undone"]][-1:] or [edit["before"] for edit in edits[:1]]
        if done and done[0] != pack(row["draft"], {}):
            yield Finding("I2", name, "its history leads to another text than the one that stands there")
        last = (
            Act.objects.filter(subject=f"workflow:{row['id']}", verb__in=WRITING)
            .order_by("-number")
            .values_list("detail")
            .first()
        )
        if last is None or unpack_all(last)[0].get("revision") != row["revision"]:
            yield Finding("I11", name, f"no act tells of its revision {row['revision']}")


def _secrets() -> Iterator[Finding]:
    """I9: no secret in any store."""
    known = vault.resolve(list(Secret.objects.values_list("name", flat=True)))
    spelled = {name: (value, json.dumps(value)[1:-1]) for name, value in known.items() if len(value) >= 6}
    stores: tuple[tuple[Any, Iterable[str]], ...] = (*_PACKED.items(), (Blob, ("body",)), (Act, ("detail", "answer")))
    for model, names in stores if spelled else ():
        for row in model.objects.values("pk", *names).iterator(chunk_size=CHUNK):
            text = "\n".join(str(row[name]) for name in names)
            for secret, forms in spelled.items():
                if any(form in text for form in forms):
                    yield Finding("I9", f"{model.__name__} {row['pk']}", f"it holds the secret {secret}")


def _effects(ledger: Path) -> Iterator[Finding]:
    """I6, I7: each effect once by its key, and each with the intent that it came from, byte for byte."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines() if line.strip()]
    counted = Counter(line["key"] for line in lines)
    fresh = Counter(line["key"] for line in lines if not line.get("repeat"))
    intents: dict[str, dict[str, Any]] = {}
    for call in Call.objects.filter(key__in=counted).values("key", "effect", "request"):
        intents[call["key"]] = call
    for line in lines:
        intent = intents.get(line["key"])
        if intent is None:
            yield Finding("I7", f"effect {line['key']}", "it happened without an intent")
            continue
        request = unpack(intent["request"], fetch(missing([intent["request"]])))
        for part in ("method", "url", "body"):
            meant = request.get(part) or ""
            if part in line and line[part] != meant and not placeholders.PLACEHOLDER.search(meant):
                yield Finding("I7", f"effect {line['key']}", f"it happened with another {part} than was intended")
    for key in counted.keys() & intents.keys():
        # The other side may know a repeated key and do nothing new; an irreversible call may not even be sent twice.
        count = {"none": 0, "irreversible": counted[key]}.get(intents[key]["effect"], fresh[key])
        if count > 1:
            yield Finding("I6", f"effect {key}", f"it happened {count} times")
