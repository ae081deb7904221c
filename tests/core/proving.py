"""What the proof says of a small definition, for the tests of it."""

from orchestration.core.errors import Problem
from orchestration.core.proof import Proof, prove
from tests.core.drawn import Data, planned

PAY: Data = {"type": "tool", "tool": "crm.pay"}
ANY: Data = {"type": "object"}


def proof(data: Data) -> Proof:
    return prove(planned(data))


def found_codes(data: Data) -> list[str]:
    return [problem.code for problem in proof(data).problems]


def sentences(data: Data, code: str) -> list[str]:
    return [problem.message for problem in proof(data).problems if problem.code == code]


def is_a_sentence(problem: Problem) -> bool:
    text = problem.message
    asks = text.partition("did you mean")[2]
    ended = text.endswith((".", "?")) and "?." not in text and ("?" in asks or not asks)
    return ended and len(text) < 400 and "  " not in text and ".." not in text.replace("…", "")
