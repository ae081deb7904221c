"""Definitions for tests, and publishing them."""

from typing import Any

from orchestration.acts import drafts, workflows
from orchestration.core import source, values
from orchestration.models import Version, Workflow
from orchestration.record.pack import keep, pack


def publish(definition: dict[str, Any]) -> Version:
    """Publishes a definition; one that the proof refuses fails the test."""
    drafts.push(text=source.write(definition), by="dora")
    return workflows.publish(workflow=definition["id"], by="dora")


def publish_unproven(definition: dict[str, Any]) -> Version:
    """The same past the proof: a version as an older release, or a world with other tools, may have let through."""
    drafts.push(text=source.write(definition), by="dora")
    found = Workflow.objects.get(id=definition["id"])
    blobs: dict[str, str] = {}
    packed = pack(definition, blobs)
    keep(blobs)
    text = found.draft
    return Version.objects.create(
        workflow=found, number=1, hash=values.digest(definition), definition=packed, text=text, proof="{}", published_by="dora"
    )


def workflow(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A definition around these steps: it begins with the first, and has an outcome for good and one for bad."""
    return {
        "interlock": 1,
        "id": "sample",
        "input": {
            "type": "object",
            "required": ["text", "n"],
            "properties": {"text": {"type": "string"}, "n": {"type": "number"}},
        },
        "outcomes": {"good": {"kind": "success"}, "bad": {"kind": "failure"}},
        "on_failure": "bad",
        "models": {"main": {"provider": "main"}, "small": {"provider": "main", "model": "small"}},
        "start": steps[0]["id"],
        "steps": list(steps),
        **more,
    }


def end(output: Any = None, id: str = "done", outcome: str = "good") -> dict[str, Any]:
    return {"id": id, "type": "end", "outcome": outcome, **({"output": output} if output is not None else {})}
