"""How things look in the API: DESIGN.md 9. Times are ISO 8601 in UTC, money is in dollars."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from dashboard import problem_view
from orchestration.acts.schedules import ScheduleBody
from orchestration.acts.workflows import Checked
from orchestration.core import event as events
from orchestration.core.cron import Occurrence
from orchestration.queries import children
from orchestration.queries.escalations import EscalationDetail, EscalationSummary
from orchestration.queries.events import KeptEvent
from orchestration.queries.paging import Page
from orchestration.queries.reach import ProviderView, ToolView
from orchestration.queries.records import CallView, StepView
from orchestration.queries.runs import RunDetail, RunItem, RunSummary
from orchestration.queries.schedules import ScheduleView
from orchestration.queries.workflows import VersionDetail, VersionSummary, WorkflowDetail, WorkflowSummary

NANO = 1_000_000_000

Json = dict[str, Any]


def dollars(nano: int) -> float:
    return nano / NANO


def when(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def page(found: Page[Any], shown: Any) -> Json:
    return {"items": [shown(item) for item in found.items], "next": found.next}


def checked(found: Checked) -> Json:
    return {
        "problems": problem_view.problems(found),
        "proof": found.proof.as_dict() if found.proof else None,
        "hash": found.definition.hash if found.definition else None,
    }


def workflow(found: WorkflowSummary) -> Json:
    return {
        "id": found.id,
        "title": found.title,
        "revision": found.revision,
        "version": found.version,
        "published": when(found.published),
        "sample": found.sample,
        "live": found.live,
        "created": when(found.created),
        "updated": when(found.updated),
        "updated_by": found.updated_by,
        "retired": retired(found),
    }


def retired(found: WorkflowSummary) -> Json | None:
    return {"at": when(found.retired), "by": found.retired_by, "reason": found.retired_reason} if found.retired else None


def workflow_detail(found: WorkflowDetail) -> Json:
    return {**workflow(found), "draft": found.draft, "versions": [version(item) for item in found.versions]}


def version(found: VersionSummary) -> Json:
    return {
        "version": found.number,
        "hash": found.hash,
        "published": when(found.published),
        "published_by": found.published_by,
        "note": found.note,
    }


def version_detail(found: VersionDetail) -> Json:
    return {
        **version(found),
        "workflow": found.workflow,
        "definition": found.definition,
        "text": found.text,
        "proof": {key: value for key, value in found.proof.items() if key != "problems"},
        "problems": found.proof.get("problems", []),
    }


def _run(found: RunSummary) -> Json:
    return {
        "id": found.id,
        "workflow": found.workflow,
        "version": found.version,
        "status": found.status,
        "wait": found.wait or None,
        "outcome": found.outcome or None,
        "position": found.place or None,
        "revision": found.revision,
        "seq": found.seq,
        "escalation": found.escalation,
        "cost": dollars(found.cost),
        "key": found.key or None,
        "labels": found.labels,
        "created": when(found.created),
        "created_by": found.created_by,
        "schedule": found.schedule,
        "started": when(found.started),
        "ended": when(found.ended),
        "due": when(found.due),
        "awaits": _awaits(found.awaits),
        "since": when(found.since),
        "parent": found.parent,
        "path": found.parent_path or None,
        "index": found.index,
    }


def _awaits(address: str) -> Json | None:
    if not address:
        return None
    name, correlation = events.parts_of(address)
    return {"event": name, "correlation": correlation}


def event(found: KeptEvent) -> Json:
    return {
        "id": found.id,
        "name": found.name,
        "correlation": found.correlation,
        "payload": found.payload,
        "by": found.by,
        "received": when(found.received),
        "kept_until": when(found.until),
        **({"mended": list(found.mended)} if found.mended else {}),
        "truncated": list(found.truncated),
    }


def run(found: RunItem) -> Json:
    """As it stands in a list. `truncated` names what is too large for one, and stands with the run alone."""
    return {**_run(found), "output": found.output, "error": found.error, "truncated": list(found.truncated)}


def run_detail(found: RunDetail) -> Json:
    """With its child runs by status, where it has any: one query more."""
    spent = {**found.spent, "cost": dollars(found.spent.get("cost", 0)), "reserved": dollars(found.spent.get("reserved", 0))}
    return {
        **_run(found),
        "input": found.input,
        **({"mended": list(found.mended)} if found.mended else {}),
        "output": found.output,
        "error": found.error,
        "spent": spent,
        "children": children.tally(found.id),
        "restored": found.restored or None,
    }


def record(found: StepView) -> Json:
    return {
        "seq": found.seq,
        "step": found.step,
        "path": found.path,
        "visit": found.visit,
        "type": found.type,
        "input": found.input,
        "output": found.output,
        "result": found.result,
        "decision": found.decision,
        "calls": [call(item) for item in found.calls],
        "fingerprints": found.fingerprints,
        "state_hash": found.state_hash,
        "queued": when(found.queued),
        "started": when(found.started),
        "finished": when(found.finished),
        "tokens": {"in": found.tokens_in, "out": found.tokens_out},
        "cost": dollars(found.cost),
        "actor": found.actor or None,
    }


def call(found: CallView) -> Json:
    return {
        "path": found.path,
        "visit": found.visit,
        "n": found.n,
        "kind": found.kind,
        "protocol": found.protocol,
        "target": found.target,
        "effect": found.effect,
        "key": found.key,
        "request": found.request,
        "response": found.response,
        "error": found.error,
        "tokens": {"in": found.tokens_in, "out": found.tokens_out},
        "cost": dollars(found.cost),
        "intended": when(found.intended),
        **({"resent": [{"at": when(again.at), "because": again.why} for again in found.resent]} if found.resent else {}),
        "finished": when(found.finished),
        **({"late": found.late} if found.late else {}),
    }


def escalation(found: EscalationSummary) -> Json:
    return {
        "id": found.id,
        "run": found.run,
        "workflow": found.workflow,
        "version": found.version,
        "kind": found.kind,
        "step": found.step,
        "path": found.path,
        "title": found.title,
        "about": found.about,
        "status": found.status,
        "queue": found.queue,
        "priority": found.priority,
        "revision": found.revision,
        "parent": found.parent,
        "index": found.index,
        "created": when(found.created),
        "due": when(found.due),
        "claimed_by": found.claimed_by or None,
        "claimed_until": when(found.claimed_until),
        "resolved": when(found.resolved),
        "resolved_by": found.resolved_by or None,
    }


def escalation_detail(found: EscalationDetail) -> Json:
    good = found.dossier.last_good
    return {
        **escalation(found),
        "reason": found.reason,
        "form": found.form,
        "values": found.values,
        "show": found.show,
        "actions": found.actions,
        "draft": found.draft,
        "answer": found.answer,
        "tried": [call(item) for item in found.dossier.tried],
        "last_good": {"step": good.step, "path": good.path, "seq": good.seq, "value": good.value} if good else None,
        "messages": list(found.dossier.messages) if found.dossier.messages is not None else None,
        "raw_answer": found.dossier.answer,
    }


def provider(found: ProviderView) -> Json:
    return {**{name: getattr(found, name) for name in ProviderView.__slots__}, "updated": when(found.updated)}


def tool(found: ToolView) -> Json:
    shown = found.tool
    written = found.definition
    return {
        "name": shown.name,
        "kind": shown.kind,
        "title": shown.title,
        "description": shown.description,
        "effect": shown.effect,
        "input": shown.input,
        "output": shown.output,
        "timeout": shown.timeout,
        **({"http": written["http"], "reconcile": written.get("reconcile"), "updated": when(found.updated)} if written else {}),
    }


def schedule(found: ScheduleView) -> Json:
    times = ("next", "fired", "created", "updated")
    plain = {name: getattr(found, name) for name in ScheduleView.__slots__}
    return plain | {name: when(plain[name]) for name in times}


def schedule_whole(found: ScheduleView) -> Json:
    return {**schedule(found), "occurrences": occurrences(found.following())}


def schedule_body(body: Json) -> Json:
    """What was sent without what GET shows beside it, so that what was got may be put back as it is."""
    written = {*ScheduleBody.model_fields}
    shown = {"occurrences", *ScheduleView.__slots__} - written
    return {key: value for key, value in body.items() if key not in shown}


def occurrences(found: Iterable[Occurrence]) -> list[Json]:
    return [{"at": when(one.at), "local": one.local.isoformat(), "turn": one.turn or None} for one in found]


def writable(body: Json, **told: str) -> Json:
    """What was sent without what GET shows beside it (`told`: name and kind), so that what was got may be put back as it is."""
    return {key: value for key, value in body.items() if key not in ("updated", "problems") and told.get(key, ...) != value}
