"""Writing drafts: a new workflow, the whole text, edit commands, and going back and forth in what was done.

A draft is text and may be wrong: it is kept all the same, with what is wrong said beside it; but what is beyond all bounds comes
into it by no door. All who write it write over the
revision that they saw; who was overtaken is told by whom, and what everybody did since.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.db import transaction

from orchestration.acts import history
from orchestration.acts.history import Turn
from orchestration.acts.workflows import Checked, check, known_as, proved, read, with_problems
from orchestration.core import definition, editing, source, values
from orchestration.core.difference import difference
from orchestration.core.editing.excess import excesses
from orchestration.core.errors import Conflict, NotFound, Problem, Refused, Unreadable
from orchestration.core.respell import Respelled, respell
from orchestration.core.source import MAX_BYTES, Source
from orchestration.models import DraftEdit, Version, Workflow
from orchestration.record.pack import unpack_all

_ID = re.compile(r"[a-z][a-z0-9_]{0,47}\Z")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


class Pushed(NamedTuple):
    workflow: Workflow
    created: bool
    checked: Checked


class Made(NamedTuple):
    """What an edit came to, or going one back or forth. `steps`: which it touched, what to select first; `left`: places whose
    text could not be read and stayed as it is; `rebind`: what was pasted and has to be bound anew."""

    revision: int
    sentence: str
    steps: tuple[str, ...]
    draft: str
    checked: Checked
    left: tuple[Any, ...] = ()
    rebind: tuple[Any, ...] = ()


def check_new(text: str, by: str = "") -> Checked:
    """The same for what is to become a workflow of its own, which needs an id that is free; or `by` has just made it of this."""
    checked = check(text)
    if checked.unreadable:
        return checked._replace(unfiled=True)
    found = read(text)
    try:
        name, _ = _names(found)
    except Unreadable as unreadable:
        return with_problems(checked, *unreadable.problems)._replace(unfiled=True)
    taken = Workflow.objects.filter(id=name).first()
    if taken is not None and not _repeated(taken, _draft(text, found), by, 0):
        return with_problems(checked, _taken(name, found))._replace(unfiled=True)
    return checked


def push(
    *,
    text: str | bytes | dict[str, Any],
    by: str,
    revision: int | None = None,
    sample: bool | None = None,
    new: bool = False,
) -> Pushed:
    """Stores a definition as the draft of the workflow that it names, new or there already. It may be wrong, but within all
    bounds (`excess`); it has to be readable, and to say its id. `revision`: only over this one; `new`: over none. Raises
    `Refused` and `Conflict`."""
    given = read(text)
    name, title = _names(given)
    draft = _draft(text, given)
    checked = proved(text, given)
    with transaction.atomic():
        found = history.locked(name)  # of two who make it at once the second finds it
        _must_keep_bounds(found.draft if found else "", checked)
        if found is None:
            _must_be_new(name, revision)
            found = Workflow.objects.create(id=name, title=title, draft=draft, updated_by=by, sample=bool(sample))
            history.begin(found, by)
            return Pushed(found, True, checked)
        if new and not _repeated(found, draft, by, 0):
            raise Refused(_taken(name, given))
        seen = found.revision if revision is None else revision
        if (found.draft != draft or seen != found.revision) and not _repeated(found, draft, by, seen):
            _rewrite(found, draft, title, by, seen)
        if sample is not None and found.sample != sample:
            Workflow.objects.filter(id=name).update(sample=sample)
            found.sample = sample
    return Pushed(found, False, checked)


def look_ahead(most: int = 3) -> None:
    """Proves the drafts that were changed last, in this process, so that who goes on with one need not wait for that; those of
    samples, which a start may have brought, after all others."""
    for text in Workflow.objects.order_by("sample", "-updated").values_list("draft", flat=True)[:most]:
        check(text)


def save_draft(*, workflow: str, text: str, revision: int, by: str, sentence: str = "") -> tuple[int, Checked]:
    """Keeps `text` as the draft, whatever is wrong with it; returns its revision, and what is wrong. `sentence` says what was
    done; without one it is told from what differs. Raises `Conflict` where the draft is not at `revision` any more, `NotFound`,
    and `Refused` for text that no store can keep, or that brings what is beyond all bounds."""
    _must_be_keepable(text)
    checked = check(text, workflow)
    with transaction.atomic():
        found = _locked(workflow)
        _must_keep_bounds(found.draft, checked)
        if (found.draft != text or found.revision != revision) and not _repeated(found, text, by, revision):
            _rewrite(found, text, _title(checked, found), by, revision, sentence)
    return found.revision, checked


def restore(*, workflow: str, version: int, revision: int, by: str) -> int:
    """Takes the text of a version as the draft; returns its revision. Raises as `save_draft` does, and `NotFound`."""
    found = Version.objects.filter(workflow_id=workflow, number=version).first()
    if found is None:
        raise NotFound(f"There is no version {version} of {workflow[:60]}.")
    sentence = f"Took up version {version} again"
    return save_draft(workflow=workflow, text=found.text, revision=revision, by=by, sentence=sentence)[0]


def edit(*, workflow: str, commands: Sequence[Mapping[str, Any]], revision: int, by: str) -> Made:
    """Carries out edit commands, all or none, on the draft as it was at `revision`, and keeps its text where nothing changes. The
    same request again is answered as it was. Raises `Refused` with the place, `Conflict` and `NotFound`, the draft untouched."""
    seen = _found(workflow)
    request = values.digest(commands)
    if history.repeated(seen, "edit", by, revision, request):
        last = DraftEdit.objects.filter(workflow=seen).order_by("-number")[:1].get()
        edited, _ = _edited(unpack_all([last.before])[0], commands)
        checked = check(seen.draft, workflow)
        return Made(seen.revision, last.sentence, edited.steps, seen.draft, checked, edited.left, edited.rebind)
    if seen.revision != revision:
        raise history.moved(seen, revision)
    edited, (draft, source_of_it) = _edited(seen.draft, commands)
    checked = check(draft, workflow, source_of_it)  # before the transaction: a proof takes its time, and others want to write
    with transaction.atomic():
        found = _locked(workflow)
        again = history.repeated(found, "edit", by, revision, request)
        if found.revision != revision and not again:
            raise history.moved(found, revision)
        if draft != found.draft and not again:
            history.change(
                found,
                draft=draft,
                title=_title(checked, found),
                by=by,
                revision=revision,
                sentence=edited.sentence,
                verb="edit",
                steps=edited.steps,
                request=request,
            )
    return Made(found.revision, edited.sentence, edited.steps, draft, checked, edited.left, edited.rebind)


def undo(*, workflow: str, revision: int, by: str) -> Made:
    """Takes the last entry of the history back, whoever made it. Raises `Refused` where there is none, `Conflict`, `NotFound`."""
    return _turned(workflow, "undo", revision, by)


def redo(*, workflow: str, revision: int, by: str) -> Made:
    """Does again what was undone last. Raises as `undo` does."""
    return _turned(workflow, "redo", revision, by)


def _turned(workflow: str, turn: Turn, revision: int, by: str) -> Made:
    seen = _found(workflow)
    if history.repeated(seen, turn, by, revision):
        return _again(seen, turn)
    if seen.revision != revision:
        raise history.moved(seen, revision)
    entry, draft = history.to_turn(seen, turn)
    checked = check(draft, workflow)
    with transaction.atomic():
        found = _locked(workflow)
        if history.repeated(found, turn, by, revision):
            return _again(found, turn)
        title = _title(checked, found)
        sentence = history.turn(found, entry, turn, draft=draft, title=title, by=by, revision=revision)
    return Made(found.revision, sentence, tuple(unpack_all([entry.steps])[0]), draft, checked)


def _again(found: Workflow, turn: Turn) -> Made:
    """What going back or forth was answered, which nobody has written after."""
    entries = DraftEdit.objects.filter(workflow=found, undone=turn == "undo")
    entry = entries.order_by("number" if turn == "undo" else "-number")[:1].get()
    sentence, steps = history.turned(entry, turn), tuple(unpack_all([entry.steps])[0])
    return Made(found.revision, sentence, steps, found.draft, check(found.draft, found.id))


def _edited(draft: str, commands: Sequence[Mapping[str, Any]]) -> tuple[editing.Edited, Respelled]:
    """What the commands come to, and the text after them. Raises `Refused`."""
    known = known_as(draft)  # by the page that it is edited on, or by the edit before
    try:
        given = known.source if known else read(draft)
    except Unreadable as unreadable:
        first = unreadable.problems[0]
        message = f"The draft can't be read any more, so only its text can be changed. {first.message}"
        raise Refused(Problem("unreadable_draft", message, "", line=first.line)) from None
    edited = editing.edit(known or given.data, commands)
    return edited, respell(draft, given, edited.data)


def _found(workflow: str) -> Workflow:
    found = Workflow.objects.filter(id=workflow).first()
    if found is None:
        raise history.missing(workflow)
    return found


def _locked(workflow: str) -> Workflow:
    found = history.locked(workflow)
    if found is None:
        raise history.missing(workflow)
    return found


def _title(checked: Checked, found: Workflow) -> str:
    return checked.definition.workflow.title if checked.definition else found.title


def _must_be_keepable(text: str) -> None:
    if len(text) > MAX_BYTES:
        raise Refused(Problem("too_large", f"A draft has at most {MAX_BYTES // 1_000_000} MB.", "text"))
    if bad := _UNKEEPABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        message = f"Line {line} holds a character that no store can keep: NUL, or half of a surrogate pair. Remove it."
        raise Refused(Problem("bad_character", message, "text", line=line))


def _must_keep_bounds(before: str, checked: Checked) -> None:
    """Refused where a text brings what no command may bring. What stood in the draft before is let alone."""
    after = checked.definition.data if checked.definition else {}
    if not after or not any(excesses({}, after)):
        return
    lines = {problem.path: problem.line for problem in checked.problems}
    if brought := [replace(each, line=lines.get(each.path)) for each in excesses(_drawn(before), after)]:
        raise Refused(*brought)


def _drawn(text: str) -> dict[str, Any]:
    """{} where it is no definition."""
    try:
        return dict(definition.parse(text).data) if text else {}
    except Refused:
        return {}


def _rewrite(found: Workflow, draft: str, title: str, by: str, revision: int, sentence: str = "") -> None:
    """The whole text anew, told by what differs in it."""
    told, steps = _told(found.draft, draft)
    history.change(found, draft=draft, title=title, by=by, revision=revision, sentence=sentence or told, steps=steps)


def _told(before: str, after: str) -> tuple[str, tuple[str, ...]]:
    """What one text changes in another, and in which steps."""
    one, two = _data(before), _data(after)
    if two is None:
        return "Wrote a text that can't be read", ()
    if one is None:
        return "Mended the text, which could not be read", ()
    changed = difference(one, two)
    said = f"{changed.sentence} in the text" if changed.sentence else "Changed the text, and nothing that it says"
    return said, tuple(dict.fromkeys((*(two for _, two in changed.renamed), *changed.added, *changed.changed)))[:20]


def _data(text: str) -> Any:
    """None where it can't be read."""
    try:
        return source.read(text).data
    except Unreadable:
        return None


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


def _repeated(found: Workflow, draft: str, by: str, revision: int) -> bool:
    """Whether this very text was written here before: it was sent twice, or its answer was lost."""
    return (found.draft, found.updated_by, found.revision) == (draft, by, revision + 1)


def _taken(name: str, read: Source) -> Problem:
    message = f"There is a workflow {name} already. Take another id, or edit that one."
    return Problem("id_taken", message, "id", line=read.line("id"))


def _must_be_new(name: str, revision: int | None) -> None:
    if revision is not None:
        message = f"There is no workflow {name}, so no revision {revision} of it."
        raise Conflict(message, "stale_revision", seen=revision, revision=None)
