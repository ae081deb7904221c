"""Changing drafts: whoever writes by whichever door, nobody writes over another, and everything can be taken back."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from orchestration import fsck
from orchestration.acts import drafts, history, prune, workflows
from orchestration.core import cel_engine, prompt_text, respell, source
from orchestration.core.errors import Conflict, NotFound, Refused
from orchestration.models import Act, Blob, DraftEdit, Version, Workflow
from orchestration.queries import drafts as queries
from orchestration.queries.plans import Kept
from tests.engine import publishing
from tests.engine.publishing import end

pytestmark = pytest.mark.django_db

TEXT = source.write(
    publishing.workflow(
        {"id": "note", "type": "set", "values": {"x": "${run.input.text}"}, "next": "done"},
        end({"x": "${steps.note.x}"}),
        models={},
    )
).replace("steps:", "# what it does\nsteps:")


def titled(title: str, step: str = "note") -> list[dict[str, Any]]:
    return [{"do": "set", "step": step, "key": "title", "value": title}]


def edit(title: str, revision: int, by: str = "dora") -> drafts.Made:
    return drafts.edit(workflow="sample", commands=titled(title), revision=revision, by=by)


def draft() -> Workflow:
    return Workflow.objects.get(id="sample")


def told() -> list[str]:
    return [edit.sentence for edit in queries.history("sample").items]


@pytest.fixture
def pushed(db: None) -> None:
    drafts.push(text=TEXT, by="dora")


@pytest.fixture
def sound(db: None) -> Any:
    yield
    assert [str(finding) for finding in fsck.check()] == []


def test_an_edit_changes_its_lines_and_says_what_it_did(pushed: None, sound: None) -> None:
    made = edit("Write it down", 1)
    assert (made.revision, made.steps, made.checked.ok) == (2, ("note",), True)
    assert [line for line in made.draft.split("\n") if line not in TEXT.split("\n")] == ["    title: Write it down"]
    assert draft().draft == made.draft
    assert made.checked.proof is workflows.check(made.draft).proof, "it is read and proved once"
    act = Act.objects.filter(subject="workflow:sample").latest("number")
    assert (act.verb, act.by, Act.objects.count()) == ("edit", "dora", 2)
    [entry] = queries.history("sample").items
    assert (entry.number, entry.revision, entry.by, entry.steps, entry.undone) == (1, 2, "dora", ("note",), False)
    assert entry.sentence == made.sentence
    assert edit("Write it down", 2).revision == 2, "what changes nothing is no revision"


def test_all_doors_write_one_history_and_undo_goes_back_through_all_of_it(pushed: None, sound: None) -> None:
    workflows.publish(workflow="sample", by="ada")
    texts = [TEXT]
    for write in (
        lambda: edit("One", 1),
        lambda: drafts.save_draft(workflow="sample", text="steps: [", revision=2, by="ada"),
        lambda: drafts.push(text=TEXT.replace("outcome: good", "outcome: bad") + "title: Ours\n", by="console"),
        lambda: drafts.restore(workflow="sample", version=1, revision=4, by="dora"),
        lambda: drafts.edit(workflow="sample", commands=[{"do": "arrange", "at": {"note": [1, 2]}}], revision=5, by="dora"),
    ):
        write()
        texts.append(draft().draft)
    assert [(found.by, found.revision) for found in queries.history("sample").items] == [
        ("dora", 6), ("dora", 5), ("console", 4), ("ada", 3), ("dora", 2),
    ]  # fmt: skip
    assert told() == [
        "Moved Note on the canvas", "Took up version 1 again", "Mended the text, which could not be read",
        "Wrote a text that can't be read", "Set Note’s title to “One”",
    ]  # fmt: skip
    revision = 6
    for text in reversed(texts[:-1]):
        made = drafts.undo(workflow="sample", revision=revision, by="ada")
        revision += 1
        assert (made.revision, made.draft, draft().draft, draft().updated_by) == (revision, text, text, "ada")
    with pytest.raises(Refused, match="There is nothing that could be undone") as refused:
        drafts.undo(workflow="sample", revision=revision, by="ada")
    assert refused.value.code == "nothing_to_undo"
    for text in texts[1:]:
        assert drafts.redo(workflow="sample", revision=revision, by="dora").draft == text
        revision += 1
    with pytest.raises(Refused, match="done again"):
        drafts.redo(workflow="sample", revision=revision, by="dora")
    assert draft().revision == revision == Act.objects.filter(subject="workflow:sample").exclude(verb="publish").count()


def test_what_was_undone_is_forgotten_by_the_next_change(pushed: None, sound: None) -> None:
    for number in (1, 2, 3):
        edit(f"T{number}", number)
    drafts.undo(workflow="sample", revision=4, by="dora")
    drafts.undo(workflow="sample", revision=5, by="dora")
    standing = queries.standing("sample")
    assert standing.undo is not None and standing.redo is not None
    assert ("T1" in standing.undo.sentence, "T2" in standing.redo.sentence) == (True, True)
    edit("Other", 6)
    assert queries.standing("sample").redo is None
    assert [entry.number for entry in queries.history("sample").items] == [2, 1]
    assert "T2" not in " ".join(told())


def test_who_was_overtaken_is_told_by_whom_and_what_everybody_did_since(pushed: None, sound: None) -> None:
    edit("One", 1, "ada")
    edit("Two", 2, "dora")
    drafts.undo(workflow="sample", revision=3, by="ada")
    writes: list[Callable[[], Any]] = [
        lambda: edit("Mine", 1),
        lambda: drafts.undo(workflow="sample", revision=1, by="dora"),
        lambda: drafts.redo(workflow="sample", revision=1, by="dora"),
        lambda: drafts.save_draft(workflow="sample", text=TEXT, revision=1, by="dora"),
        lambda: drafts.push(text=TEXT, revision=1, by="dora"),
        lambda: workflows.publish(workflow="sample", revision=1, by="dora"),
    ]
    for write in writes:
        with pytest.raises(Conflict, match="ada changed the draft since you looked") as lost:
            write()
        assert (lost.value.code, lost.value.details["revision"]) == ("stale_revision", 4)
        changes = lost.value.details["changes"]
        assert [(change["by"], change["revision"]) for change in changes] == [("ada", 4), ("dora", 3), ("ada", 2)]
        assert changes[0]["sentence"] == f"Undid: {changes[1]['sentence']}"
    assert draft().revision == 4


def test_one_who_writes_while_another_is_proved_is_not_written_over(pushed: None, sound: None, monkeypatch: Any) -> None:
    check, meanwhile = drafts.check, iter(["theirs"])

    def slow(*given: Any) -> Any:
        for title in meanwhile:
            edit(title, 1, "ada")
        return check(*given)

    monkeypatch.setattr(drafts, "check", slow)
    with pytest.raises(Conflict) as lost:
        edit("mine", 1)
    assert [change["by"] for change in lost.value.details["changes"]] == ["ada"]
    assert ("theirs" in draft().draft, "mine" in draft().draft, DraftEdit.objects.count()) == (True, False, 1)
    meanwhile = iter(["theirs too"])

    def slower(*given: Any) -> Any:
        for title in meanwhile:
            edit(title, 2, "ada")
        return check(*given)

    monkeypatch.setattr(drafts, "check", slower)
    with pytest.raises(Conflict):
        drafts.undo(workflow="sample", revision=2, by="dora")
    assert DraftEdit.objects.filter(undone=True).count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_each_revision_is_written_by_one() -> None:
    drafts.push(text=TEXT, by="dora")
    start, won, lost = threading.Barrier(4), [], []

    def write(name: str) -> None:
        start.wait()
        try:
            for turn in range(3):
                try:
                    won.append(
                        (
                            drafts.edit(workflow="sample", commands=titled(f"{name}{turn}"), revision=turn + 1, by=name).revision,
                            name,
                        )
                    )
                except Conflict as conflict:
                    lost.append((turn + 2, conflict.details["changes"]))
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ada", "bea", "cleo", "dora")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [revision for revision, _ in sorted(won)] == list(range(2, draft().revision + 1))
    by = dict(won)
    assert all(change["by"] == by[change["revision"]] for _, changes in lost for change in changes)
    assert len(won) + len(lost) == 12
    assert [str(finding) for finding in fsck.check()] == []


def test_a_request_whose_answer_was_lost_is_answered_as_it_was(pushed: None, sound: None) -> None:
    first = edit("One", 1)
    assert edit("One", 1)._replace(checked=first.checked) == first
    assert (draft().revision, DraftEdit.objects.count()) == (2, 1)
    with pytest.raises(Conflict):
        edit("Another", 1)
    with pytest.raises(Conflict):
        edit("One", 1, by="ada")
    undone = [drafts.undo(workflow="sample", revision=2, by="dora")._replace(checked=first.checked) for _ in range(2)]
    assert undone[0] == undone[1]
    redone = [drafts.redo(workflow="sample", revision=3, by="dora")._replace(checked=first.checked) for _ in range(2)]
    assert redone[0] == redone[1]
    assert (draft().revision, Act.objects.count()) == (4, 4)
    with pytest.raises(Conflict):
        drafts.undo(workflow="sample", revision=2, by="dora")


def test_two_hundred_changes_are_kept_and_what_the_first_stood_on_goes(pushed: None, monkeypatch: Any, sound: None) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    long = TEXT + f"# {'x' * 5000}\n"
    drafts.save_draft(workflow="sample", text=long, revision=1, by="dora")
    before = set(Blob.objects.values_list("hash", flat=True))
    assert before
    for number in range(2, 6):
        drafts.save_draft(workflow="sample", text=f"{TEXT}# {number}\n", revision=number, by="dora")
    assert [entry.number for entry in queries.history("sample").items] == [5, 4, 3]
    assert prune.prune(days=30, by="ops").blobs == len(before)
    assert not Blob.objects.filter(hash__in=before).exists()
    for revision in (6, 7, 8):
        drafts.undo(workflow="sample", revision=revision, by="dora")
    assert draft().draft == f"{TEXT}# 2\n"
    drafts.redo(workflow="sample", revision=9, by="dora")
    assert draft().draft == f"{TEXT}# 3\n"


def test_a_history_that_an_older_release_wrote_past_is_not_undone_over_it(pushed: None) -> None:
    edit("One", 1)
    Workflow.objects.update(draft=f"{TEXT}# theirs\n", revision=3)
    assert {finding.invariant for finding in fsck.check()} == {"I2", "I11"}
    with pytest.raises(Refused, match="changed past its history"):
        drafts.undo(workflow="sample", revision=3, by="dora")
    edit("Two", 3)
    assert [entry.revision for entry in queries.history("sample").items] == [4]
    drafts.undo(workflow="sample", revision=4, by="dora")
    assert draft().draft == f"{TEXT}# theirs\n"
    assert [str(finding) for finding in fsck.check()] == []


def test_what_is_refused_leaves_the_draft_as_it_was(pushed: None, sound: None) -> None:
    rows: list[tuple[Any, str]] = [
        ([{"do": "nonsense"}], "unknown_command"),
        ([*titled("good"), {"do": "remove", "steps": ["nobody"]}], "unknown_step"),
        (titled("x" * 3_000_000), "bad_value"),
        ([{"do": "set", "step": "note", "key": "values.x", "value": "x" * 3_000_000}], "too_large"),
    ]
    for commands, code in rows:
        with pytest.raises(Refused) as refused:
            drafts.edit(workflow="sample", commands=commands, revision=1, by="dora")
        assert refused.value.code == code, refused.value.problems
    with pytest.raises(NotFound):
        drafts.edit(workflow="nothing", commands=titled("x"), revision=1, by="dora")
    assert (draft().draft, draft().revision, DraftEdit.objects.count()) == (TEXT, 1, 0)


def test_a_text_is_told_by_what_it_changes(pushed: None, sound: None) -> None:
    rows = [
        (TEXT.replace("outcome: good", "outcome: bad"), "Changed done in the text", ("done",)),
        (TEXT + "title: Ours\n", "Changed done and title in the text", ("done",)),
        (
            TEXT.replace("note", "noted"),
            "Renamed note to noted, changed title in the text",
            ("noted",),
        ),
        (TEXT.replace("note", "noted") + "# said\n", "Changed the text, and nothing that it says", ()),
    ]
    for revision, (text, sentence, steps) in enumerate(rows, 1):
        drafts.save_draft(workflow="sample", text=text, revision=revision, by="dora")
        last = queries.history("sample").items[0]
        assert (last.sentence, last.steps) == (sentence, steps)


def test_a_draft_that_can_not_be_read_is_changed_as_text_alone(pushed: None, sound: None) -> None:
    drafts.save_draft(workflow="sample", text="steps: [", revision=1, by="ada")
    with pytest.raises(Refused, match=r"can't be read any more, so only its text can be changed") as refused:
        edit("x", 2)
    assert (refused.value.code, refused.value.problems[0].line) == ("unreadable_draft", 1)
    assert drafts.undo(workflow="sample", revision=2, by="dora").draft == TEXT
    assert Version.objects.count() == 0


def test_what_was_read_before_is_not_read_again_for_an_edit_nor_proved_again_for_a_page(
    pushed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = source.write(
        publishing.workflow(
            {
                "id": "ask",
                "type": "llm",
                "model": "main",
                "input": {"n": "${run.input.text.size() + 1}"},
                "prompt": "{{ n }}",
                "next": "done",
            },
            end({}),
        )
    )
    drafts.save_draft(workflow="sample", text=text, revision=1, by="dora")
    read, was = list[str](), (cel_engine.parsed.cache_info().misses, prompt_text._compiled.cache_info().misses)
    reading = source.read

    def noted(text: str) -> source.Source:
        read.append(text)
        return reading(text)

    for module in (source, respell):
        monkeypatch.setattr(module, "read", noted)
    made = drafts.edit(workflow="sample", commands=titled("Ask", "ask"), revision=2, by="dora")
    assert read == [made.draft]
    assert (cel_engine.parsed.cache_info().misses, prompt_text._compiled.cache_info().misses) == was
    monkeypatch.setattr(workflows, "_drafts", Kept[workflows.Checked](16))  # as in a process that has just begun
    drafts.push(text=text.replace("id: sample", "id: newer"), by="interlock", sample=True)
    drafts.look_ahead(1)
    monkeypatch.setattr(workflows, "prove", None)
    assert workflows.check(made.draft, "sample").proof
