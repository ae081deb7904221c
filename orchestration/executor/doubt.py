"""Reconcilable calls that may have happened. One rule, after a crash as after a failure: the other side is asked before such
a call is sent again, and before it is given up.

    it happened          what it says is the call's answer
    it did not           the call may be sent again, with the same bytes and key; or fails as it failed
    that can't be told   the question failed, or there is none: `unknown`, and a person is asked

In a run that was restored from a backup any call may have happened: the run may have been further than it knows. There each
reconcilable call is asked about before it is first sent, and each irreversible one is unknown, until a person has said of it that
it did not happen. An idempotent one is sent under the key that it had.
"""

from typing import Any

from orchestration.core.catalog import Tool
from orchestration.core.errors import ErrorCode
from orchestration.core.frozen import dataclass, replace
from orchestration.core.result import Answer, Failure, Request
from orchestration.executor.desk import Desk
from orchestration.executor.held import Held
from orchestration.steps import tool as tools


@dataclass(frozen=True, slots=True)
class Told:
    """`answer` None: it certainly did not happen. With a failure: nobody can tell. `question` is what was asked."""

    answer: Answer | None
    question: Request | None = None


async def ask(desk: Desk, held: Held, request: Request, tool: Tool | None, given: Any) -> Told:
    """Whether the call of this request happened. `given` is the tool's input."""
    question = tools.question(tool, given, request)
    if tool is None or question is None:
        return Told(_unknown(request, "there is no way to ask whether it did"))
    answer = await desk.perform(held, question, replace(tool, effect="none"))
    if answer.failure is None:
        return Told(answer, question)
    if answer.failure.code == ErrorCode.NOT_FOUND:
        return Told(None, question)
    return Told(_unknown(request, f"asked whether it did, {answer.failure.message}"), question)


DOUBTFUL = ("irreversible", "reconcilable")
"""Effects of which a second call may be a second effect."""


async def beforehand(
    desk: Desk, held: Held, request: Request, tool: Tool | None, effect: str, given: Any, failed: Failure | None
) -> Told:
    """What is known of a call that is about to be sent. `failed`: how it did before, where it is sent again."""
    lost = bool(held.row.restored) and effect in DOUBTFUL and not await desk.denied(held)
    if effect == "reconcilable" and (lost or (failed is not None and tools.may_have_happened(failed))):
        return await ask(desk, held, request, tool, given)
    if lost:
        return Told(_unknown(request, "the database was restored from a backup, and what this run did after that is lost"))
    return Told(None)


def _unknown(request: Request, why: str) -> Answer:
    return Answer(failure=Failure(ErrorCode.UNKNOWN, f"{request.target} may or may not have happened; {why}"))


def given_up(failed: Answer, told: Told) -> Answer:
    """What a call that failed, and is not sent again, came to."""
    assert failed.failure is not None
    if told.answer is None:
        message = f"{failed.failure.message}; asked, it said that nothing had happened"
        return replace(failed, failure=replace(failed.failure, message=message, sent=False))
    if told.answer.failure is not None:
        message = f"{told.answer.failure.message}. Before that, {failed.failure.message}"
        return replace(failed, failure=replace(told.answer.failure, message=message))
    return told.answer
