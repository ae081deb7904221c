"""Acts leave a trail, never write over another, and keep what is wrong rather than lose it."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from orchestration.acts import audit, drafts, escalations, reach, resolve, runs, workflows
from orchestration.core import source, values
from orchestration.core.errors import Conflict, NotFound, Refused, Unreadable
from orchestration.models import Act, Escalation, Run, Version, Workflow
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of
from tests import factories
from tests.engine import publishing
from tests.engine.publishing import end, publish

pytestmark = pytest.mark.django_db


def workflow(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """As in `publishing`, without models: there is no provider here."""
    return publishing.workflow(*steps, **{"models": {}, **more})


GOOD = source.write(workflow(end()))
LOST = source.write(workflow({"id": "a", "type": "set", "values": {}, "next": "nowhere"}, end()))


# Drafts and versions


def test_a_draft_is_kept_whatever_is_wrong_with_it() -> None:
    rows = {
        LOST: "unknown_step",
        "interlock: 1\nid: sample\nsteps: 7\n": "missing_key",
        GOOD + "\nslip: 1\n": "unknown_key",
        "interlock: 1\nid: sample\ninterlocking: true": "unknown_key",
    }
    for text, code in rows.items():
        pushed = drafts.push(text=text, by="dora")
        assert code in {problem.code for problem in pushed.checked.problems}, text
        assert Workflow.objects.get(id="sample").draft == text
        with pytest.raises(Refused):
            workflows.publish(workflow="sample", by="dora")
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &x 1\nid: sample", "anchor"),
        ("id: sample\nid: sample", "duplicate_key"),
        ("id: [", "not_yaml"),
        ("title: No id", "missing_key"),
        ("id: No Id", "bad_id"),
        ("- id", "wrong_type"),
        ("", "empty"),
        ("id: sample\ntitle: a\0b", "bad_character"),
        ("{" * 100_000, "too_deep"),
        (b"\xff\xfe\x00", "not_text"),
        ("id: sample\nx: " + "a" * 2_000_001, "too_large"),
    ],
)
def test_what_can_not_be_filed_is_refused_and_leaves_nothing(text: Any, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        drafts.push(text=text, by="dora")
    assert refused.value.problems[0].code == code
    assert not Workflow.objects.exists()
    assert not Act.objects.exists()


def test_two_editors_never_write_over_each_other_silently() -> None:
    first = drafts.push(text=GOOD, by="dora").workflow
    revision, checked = drafts.save_draft(workflow="sample", text=LOST, revision=first.revision, by="ada")
    assert (revision, checked.ok) == (2, False)
    with pytest.raises(Conflict, match=r"ada changed the draft since you looked: you saw revision 1, it is at 2") as lost:
        drafts.save_draft(workflow="sample", text="mine", revision=1, by="dora")
    assert (lost.value.details["by"], lost.value.details["revision"]) == ("ada", 2)
    with pytest.raises(Conflict):
        drafts.push(text=GOOD, by="dora", revision=1)
    with pytest.raises(Conflict):
        workflows.publish(workflow="sample", by="dora", revision=1)
    assert Workflow.objects.get(id="sample").draft == LOST
    assert drafts.save_draft(workflow="sample", text=GOOD, revision=2, by="dora")[0] == 3
    with pytest.raises(Conflict, match="There is no workflow another"):
        drafts.push(text=GOOD.replace("id: sample", "id: another"), by="dora", revision=4)


def test_the_same_draft_again_is_no_new_revision() -> None:
    assert [drafts.push(text=GOOD, by="dora").workflow.revision for _ in range(3)] == [1, 1, 1]
    assert Act.objects.count() == 1


def test_a_draft_keeps_its_id() -> None:
    drafts.push(text=GOOD, by="dora")
    _, checked = drafts.save_draft(workflow="sample", text=GOOD.replace("id: sample", "id: other"), revision=1, by="dora")
    assert (checked.ok, checked.problems[0].code) == (False, "other_id")
    with pytest.raises(Refused, match="its id has to stay that"):
        workflows.publish(workflow="sample", by="dora")


def test_json_becomes_a_draft_that_people_can_read_and_means_the_same() -> None:
    text = values.dump(workflow(end(), title="Grüße 🙂"))
    pushed = drafts.push(text=text.encode(), by="dora")
    assert pushed.workflow.draft.startswith("interlock: 1\n")
    assert pushed.checked.definition is not None
    assert workflows.check(pushed.workflow.draft).definition.hash == pushed.checked.definition.hash  # type: ignore[union-attr]
    assert pushed.workflow.title == "Grüße 🙂"


def test_what_is_published_is_frozen_with_its_proof_and_numbered() -> None:
    first = publish(workflow(end()))
    again = workflows.publish(workflow="sample", by="ada")
    assert again.pk == first.pk, "the same definition is no new version"
    drafts.push(text=source.write(workflow(end(), layout={"done": [1, 2]})), by="ada")
    assert workflows.publish(workflow="sample", by="ada").pk == first.pk, "layout never counts"
    second = publish(workflow(end(output={"n": 1})))
    assert (first.number, second.number) == (1, 2)
    first.refresh_from_db()
    assert "output" not in first.text
    assert plan_of(first.pk, current()).definition.hash == first.hash
    proof = values.load(first.proof)
    assert (proof["ok"], proof["worst"]["executions"]) == (True, 1)


def test_a_plan_is_compiled_once_for_each_version_and_world() -> None:
    version = publish(workflow(end()))
    world = current()
    plan = plan_of(version.pk, world)
    assert plan_of(version.pk, current()) is plan
    reach.put_provider(name="main", body={"protocol": "rehearsal"}, by="ada")
    assert current().digest != world.digest
    assert plan_of(version.pk, current()) is not plan
    with pytest.raises(NotFound):
        plan_of(version.pk + 1, world)


def test_a_draft_is_proved_once_for_each_text_and_world() -> None:
    text = source.write(workflow(end()))
    checked = workflows.check(text)
    assert checked.proof is not None
    assert workflows.check(text).proof is checked.proof
    assert drafts.push(text=text, by="ada").checked.proof is checked.proof
    assert [problem.code for problem in workflows.check(text, "other").problems] == ["other_id"]
    assert workflows.check(text + "# more\n").proof is not checked.proof
    reach.put_provider(name="main", body={"protocol": "rehearsal"}, by="ada")
    assert workflows.check(text).proof is not checked.proof


# The trail


def test_every_act_leaves_a_row_in_its_chain() -> None:
    drafts.push(text=GOOD, by="dora")
    drafts.push(text=LOST, by="ada")
    drafts.push(text=GOOD, by="dora")
    workflows.publish(workflow="sample", by="dora", note="First")
    rows = list(Act.objects.filter(subject="workflow:sample").order_by("number"))
    assert [(row.number, row.verb, row.by) for row in rows] == [
        (1, "create", "dora"),
        (2, "draft", "ada"),
        (3, "draft", "dora"),
        (4, "publish", "dora"),
    ]
    previous = ""
    for row in rows:
        digest = values.digest(values.load(row.detail))
        link = [previous, row.subject, str(row.number), row.verb, row.at.isoformat(), row.by, digest, row.body_hash]
        assert row.hash == hashlib.sha256("\n".join(link).encode()).hexdigest()
        previous = row.hash


def test_an_act_that_fails_leaves_no_row() -> None:
    run = factories.start()
    before = Act.objects.count()
    for refused in (
        lambda: runs.start(workflow="asking", input={}, by="otto"),
        lambda: workflows.publish(workflow="nothing", by="dora"),
        lambda: reach.put_tool(name="x", body={}, by="ada"),
        lambda: reach.put_secret(name="x", value="", by="ada"),
        lambda: escalations.claim(escalation="nothing", by="otto"),
        lambda: runs.cancel(run="nothing", by="otto"),
    ):
        with pytest.raises((Refused, NotFound)):
            refused()
    assert (Act.objects.count(), Run.objects.count()) == (before, 1)
    assert run.status == "ready"


def test_a_repeated_key_answers_as_the_first_did_and_never_for_another_body() -> None:
    publish(factories.asking())

    def once(text: str, key: str = "k1", by: str = "otto") -> str:
        return runs.start(workflow="asking", input={"text": text}, by=by, idempotency=key)

    first = once("a")
    assert once("a") == first
    assert once("a", key="k2") != first
    assert once("a", by="ada") != first, "a key belongs to who sent it"
    with pytest.raises(Refused) as refused:
        once("b")
    assert refused.value.problems[0].code == "idempotency_key_reused"
    assert once("a", key="k" * 255) == once("a", key="k" * 255)
    assert Run.objects.count() == 4


def test_two_requests_under_one_key_at_the_same_moment_leave_one_act() -> None:
    made: dict[str, Any] = {"verb": "start", "by": "otto", "key": "k", "body": "b", "answer": {"id": "1"}}
    audit.write(subject="run:1", **made)
    with pytest.raises(IntegrityError), transaction.atomic():
        audit.write(subject="run:2", **made)
    assert audit.replay("otto", "start", "k", "b") == {"id": "1"}


# Claims


def test_a_claim_is_a_lease_that_one_person_holds_at_a_time() -> None:
    paused = factories.asked()
    until = escalations.claim(escalation=paused.id, by="otto")
    assert timedelta(minutes=14) < until - timezone.now() <= timedelta(minutes=15)
    with pytest.raises(Conflict, match="otto has claimed") as taken:
        escalations.claim(escalation=paused.id, by="ada")
    assert taken.value.details["by"] == "otto"
    with pytest.raises(Conflict, match="otto has claimed"):
        resolve.resolve(escalation=paused.id, action="drop", values=None, by="ada")
    with pytest.raises(Conflict):
        escalations.save_answer_draft(escalation=paused.id, values={"reply": "…"}, by="ada")
    escalations.claim(escalation=paused.id, by="otto")
    escalations.claim(escalation=paused.id, by="ada", take_over=True, note="He is at lunch")
    with pytest.raises(Conflict, match="ada has claimed"):
        escalations.release(escalation=paused.id, by="otto")
    escalations.release(escalation=paused.id, by="ada")
    paused.refresh_from_db()
    assert (paused.status, paused.claimed_by, paused.claimed_until) == ("open", "", None)
    acts = Act.objects.filter(subject=f"escalation:{paused.id}")
    assert list(acts.values_list("verb", flat=True)) == ["claim", "claim", "claim", "release"]


def test_a_claim_ends_by_itself() -> None:
    paused = factories.asked()
    escalations.claim(escalation=paused.id, by="otto")
    Escalation.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    escalations.claim(escalation=paused.id, by="ada")
    paused.refresh_from_db()
    assert (paused.status, paused.claimed_by) == ("claimed", "ada")


def test_what_was_answered_can_not_be_claimed_and_says_by_whom() -> None:
    paused = factories.asked()
    escalations.save_answer_draft(escalation=paused.id, values={"reply": 7}, by="otto")
    resolve.resolve(escalation=paused.id, action="send", values={"reply": "Hello"}, by="otto")
    for late in (escalations.claim, escalations.release):
        with pytest.raises(Conflict, match="resolved by otto already"):
            late(escalation=paused.id, by="ada")
    run = factories.move(Run.objects.get(id=paused.run_id))
    assert (run.status, values.load(run.output)) == ("succeeded", {"reply": "Hello"})
