"""What a new workflow begins with: nothing but an end, or a small one that works."""

from collections.abc import Collection

from orchestration.core import source
from orchestration.core.editing.draft import new_id

EXAMPLE = """\
interlock: 1
id: my_workflow
title: My workflow
input:
  type: object
  required: [text]
  properties: {text: {type: string, maxLength: 8000}}
outcomes:
  done: {kind: success}
  broken: {kind: failure}
on_failure: broken
models:
  main: {provider: default}
start: classify
steps:
  - id: classify
    type: llm
    title: Sort it
    model: main
    input: {text: "${run.input.text}"}
    prompt: "Which is it? {{ text }}"
    max_input_tokens: 4000
    max_output_tokens: 200
    output:
      type: object
      required: [label]
      properties: {label: {enum: [question, complaint, other]}}
    repair: {attempts: 1}
    next: end_well
  - {id: end_well, type: end, outcome: done, output: {label: "${steps.classify.label}"}}
"""


def text(title: str, name: str, provider: str = "") -> str:
    """The smallest draft that can be published: a run of it ends at once, and well. Its model is `provider`’s, if there is."""
    models = {"models": {"main": {"provider": provider}}} if provider else {}
    return source.write(
        {
            "interlock": 1,
            "id": name,
            **({"title": title} if title else {}),
            "input": {"type": "object", "properties": {}},
            "outcomes": {"done": {"kind": "success", "title": "Done"}, "failed": {"kind": "failure", "title": "Failed"}},
            "on_failure": "failed",
            **models,
            "start": "finish",
            "steps": [{"id": "finish", "type": "end", "outcome": "done"}],
        }
    )


def proposed_id(title: str, taken: Collection[str]) -> str:
    """An id that says what the title says, and is free."""
    return new_id(title or "workflow", taken)
