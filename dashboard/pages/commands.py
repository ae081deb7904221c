"""Changing a draft by edit commands, as scripts of the designer's pages send them, and undo and redo, which need no script.

What is sent as JSON is answered as JSON, in the shapes of the API; what comes from a form, by the page that it stood on.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from dashboard import edit_view, presence
from dashboard.api.bodies import Body, CleanParser, Edit, Turn, to_the_letter
from dashboard.api.problems import answer, misfits
from dashboard.errors import way_back
from dashboard.needs import needs
from orchestration.acts import drafts as acts
from orchestration.acts.drafts import Made
from orchestration.core import values
from orchestration.core.errors import Conflict, InterlockError, Refused
from orchestration.core.wording import with_stop
from orchestration.queries import drafts
from orchestration.queries import workflows as stored
from orchestration.roles import Role

JSON = "application/json"
View = Callable[..., HttpResponse]


def _in_json(view: View) -> View:
    """Refusals as problem details."""

    @wraps(view)
    def answered(request: HttpRequest, workflow: str) -> HttpResponse:
        try:
            with edit_view.telling(workflow):
                return view(request, workflow)
        except InterlockError as error:
            return answer(request, error)

    return answered


@require_POST
@needs(Role.DESIGNER)
def edit(request: HttpRequest, workflow: str) -> HttpResponse:
    """`{revision, commands}`: all commands, or none. As a form the commands are JSON text, as those of a quick fix."""
    by = request.user.get_username()
    if request.content_type == JSON:
        return _edit_in_json(request, workflow)
    return _by_form(
        request,
        workflow,
        lambda revision: acts.edit(workflow=workflow, commands=sent_commands(request), revision=revision, by=by),
    )


@_in_json
def _edit_in_json(request: HttpRequest, workflow: str) -> HttpResponse:
    body = _body(request, Edit)
    made = acts.edit(workflow=workflow, commands=body.commands, revision=body.revision, by=request.user.get_username())
    return JsonResponse(edit_view.made(workflow, made))


def sent_commands(request: HttpRequest) -> Any:
    """The commands of a form. Raises `Refused`."""
    return values.parse_json(request.POST.get("commands", "")).value


@require_POST
@needs(Role.DESIGNER)
def undo(request: HttpRequest, workflow: str) -> HttpResponse:
    """`{revision}`, or the same as a form."""
    return _turn(request, workflow, acts.undo)


@require_POST
@needs(Role.DESIGNER)
def redo(request: HttpRequest, workflow: str) -> HttpResponse:
    """The same forth."""
    return _turn(request, workflow, acts.redo)


_Kind = TypeVar("_Kind", bound=Body)


def _body(request: HttpRequest, kind: type[_Kind]) -> _Kind:
    """What was sent, by the same rules as over the API. Raises `Refused`."""
    given = CleanParser().parse_body(request)
    to_the_letter(request)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise misfits(error.errors()) from None


def _turn(request: HttpRequest, workflow: str, turn: Callable[..., Made]) -> HttpResponse:
    if request.content_type == JSON:
        return _turn_in_json(request, workflow, turn)
    by = request.user.get_username()
    return _by_form(request, workflow, lambda revision: turn(workflow=workflow, revision=revision, by=by))


def _by_form(request: HttpRequest, workflow: str, write: Callable[[int], Made]) -> HttpResponse:
    """Back to the page of the form, which says what was done, or why nothing was."""
    try:
        made = write(revision_of(request))
    except Conflict as conflict:
        messages.warning(request, overtaken(conflict))
    except Refused as refused:
        messages.info(request, " ".join(problem.message for problem in refused.problems))
    else:
        messages.success(request, with_stop(made.sentence))
    back = way_back(request)
    return redirect(reverse("workflow_design", args=[workflow]) if back == request.get_full_path() else back)


def _turn_in_json(request: HttpRequest, workflow: str, turn: Callable[..., Made]) -> HttpResponse:
    @_in_json
    def turned(request: HttpRequest, workflow: str) -> HttpResponse:
        revision = _body(request, Turn).revision
        made = turn(workflow=workflow, revision=revision, by=request.user.get_username())
        return JsonResponse(edit_view.made(workflow, made))

    return turned(request, workflow)


def overtaken(conflict: Conflict) -> str:
    """Who was first and what they did, for a person who sent a form."""
    told = [f"{change['by'] or 'Somebody'}: {with_stop(change['sentence'])}" for change in conflict.details.get("changes", ())]
    return " ".join([str(conflict), *told[:5]])


def revision_of(request: HttpRequest) -> int:
    """As a form sent it; 0, at which no draft is, where it sent none."""
    given = request.POST.get("revision", "")
    return int(given) if given.isdecimal() and len(given) < 10 else 0


@needs(Role.DESIGNER)
def present(request: HttpRequest, workflow: str) -> HttpResponse:
    """Who else is at the draft, and who changed it lately: the part by which open pages learn of it."""
    found, revision = stored.workflow(workflow), presence.revision()
    others = presence.others(found.id, request.user.get_username())
    return render(request, "workflows/_present.html", {"workflow": found, "revision": revision, "others": others})


@needs(Role.VIEWER)
def lately(request: HttpRequest, workflow: str) -> HttpResponse:
    """What was done to the draft since `?since=`: the part by which open pages learn of it."""
    found = stored.workflow(workflow)
    if request.headers.get("If-None-Match") == f'"{found.revision}"':
        return HttpResponseNotModified()
    since = request.GET.get("since", "")
    seen = int(since) if since.isdecimal() and len(since) < 10 else found.revision
    changes = [change for change in drafts.changes(workflow, seen) if change.revision <= found.revision]
    return render(request, "workflows/_lately.html", {"workflow": found, "since": seen, "changes": changes})
