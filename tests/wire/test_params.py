"""What a step's `params` may not say never gets into a request, whatever let it through."""

from types import ModuleType
from typing import Any

import pytest

from orchestration.core.params import OWNED, free
from orchestration.llm import anthropic, openai
from orchestration.llm.ask import ToolSpec
from tests.wire import asking
from tests.wire.asking import LABEL, question, sent

SAID = {"schema": LABEL, "max_output_tokens": 300, "tools": (ToolSpec("crm.get", "", LABEL),)}


def nested(path: str, value: Any) -> dict[str, Any]:
    name, _, inner = path.partition(".")
    return {name: nested(inner, value) if inner else value}


@pytest.mark.parametrize("spelled", [str, str.upper])
@pytest.mark.parametrize("field", OWNED)
@pytest.mark.parametrize("protocol", [openai, anthropic])
def test_a_field_of_ours_is_not_sent_from_params(protocol: ModuleType, field: str, spelled: Any) -> None:
    account = asking.provider(protocol.__name__.rpartition(".")[2], "https://api.example/v1", options={"tools_with_schema": True})
    plain = protocol.build(question(**SAID, params={"seed": 7}), account)
    assert protocol.build(question(**SAID, params={"seed": 7, **nested(spelled(field), 100_000)}), account) == plain
    bare = protocol.build(question(params={"seed": 7}), account)
    assert sent(protocol.build(question(params={"seed": 7, **nested(spelled(field), 100_000)}), account)) == sent(bare)


def test_what_stands_beside_a_field_of_ours_is_sent() -> None:
    assert free({"output_config": {"format": {}, "effort": "low"}, "N": 3, "top_p": 1}) == {
        "output_config": {"effort": "low"},
        "top_p": 1,
    }
