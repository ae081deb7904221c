"""Tokens before a call, and dollars before and after it."""

import math
import string
from collections.abc import Iterable
from decimal import Decimal

from orchestration.core.catalog import Price
from orchestration.core.prompt import Message
from orchestration.core.result import Usage
from orchestration.llm.ask import ToolSpec
from orchestration.placeholders import json_text

_LETTERS = (string.ascii_letters + " ").encode()
_SIGNS = bytes(code for code in range(128) if code not in _LETTERS)
_PER_MESSAGE = 8  # role and separators; chat formats spend three to seven
_NANO_PER_USD_PER_MTOK = 1000  # a dollar for a million tokens is a thousand nano-dollars for one


def estimate(text: str) -> int:
    """Tokens of a text, rather too many than too few. No tokeniser is at hand for most models.

    Three letters or spaces a token (vocabularies take four to five of English, three of other Latin text), one for each
    digit and sign, two bytes of any other script.
    """
    data = text.encode("utf-8", "surrogatepass")
    others = data.translate(None, _LETTERS)
    signs = len(others) - len(others.translate(None, _SIGNS))
    return -(-(len(data) - len(others)) // 3) + signs + -(-(len(others) - signs) // 2)


def estimate_messages(messages: Iterable[Message], tools: Iterable[ToolSpec] = ()) -> int:
    """Tokens of a whole question, tools included."""
    total = 0
    for message in messages:
        called = "".join(call.name + call.arguments for call in message.tool_calls)
        total += _PER_MESSAGE + estimate((message.content or "") + called)
    return total + sum(_PER_MESSAGE + estimate(tool.name + tool.description + json_text(dict(tool.schema))) for tool in tools)


def cost(usage: Usage, price: Price | None) -> int | None:
    """Nano-dollars (10⁻⁹ USD), rounded up; None where the price or a count is not known."""
    if price is None or usage.tokens_in is None or usage.tokens_out is None:
        return None
    spent = usage.tokens_in * _exact(price.usd_per_mtok_in) + usage.tokens_out * _exact(price.usd_per_mtok_out)
    return math.ceil(spent * _NANO_PER_USD_PER_MTOK)


def _exact(dollars: float) -> Decimal:
    """0.15 as it was written, not as its binary neighbour."""
    return Decimal(str(dollars))
