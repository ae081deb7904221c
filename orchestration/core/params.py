"""The fields of a model's request that a definition's own keys set. `params` may hold all others.

What is declared is what the worst case counts on and what the engine reads, so nothing may say it a second time. Names are
compared in lower case: some servers read them so.
"""

from collections.abc import Iterator, Mapping
from typing import Any

OWNED: dict[str, str] = {
    "model": "Name the model under `models`",
    "messages": "Write `system` and `prompt`",
    "system": "Write `system`",
    "prompt": "Write `prompt`",
    "input": "Write `prompt`",
    "max_tokens": "Set max_output_tokens",
    "max_completion_tokens": "Set max_output_tokens",
    "max_output_tokens": "Set it as a key of the step",
    "max_new_tokens": "Set max_output_tokens",
    "n_predict": "Set max_output_tokens",
    "tools": "Name them in the step's `tools`",
    "functions": "Name them in the step's `tools`",
    "mcp_servers": "Name them in the step's `tools`",
    "response_format": "Write the step's `output`",
    "output_format": "Write the step's `output`",
    "output_config.format": "Write the step's `output`",
    "n": "One answer is asked for and paid: remove it",
    "n_cmpl": "One answer is asked for and paid: remove it",
    "best_of": "One answer is asked for and paid: remove it",
    "stream": "Set the provider's option stream",
    "stream_options": "Set the provider's option stream",
}
"""Field → what to do instead of setting it. One with a dot is a field of a field."""


def owned(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The path of each field that is not for `params`, and what to do instead."""
    for name, value in params.items():
        if instead := OWNED.get(name.lower()):
            yield name, instead
        elif isinstance(value, Mapping):
            for inner in value:
                if instead := OWNED.get(f"{name}.{inner}".lower()):
                    yield f"{name}.{inner}", instead


def free(params: Mapping[str, Any]) -> dict[str, Any]:
    """`params` without the fields that are not for it, as they go into a request."""
    found = dict(params)
    for path, _ in owned(params):
        name, _, inner = path.partition(".")
        if not inner:
            del found[name]
        elif left := {key: value for key, value in found[name].items() if key != inner}:
            found[name] = left
        else:
            del found[name]
    return found
