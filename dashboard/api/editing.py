"""Changing a draft by edit commands, and going back and forth in what was done."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from dashboard import edit_view
from dashboard.api import shape
from dashboard.api.answers import Listed
from dashboard.api.answers_of_workflows import Edited, Entry
from dashboard.api.bodies import Edit, Turn, known, to_the_letter
from dashboard.api.description import answers
from dashboard.api.guard import may, who
from orchestration.acts import drafts as acts
from orchestration.queries import drafts as queries
from orchestration.queries import workflows
from orchestration.roles import Role

router = Router(tags=["workflows"])


@router.post(
    "/{workflow}/edit", auth=may(Role.DESIGNER), summary="Change the draft by commands", openapi_extra=answers(409, ok=Edited)
)
def edit_draft(request: HttpRequest, workflow: str, body: Edit) -> Any:
    """All commands are carried out, or none. Lines of the text in which nothing changes stay as they are spelled. 409 where
    the draft is not at `revision` any more, with what was done since in `changes`, and how it is now. Then nothing is stored."""
    to_the_letter(request, "commands")
    with edit_view.telling(workflow):
        made = acts.edit(workflow=workflow, commands=body.commands, revision=body.revision, by=who(request))
    return edit_view.made(workflow, made)


@router.post(
    "/{workflow}/undo",
    auth=may(Role.DESIGNER),
    summary="Take the last change of the draft back",
    openapi_extra=answers(409, ok=Edited),
)
def undo_edit(request: HttpRequest, workflow: str, body: Turn) -> Any:
    """Whoever made it, and by whichever door. It is a new revision of the draft."""
    with edit_view.telling(workflow):
        made = acts.undo(workflow=workflow, revision=body.revision, by=who(request))
    return edit_view.made(workflow, made)


@router.post(
    "/{workflow}/redo", auth=may(Role.DESIGNER), summary="Do again what was undone last", openapi_extra=answers(409, ok=Edited)
)
def redo_edit(request: HttpRequest, workflow: str, body: Turn) -> Any:
    """Until something else is changed: then what was undone is forgotten."""
    with edit_view.telling(workflow):
        made = acts.redo(workflow=workflow, revision=body.revision, by=who(request))
    return edit_view.made(workflow, made)


@router.get(
    "/{workflow}/history",
    auth=may(Role.VIEWER),
    summary="What was done to the draft",
    openapi_extra=answers(ok=Listed[Entry]),
)
def list_history(request: HttpRequest, workflow: str, after: str = "", limit: int = 50) -> Any:
    """The newest first, 200 at most. Those that are `undone` can be done again."""
    known(request, "after", "limit")
    workflows.workflow(workflow)
    return shape.page(queries.history(workflow, after or None, limit), edit_view.entry)
