"""Tokens before a call, and dollars."""

import pytest

from orchestration.core.catalog import Price
from orchestration.core.result import Usage
from orchestration.llm.ask import Message, ToolSpec
from orchestration.llm.tokens import cost, estimate, estimate_messages
from tests.wire.asking import LABEL


def test_costs_are_exact_and_unknown_where_something_is() -> None:
    price = Price(0.15, 0.6)
    assert cost(Usage(1_000_000, 1_000_000), price) == 750_000_000
    assert cost(Usage(1, 0), Price(0.0375, 0.0)) == 38  # 37.5 rounded up
    assert cost(Usage(1, 1), None) is None
    assert cost(Usage(None, 1), price) is None


@pytest.mark.parametrize(
    ("text", "real"),
    [  # counted with cl100k_base and known vocabularies of a similar size
        ("", 0),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ('{"label":"refund","confidence":0.93}', 13),
        ("1234567890", 4),
        ("Die Würde des Menschen ist unantastbar.", 13),
        ("東京は日本の首都です。", 11),
    ],
)
def test_an_estimate_is_rather_too_high(text: str, real: int) -> None:
    assert real <= estimate(text) <= 3 * real + 1


def test_an_estimate_of_a_question_counts_its_tools() -> None:
    bare = estimate_messages((Message("user", "hi"),))
    assert bare < estimate_messages((Message("user", "hi"),), (ToolSpec("a.b", "Looks up", LABEL),))
