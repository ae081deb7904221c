"""Runs, taken up from the database: everything that the engine reads. Synchronous; called from its reader threads."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, OuterRef, Q, Subquery

from orchestration.core import state, values
from orchestration.core.decision import Spent
from orchestration.core.ladder import CallFact
from orchestration.core.plan import Plan
from orchestration.core.position import Around, Position, failure_of, load
from orchestration.executor.held import Held, PartOf, Paused, VisitKey, part_output
from orchestration.executor.written import Intent, request_of
from orchestration.models import Call, Escalation, Run, StepRecord
from orchestration.queries.plans import Kept
from orchestration.record.pack import fetch, missing, unpack, unpack_all
from orchestration.record.rows import RunRow, columns

PlanOf = Callable[[int, str], Plan]
"""The plan of a version, by its id and its content hash."""
_ROW = columns(RunRow)
_CHUNK = 100
CLAIMED = (*_ROW, "id", "revision", "workflow_id", "version_id", "parent_id", "input", "created")
"""The columns of a run that are read when it is taken up."""
Row = dict[str, Any]
"""These, and the `hash` of its version."""


def read_each(ids: Sequence[str], plan_of: PlanOf) -> tuple[list[Held], dict[str, Exception]]:
    """`read_runs`; where that fails, each run by itself, with why for those that can't be read. Raises where the database
    can't be reached."""
    try:
        return read_runs(ids, plan_of), {}
    except (OperationalError, InterfaceError):
        raise  # that is the database, not a run
    except Exception as error:
        if len(ids) == 1:
            return [], {ids[0]: error}
    found: list[Held] = []
    unreadable: dict[str, Exception] = {}
    for run in ids:
        good, bad = read_each([run], plan_of)
        found += good
        unreadable |= bad
    return found, unreadable


def read_runs(ids: Sequence[str], plan_of: PlanOf) -> list[Held]:
    """These runs with what their open visits need: a constant number of queries, however many runs."""
    last = StepRecord.objects.filter(run=OuterRef("pk"), seq=OuterRef("seq")).values("finished")
    runs = list(Run.objects.filter(id__in=ids).order_by("id").values(*CLAIMED, hash=F("version__hash"), last=Subquery(last)))
    open_calls = _open_calls([run for run in runs if run["started"]])
    pauses = _pauses([run["id"] for run in runs if not _is_fresh(run)])
    packed = [run[name] for run in runs for name in ("position", "input")]
    packed += [
        call[name] for found in open_calls.values() for call in found for name in ("output", "error", "response", "request")
    ]
    blobs = fetch(missing(packed))
    return [
        _held(run, plan_of(run["version_id"], run["hash"]), open_calls.get(run["id"], []), pauses.get(run["id"]), blobs)
        for run in runs
    ]


def fresh(run: Row, plan: Plan) -> Held | None:
    """A run that was never taken up before, from the row that claiming it gave: there is nothing else of it. None otherwise."""
    if not _is_fresh(run) or missing((run["position"], run["input"])):
        return None
    if run["parent_id"] and run["position"] != "null" and _inputs.find(values.load(run["input"])["around"][0][0]) is None:
        return None
    return _held({**run, "last": None}, plan, [], None, {})


def _is_fresh(run: Row) -> bool:
    """Whether nobody has done anything with it yet, nor asked anybody about it."""
    return run["started"] is None and run["wait"] == ""


def _pauses(runs: Sequence[str]) -> dict[str, tuple[str, Paused]]:
    """What these wait for a person with."""
    if not runs:
        return {}
    found = Escalation.objects.filter(run_id__in=runs, status__in=Escalation.PENDING)
    return {run: (pause, Paused(kind, since)) for run, pause, kind, since in found.values_list("run_id", "id", "kind", "created")}


