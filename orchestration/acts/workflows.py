"""Checking, drafting and publishing workflows.

A draft is text and may be wrong: it is kept all the same, with what is wrong said beside it. What is published is right,
frozen with its proof, and numbered.
"""

import re
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from orchestration.acts import audit
from orchestration.core import source, values
from orchestration.core.definition import Definition, from_source
from orchestration.core.errors import Conflict, NotFound, Problem, Refused, Unreadable
from orchestration.core.plan import Plan
from orchestration.core.proof import Proof, prove
from orchestration.core.source import MAX_BYTES, Source
from orchestration.models import Version, Workflow
from orchestration.queries.catalog import World, current
from orchestration.queries.plans import Kept, compiled
from orchestration.record.pack import keep, pack

_ID = re.compile(r"[a-z][a-z0-9_]{0,47}\Z")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class Checked(NamedTuple):
    """What a definition comes to: as far as it could be read, and all problems, those of the proof among them."""

    definition: Definition | None
    plan: Plan | None
    proof: Proof | None
    problems: tuple[Problem, ...]
    unreadable: Unreadable | None = None
    """Set where it could not even be read."""
    unfiled: bool = False
    """No new workflow can be made of it: it can't be read, says no id, or one that is taken. Set by `check_new` alone."""

    @property
    def ok(self) -> bool:
        """Whether it may be published."""
        return self.proof is not None and not any(problem.severity == "error" for problem in self.problems)


_drafts = Kept[Checked](16)


class Pushed(NamedTuple):
    workflow: Workflow
    created: bool
    checked: Checked


def check(given: str | bytes | dict[str, Any], workflow: str | None = None) -> Checked:
    """Reads, compiles and proves a definition: YAML or JSON text, or its plain data. Never raises for a wrong one. As the draft
    of `workflow` it has to keep that id."""
    try:
        checked = _proved(given)
    except Unreadable as unreadable:
        return Checked(None, None, None, unreadable.problems, unreadable)
    definition = checked.definition
    if workflow is None or definition is None or definition.id == workflow:
        return checked
    message = (
        f"This is the draft of {workflow}, and its id has to stay that. Change it back, or make a new workflow of this text."
    )
    return _with(checked, Problem("other_id", message, "id", line=definition.source.line("id")))


def check_new(text: str, by: str = "") -> Checked:
    """The same for what is to become a workflow of its own, which needs an id that is free; or `by` has just made it of this."""
    checked = check(text)
    if checked.unreadable:
        return checked._replace(unfiled=True)
    read = _read(text)
    try:
        name, _ = _names(read)
    except Unreadable as unreadable:
        return _with(checked, *unreadable.problems)._replace(unfiled=True)
    taken = Workflow.objects.filter(id=name).first()
    if taken is not None and not _repeated(taken, _draft(text, read), by, 0):
        return _with(checked, _taken(name, read))._replace(unfiled=True)
    return checked


def _with(checked: Checked, *problems: Problem) -> Checked:
    """With these before what was found already, each place once."""
    told = {(problem.code, problem.path) for problem in problems}
    return checked._replace(problems=(*problems, *(p for p in checked.problems if (p.code, p.path) not in told)))


def _read(given: str | bytes | dict[str, Any]) -> Source:
    read = _source(given)
    if not isinstance(read.data, dict):
        raise Unreadable(Problem("wrong_type", "A definition is a mapping that begins with `interlock: 1`.", "", line=1))
    return read


def _source(given: str | bytes | dict[str, Any]) -> Source:
    if isinstance(given, str | bytes):
        return source.read(given)
    cleaned = values.clean(given)
    if cleaned.marks:
        message = "There is a NUL character or half of a surrogate pair here, which no store can keep. Remove it."
        raise Unreadable(*(Problem("bad_character", message, mark) for mark in cleaned.marks[:20]))
    return source.read(values.dump(cleaned.value))


