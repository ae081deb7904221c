"""Checking definitions, and publishing drafts: what is published is right, frozen with its proof, and numbered."""

from typing import Any, NamedTuple

from django.db import transaction

from orchestration.acts import audit, history
from orchestration.core import source, values
from orchestration.core.definition import Definition, from_source
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.plan import Plan
from orchestration.core.proof import Proof, prove
from orchestration.core.source import Source
from orchestration.models import Version, Workflow
from orchestration.queries.catalog import World, current
from orchestration.queries.plans import Kept, compiled
from orchestration.record.pack import keep, pack


class Checked(NamedTuple):
    """What a definition comes to: as far as it could be read, and all problems, those of the proof among them."""

    definition: Definition | None
    plan: Plan | None
    proof: Proof | None
    problems: tuple[Problem, ...]
    unreadable: Unreadable | None = None
    """Set where it could not even be read."""
    unfiled: bool = False
    """No new workflow can be made of it: it can't be read, says no id, or one that is taken. Set by `drafts.check_new` alone."""

    @property
    def ok(self) -> bool:
        """Whether it may be published."""
        return self.proof is not None and not any(problem.severity == "error" for problem in self.problems)


_drafts = Kept[Checked](16)
_definitions = Kept[Definition](16)


def check(given: str | bytes | dict[str, Any], workflow: str | None = None, known: Source | None = None) -> Checked:
    """Reads, compiles and proves a definition: YAML or JSON text, or its plain data. Never raises for a wrong one. As the draft
    of `workflow` it has to keep that id. `known` is what it reads as, where that has been read already."""
    try:
        checked = proved(given, known)
    except Unreadable as unreadable:
        return Checked(None, None, None, unreadable.problems, unreadable)
    definition = checked.definition
    if workflow is None or definition is None or definition.id == workflow:
        return checked
    message = (
        f"This is the draft of {workflow}, and its id has to stay that. Change it back, or make a new workflow of this text."
    )
    return with_problems(checked, Problem("other_id", message, "id", line=definition.source.line("id")))


def with_problems(checked: Checked, *problems: Problem) -> Checked:
    """With these before what was found already, each place once."""
    told = {(problem.code, problem.path) for problem in problems}
    return checked._replace(problems=(*problems, *(p for p in checked.problems if (p.code, p.path) not in told)))


def read(given: str | bytes | dict[str, Any]) -> Source:
    """What is given, as the mapping that a definition is. Raises `Unreadable`."""
    found = _source(given)
    if not isinstance(found.data, dict):
        raise Unreadable(Problem("wrong_type", "A definition is a mapping that begins with `interlock: 1`.", "", line=1))
    return found


def known_as(text: str) -> Definition | None:
    """The definition that a text is, where it was read lately. Costs nothing; None says nothing of the text."""
    return _definitions.find(values.digest_text(text))


def _source(given: str | bytes | dict[str, Any]) -> Source:
    if isinstance(given, str | bytes):
        return source.read(given)
    cleaned = values.clean(given)
    if cleaned.marks:
        message = "There is a NUL character or half of a surrogate pair here, which no store can keep. Remove it."
        raise Unreadable(*(Problem("bad_character", message, mark) for mark in cleaned.marks[:20]))
    return source.read(values.dump(cleaned.value))


def proved(given: str | bytes | dict[str, Any], known: Source | None = None) -> Checked:
    """A text is proved once in a world, however many pages show what came of it. `known` is it, where it has been read already.
    Raises `Unreadable`."""
    world = current()

    def prove_it() -> Checked:
        return _check(known or read(given), world)

    if not isinstance(given, str):
        return prove_it()
    digest = values.digest_text(given)
    found = _drafts.get((digest, world.digest), prove_it)
    if (definition := found.definition) is not None:
        _definitions.get(digest, lambda: definition)
    # A version that it calls may have been published since.
    return prove_it() if any(problem.code == "unknown_workflow" for problem in found.problems) else found


_MORE = Problem("more_may_follow", "The rest is looked at once this can be read: more may follow.", severity="info")


def _check(given: Source, world: World) -> Checked:
    try:
        definition = from_source(given)
    except Refused as refused:
        return Checked(None, None, None, (*refused.problems, _MORE))
    plan = compiled(definition, world)
    proof = prove(plan)
    return Checked(definition, plan, proof, proof.problems)


def publish(*, workflow: str, by: str, revision: int | None = None, note: str = "") -> Version:
    """Freezes the draft as the next version, with its proof; the latest version where it says the same already.

    Raises `Refused` with the problems that stand against it, `Conflict` where the draft is not at `revision`, or was changed
    while it was being proved, and `NotFound`.
    """
    note = values.clean_text(note).value
    seen = Workflow.objects.filter(id=workflow).first()
    if seen is None:
        raise history.missing(workflow)
    if revision is not None and revision != seen.revision:
        raise history.moved(seen, revision)
    checked = check(seen.draft, workflow)  # before the transaction: a proof takes its time, and others want to write
    if checked.definition is None or not checked.ok:
        raise Refused(*checked.problems)
    definition = checked.definition
    with transaction.atomic():
        found = history.locked(workflow)
        if found is None:
            raise history.missing(workflow)
        if found.revision != seen.revision:
            raise history.moved(found, seen.revision)
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


__all__ = ["Checked", "check", "known_as", "proved", "publish", "read", "with_problems"]
