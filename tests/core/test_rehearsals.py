"""The scripts of the samples, as data: what they let a model say is what the step asks for, and nothing that YAML made of it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.core.definition import parse, walk

SAMPLES = Path(__file__).resolve().parent.parent.parent / "orchestration" / "samples"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.yaml"))


def rules(name: str) -> list[dict[str, Any]]:
    scripts = yaml.safe_load((SAMPLES / "rehearsals" / f"{name}.yaml").read_text(encoding="utf-8"))
    return [rule for script in scripts.values() for rule in script]


@pytest.mark.parametrize("name", NAMES)
def test_a_scripted_answer_has_no_key_that_its_step_does_not_ask_for(name: str) -> None:
    steps = {step.id: step for _, step in walk(parse((SAMPLES / f"{name}.yaml").read_bytes()).workflow.steps)}
    answers = [(rule["step"], rule["reply"]) for rule in rules(name) if isinstance(rule.get("reply"), dict)]
    assert answers
    strange = [(step, set(reply) - set(steps[step].output["properties"])) for step, reply in answers]
    assert [(step, keys) for step, keys in strange if keys] == []
    assert [(step, reply) for step, reply in answers if None in reply.values()] == []
