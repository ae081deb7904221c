"""Which role a page needs, and what a page answers where the engine says no."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import resolve, reverse

from dashboard.errors import MACHINES, forbidden, refuse
from orchestration.core.errors import Conflict, Forbidden, NotFound, Refused
from orchestration.core.wording import with_stop
from orchestration.queries.pruned import Pruned
from orchestration.roles import Role, allows

View = Callable[..., HttpResponse]


def needs(role: Role) -> Callable[[View], View]:
    """A view for those whose role covers `role`; to others 403, with who may."""

    def decorated(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not allows(request.user, role):
                return forbidden(request, f"This needs the role {role}. An admin can give it to you.")
            return view(request, *args, **kwargs)

        checked.role = role  # type: ignore[attr-defined]
        return checked

    return decorated


def role_for(name: str) -> Role:
    """The role that the page of this name needs. Without a word about it any will do, as for whatever is not public."""
    role: Role = getattr(resolve(reverse(name)).func, "role", Role.VIEWER)
    return role


class SaysNo:
    """Middleware that answers what a page let through: what is missing, refused, forbidden or was somebody else's first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path.startswith(MACHINES):
            return None
        for kind, status in ((NotFound, 404), (Forbidden, 403), (Conflict, 409), (Refused, 422)):
            if isinstance(exception, kind):
                told = [p.message for p in exception.problems] if isinstance(exception, Refused) else [str(exception)]
                answer = refuse(request, status, " ".join(with_stop(sentence) for sentence in told))
                if isinstance(exception, Pruned):
                    answer["HX-Refresh"] = "true"  # the page that asked for a part of it: loaded anew, it says so too
                return answer
        return None