def _open_calls(runs: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """The calls at the place where each run stands, and at the step around it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(runs), _CHUNK):
        here = Q()
        for run in runs[start : start + _CHUNK]:
            here |= Q(run_id=run["id"], path__in={run["place"], run["place"].rpartition("/")[0]} - {""})
        for call in Call.objects.filter(here).order_by("n").values():
            found.setdefault(call["run_id"], []).append(call)
    return found


def _held(run: Row, plan: Plan, calls: list[dict[str, Any]], pause: tuple[str, Paused] | None, blobs: dict[str, str]) -> Held:
    at = unpack(run["position"], blobs)
    position = load(at) if at else Position(step=plan.workflow.start)
    given = unpack(run["input"], blobs)
    held = Held(
        run_id=run["id"],
        plan=plan,
        input=given,
        version=(run["workflow_id"], run["version_id"]),
        parent=run["parent_id"],
        part_of=_part_of(given) if position.child else None,
        row=RunRow(**{name: run[name] for name in _ROW}),
        revision=run["revision"],
        position=position,
        spent=Spent.of(values.load(run["spent"])),
        queued=run["last"] or run["created"],
        rested=run["wait"] in ("backoff", "slot"),
        overdue=run["wait"] == "person" and run["due"] is not None,
        asked=values.load(run["asked"]) if run["asked"] else None,
        escalation=pause[0] if pause else None,
        paused=pause[1] if pause else Paused(run["wait"], run["since"]) if run["wait"] in ("event", "time") else None,
    )
    for call in calls:
        _take_call(held, call, blobs)
    return held


_inputs = Kept[Any](200)
_outer = Kept[tuple[Any, str, int] | None](1000)


def child_input(item: dict[str, Any], around: Iterable[Around]) -> dict[str, Any]:
    """The input of a child run: its item, if it is about one, and the runs that it is inside of."""
    return {**item, "around": [[each.run, each.depth, each.seq] for each in around]}


def _part_of(given: dict[str, Any]) -> PartOf:
    """What a child run with that input is a part of. Reads the input of the outermost, which never changes, once."""
    around = tuple(Around(*each) for each in given["around"])
    item: dict[str, Any] = {name: given[name] for name in ("item", "index") if name in given}
    return PartOf(around, _inputs.get(around[0].run, lambda: _read_input(around[0].run)), item)


def _read_input(run: str) -> Any:
    return unpack_all(Run.objects.filter(id=run).values_list("input", flat=True))[0]


def read_seen(held: Held, names: Iterable[state.Name]) -> dict[state.Name, tuple[Any, str, int]]:
    """The outputs of these names as the run sees them: its own, and, in a child run, those around it, which stay as they are as
    long as it lives, and are read once for all of its siblings."""
    found: dict[state.Name, tuple[Any, str, int]] = {}
    own: list[state.Name] = []
    for name in names:
        if (around := held.source(name)) is None:
            own.append(name)
        elif (output := _outer.get((around.run, around.seq, name), partial(_read_outer, around, name))) is not None:
            found[name] = output
    return found | (read_outputs(held.run_id, own) if own and held.seq > len(held.records) else {})


def _read_outer(around: Around, name: state.Name) -> tuple[Any, str, int] | None:
    return read_outputs(around.run, [name], around.seq).get(name)


def _take_call(held: Held, call: dict[str, Any], blobs: dict[str, str]) -> None:
    key: VisitKey = (call["path"], call["visit"])
    done = call["finished"] is not None
    failure = failure_of(unpack(call["error"], blobs)) if done else None
    fact = CallFact(call["n"], call["ask"], call["rung"], call["kind"], done, failure, unpack(call["output"], blobs), call["key"])
    held.calls.setdefault(key, []).append(fact)
    held.spans.setdefault(key, call["intended"])
    totals = held.tokens.setdefault(key, [0, 0, 0])
    for index, name in enumerate(("tokens_in", "tokens_out", "cost")):
        totals[index] += call[name]
    request = unpack(call["request"], blobs)
    held.requests[key] = request_of(request)
    held.prints.setdefault(key, {}).update(request.get("prints", {}))
    if done:
        response = unpack(call["response"], blobs)
        held.said[key] = response.get("text")
        held.marks[key] = tuple(response.get("mended", ()))
        held.prints[key]["response"] = values.digest_text(response.get("raw", ""))
    else:
        held.reserved[key] = call["reserved"]


def read_outputs(run_id: str, names: Iterable[state.Name], upto: int | None = None) -> dict[state.Name, tuple[Any, str, int]]:
    """The latest output of each name, with the path and seq of its record, `upto` a seq if that is given. One indexed read each,
    however long the run."""
    rows = {}
    before = {} if upto is None else {"seq__lte": upto}
    for scope, step in names:
        found = (
            StepRecord.objects.filter(run_id=run_id, scope=scope, step=step, **before)
            .order_by("-seq").values_list("output", "path", "seq").first()
        )  # fmt: skip
        if found:
            rows[(scope, step)] = found
    blobs = fetch(missing(row[0] for row in rows.values()))
    return {name: (unpack(output, blobs), path, seq) for name, (output, path, seq) in rows.items()}


def read_part(run_id: str, path: str) -> Any:
    """What the latest record at `path` came to, though it writes nothing that others see. None where there is none."""
    found = StepRecord.objects.filter(run_id=run_id, path=path).order_by("-seq").values_list("output", "result").first()
    if found is None:
        return None
    blobs = fetch(missing(found))
    output, result = (unpack(text, blobs) for text in found)
    return part_output(output, result.get("error"))


def read_intent(run_id: str, key: VisitKey, n: int) -> tuple[dict[str, Any], Intent]:
    """The call as it was committed; its tool is for the caller to look up."""
    path, visit = key
    call = Call.objects.get(run_id=run_id, path=path, visit=visit, n=n)
    data, resent = unpack_all([call.request, call.resent])
    intent = Intent(request_of(data), call.effect, call.reserved, call.intended, call.deadline, resent=tuple(resent))
    return data, intent


def denied(run_id: str, key: VisitKey, since: int) -> bool:
    """Whether a person had this visit begun, in record `since` or later: they said that the one before it did not happen."""
    path, visit = key
    return StepRecord.objects.filter(run_id=run_id, path=path, visit=visit - 1, seq__gte=since).exclude(actor="").exists()


def seen(run_id: str) -> tuple[int, int, str | None, str | None]:
    """(fence, revision, holder, asked) as they are now."""
    return Run.objects.values_list("fence", "revision", "holder", "asked").get(id=run_id)


def letting_go(work: Callable[[], Any]) -> Any:
    """What `work` comes to; the connection of this thread is not held after it."""
    try:
        return work()
    finally:
        if not connection.in_atomic_block:
            connection.close()