def _proved(given: str | bytes | dict[str, Any], read: Source | None = None) -> Checked:
    """A text is proved once in a world, however many pages show what came of it. `read` is it, where it has been read already.
    Raises `Unreadable`."""
    world = current()

    def prove_it() -> Checked:
        return _check(read or _read(given), world)

    if not isinstance(given, str):
        return prove_it()
    found = _drafts.get((values.digest_text(given), world.digest), prove_it)
    # A version that it calls may have been published since.
    return prove_it() if any(problem.code == "unknown_workflow" for problem in found.problems) else found


_MORE = Problem("more_may_follow", "The rest is looked at once this can be read: more may follow.", severity="info")


def _check(read: Source, world: World) -> Checked:
    try:
        definition = from_source(read)
    except Refused as refused:
        return Checked(None, None, None, (*refused.problems, _MORE))
    plan = compiled(definition, world)
    proof = prove(plan)
    return Checked(definition, plan, proof, proof.problems)


def push(
    *,
    text: str | bytes | dict[str, Any],
    by: str,
    revision: int | None = None,
    sample: bool | None = None,
    new: bool = False,
) -> Pushed:
    """Stores a definition as the draft of the workflow that it names, new or there already. It may be wrong, but it has to be
    readable, and to say its id. `revision`: only over this one; `new`: over none. Raises `Refused` and `Conflict`."""
    read = _read(text)
    name, title = _names(read)
    draft = _draft(text, read)
    checked = _proved(text, read)
    with transaction.atomic():
        audit.lock(f"workflow:{name}")  # of two who make it at once the second finds it
        found = Workflow.objects.select_for_update().filter(id=name).first()
        if found is None:
            _must_be_new(name, revision)
            found = Workflow.objects.create(id=name, title=title, draft=draft, updated_by=by, sample=bool(sample))
            _note(found, "create", by)
            return Pushed(found, True, checked)
        if new and not _repeated(found, draft, by, 0):
            raise Refused(_taken(name, read))
        seen = found.revision if revision is None else revision
        if (found.draft != draft or seen != found.revision) and not _repeated(found, draft, by, seen):
            _write(found, draft, title, by, seen)
        if sample is not None and found.sample != sample:
            Workflow.objects.filter(id=name).update(sample=sample)
            found.sample = sample
    return Pushed(found, False, checked)


def save_draft(*, workflow: str, text: str, revision: int, by: str) -> tuple[int, Checked]:
    """Keeps `text` as the draft, whatever is wrong with it; returns its revision, and what is wrong. Raises `Conflict` where
    the draft is not at `revision` any more, `NotFound`, and `Refused` for text that no store can keep."""
    if len(text) > MAX_BYTES:
        raise Refused(Problem("too_large", f"A draft has at most {MAX_BYTES // 1_000_000} MB.", "text"))
    if bad := _UNKEEPABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        message = f"Line {line} holds a character that no store can keep: NUL, or half of a surrogate pair. Remove it."
        raise Refused(Problem("bad_character", message, "text", line=line))
    checked = check(text, workflow)
    with transaction.atomic():
        found = Workflow.objects.select_for_update().filter(id=workflow).first()
        if found is None:
            raise _missing(workflow)
        title = checked.definition.workflow.title if checked.definition else found.title
        if (found.draft != text or found.revision != revision) and not _repeated(found, text, by, revision):
            _write(found, text, title, by, revision)
    return found.revision, checked


def publish(*, workflow: str, by: str, revision: int | None = None, note: str = "") -> Version:
    """Freezes the draft as the next version, with its proof; the latest version where it says the same already.

    Raises `Refused` with the problems that stand against it, `Conflict` where the draft is not at `revision`, or was changed
    while it was being proved, and `NotFound`.
    """
    note = values.clean_text(note).value
    seen = Workflow.objects.filter(id=workflow).first()
    if seen is None:
        raise _missing(workflow)
    if revision is not None and revision != seen.revision:
        raise _moved(seen, revision)
    checked = check(seen.draft, workflow)  # before the transaction: a proof takes its time, and others want to write
    if checked.definition is None or not checked.ok:
        raise Refused(*checked.problems)
    definition = checked.definition
    with transaction.atomic():
        found = Workflow.objects.select_for_update().get(id=workflow)
        if found.revision != seen.revision:
            raise _moved(found, seen.revision)
        latest = Version.objects.filter(workflow=found).order_by("-number").first()
        Workflow.objects.filter(id=workflow).update(title=definition.workflow.title)
        if latest is not None and latest.hash == definition.hash:
            return latest
        version = _freeze(found, latest.number + 1 if latest else 1, definition, checked, by, note)
        detail = {"version": version.number, "hash": version.hash, "note": note[:500]}
        audit.write(subject=f"workflow:{workflow}", verb="publish", by=by, detail=detail)
        return version


