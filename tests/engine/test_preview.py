"""What an answer would come to, for every kind of question: the same decision as the answer's own, and nothing changed."""

from typing import Any

import pytest

from orchestration.acts import resolve
from orchestration.models import Act, Escalation, Run, StepRecord
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import tool
from tests.servers import behaviours as b


def unknown(floor: Floor) -> Run:
    step, tools = tool(floor, effect="irreversible")
    floor.server.script(b.error(502), path="/tools/send")
    return floor.run(workflow(step, end({"id": "${steps.send.message_id}"}), tools=tools))


@pytest.mark.parametrize(("action", "values"), [("happened", {"message_id": "m1"}), ("did_not_happen", {}), ("abort", {})])
def test_an_unknown_effect_is_previewed(floor: Floor, action: str, values: Any) -> None:
    run = unknown(floor)
    pause, before = floor.escalation(run), everything()
    told = resolve.preview(escalation=pause.id, action=action, values=values, by="otto")
    assert everything() == before
    resolve.resolve(escalation=pause.id, action=action, values=values, by="otto")
    record = floor.records(floor.rested(run.id))[0]
    assert (told["problems"], told["to"], told["sentence"]) == ((), record["decision"]["to"], record["decision"]["sentence"])
    assert told["outcome"] == ("bad" if action == "abort" else None)


def test_an_output_that_can_not_have_been_is_told_in_the_preview(floor: Floor) -> None:
    pause = floor.escalation(unknown(floor))
    told = resolve.preview(escalation=pause.id, action="happened", values={"message_id": 7}, by="otto")
    assert [problem.path for problem in told["problems"]] == ["values.message_id"]
    assert told["sentence"] is None


def everything() -> list[Any]:
    return [list(kind.objects.order_by("pk").values()) for kind in (Run, StepRecord, Escalation, Act)]
