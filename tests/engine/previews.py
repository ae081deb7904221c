"""What a preview says of a recorded visit is what the run did: held against every visit of the runs that are there."""

from collections import Counter

from orchestration.core.prompt import fingerprint
from orchestration.models import Call, StepRecord
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of
from orchestration.queries.preview import preview, visits
from orchestration.record.pack import unpack_all

LOOKED_AT = ("llm", "tool", "workflow", "branch")


def previewed() -> Counter[str]:
    """How many visits were looked at, by type; those that asked a model once as `prompt`. Steps in another's place, and the
    parts of a step, are left out."""
    world, counts = current(), Counter[str]()
    for record in StepRecord.objects.filter(type__in=LOOKED_AT).select_related("run"):
        if record.path.rpartition("/")[2] != record.step:
            continue
        plan = plan_of(record.run.version_id, world)
        found = visits(record.run.workflow_id, record.step, limit=10_000)
        [visit] = [each for each in found if (each.run, each.seq) == (record.run_id, record.seq)]
        told = preview(plan, plan.steps[record.step], visit)
        given, result, decided, prints = unpack_all([record.input, record.result, record.decision, record.fingerprints])
        if told.decision is not None:
            assert (told.decision.to, told.decision.sentence) == (decided["to"], decided["sentence"])
        elif told.error:
            assert result["error"]["code"] == "expression", told.error
        else:
            assert told.given == given, record.path
            if asked_once(record):
                assert prints["prompt"] == fingerprint(told.messages), record.path
                counts["prompt"] += 1
        counts[record.type] += 1
    return counts


def asked_once(record: StepRecord) -> bool:
    """Without a repair and without rounds, each of which changes the conversation."""
    calls = Call.objects.filter(run=record.run, path__startswith=record.path, visit=record.visit)
    return record.type == "llm" and calls.count() == 1 and not calls.exclude(path=record.path).exists()
