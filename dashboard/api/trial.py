"""One step alone."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from dashboard.api.answers import Trial
from dashboard.api.bodies import Try, to_the_letter
from dashboard.api.description import answers
from dashboard.api.guard import may, who
from orchestration.acts.trial import try_step
from orchestration.roles import Role

router = Router(tags=["steps"])


@router.post(
    "/try",
    auth=may(Role.DESIGNER),
    summary="Run one step alone, with an input of one's own",
    openapi_extra=answers(404, ok=Trial),
)
def try_one_step(request: HttpRequest, body: Try) -> Any:
    """`input` is the step's own; for a branch, set or end `{run: {input}, steps: {…}}`. `mocks` by step or tool: `{output}`,
    which has to meet its contract, `{answer}` as it might come, or `{error}`; or a list of these, one for each call. Nothing is
    stored but that it was tried."""
    to_the_letter(request, "definition")
    return try_step(definition=body.definition, step=body.step, input=body.input, mocks=body.mocks, by=who(request))