def _freeze(found: Workflow, number: int, definition: Definition, checked: Checked, by: str, note: str) -> Version:
    assert checked.proof is not None
    blobs: dict[str, str] = {}
    proof = {**checked.proof.as_dict(), "problems": [problem.as_dict() for problem in checked.problems]}
    version = Version(
        workflow=found,
        number=number,
        hash=definition.hash,
        definition=pack(definition.data, blobs),
        text=found.draft,
        proof=pack(proof, blobs),
        note=note,
        published_by=by,
    )
    keep(blobs)
    version.save(force_insert=True)
    return version


def _names(read: Source) -> tuple[str, str]:
    """The id and the title that a document gives itself. Raises `Unreadable` where it can't be filed under any."""
    data = read.data
    name, title = data.get("id"), data.get("title")
    if not isinstance(name, str) or not _ID.match(name):
        message = "A definition says its id: a-z first, then a-z, 0-9 and _, 48 characters at most. Without it nothing is stored."
        raise Unreadable(Problem("bad_id" if "id" in data else "missing_key", message, "id", line=read.line("id")))
    return name, title[:200] if isinstance(title, str) else ""


def _draft(given: str | bytes | dict[str, Any], read: Source) -> str:
    """The text to keep. JSON becomes YAML, which people can read and edit."""
    text = given.decode("utf-8-sig") if isinstance(given, bytes) else given
    if isinstance(text, dict) or text.lstrip().startswith("{"):
        return source.write(read.data)
    return text


def _write(found: Workflow, draft: str, title: str, by: str, revision: int) -> None:
    """The draft, over `revision` and no other. Its title is the workflow's until one is published. Raises `Conflict`."""
    changes: dict[str, Any] = {"draft": draft, "updated_by": by, "updated": timezone.now()}
    if not found.versions.exists():
        changes["title"] = title
    moved = Workflow.objects.filter(id=found.id, revision=revision).update(revision=F("revision") + 1, **changes)
    if not moved:
        raise _moved(found, revision)
    found.refresh_from_db()
    _note(found, "draft", by)


def _repeated(found: Workflow, draft: str, by: str, revision: int) -> bool:
    """Whether this very request was here before: it was sent twice, or its answer was lost."""
    return (found.draft, found.updated_by, found.revision) == (draft, by, revision + 1)


def _note(found: Workflow, verb: str, by: str) -> None:
    detail = {"revision": found.revision, "text": values.digest_text(found.draft)}
    audit.write(subject=f"workflow:{found.id}", verb=verb, by=by, detail=detail)


def _taken(name: str, read: Source) -> Problem:
    message = f"There is a workflow {name} already. Take another id, or edit that one."
    return Problem("id_taken", message, "id", line=read.line("id"))


def _must_be_new(name: str, revision: int | None) -> None:
    if revision is not None:
        message = f"There is no workflow {name}, so no revision {revision} of it."
        raise Conflict(message, "stale_revision", seen=revision, revision=None)


def _moved(found: Workflow, seen: int) -> Conflict:
    who = found.updated_by or "Somebody"
    message = f"{who} changed the draft since you looked: you saw revision {seen}, it is at {found.revision}. Nothing was stored."
    seen_by = {"by": found.updated_by, "at": found.updated.isoformat()}
    return Conflict(message, "stale_revision", seen=seen, revision=found.revision, **seen_by)


def _missing(workflow: str) -> NotFound:
    return NotFound(f"There is no workflow {workflow[:60]}.")


__all__ = ["Checked", "Pushed", "check", "check_new", "publish", "push", "save_draft"]
