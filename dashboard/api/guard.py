"""Who asks: by bearer token, or by the session of a browser with CSRF. And the shape of every refusal.

The guard stands around each view of the API, before methods are told apart, so that who may not ask learns nothing else.
Roles are asked for by each endpoint (`may`); one that forgets is for admins alone.
"""

from collections.abc import Callable
from functools import update_wrapper
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from dashboard.errors import problem
from orchestration.accounts import must_change_password
from orchestration.acts import tokens
from orchestration.core.errors import Forbidden, Problem
from orchestration.roles import Role, role_of

_SAFE = ("GET", "HEAD", "OPTIONS")
View = Callable[..., HttpResponse]


class BearerToken(AuthBase):
    """Lets those through who have the role. The guard has put it on the request."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __init__(self, role: Role) -> None:
        self.role = role
        super().__init__()

    def __call__(self, request: HttpRequest) -> Any:
        held: Role = request.interlock_role  # type: ignore[attr-defined]
        if not held.covers(self.role):
            raise Forbidden(f"This takes the role {self.role}; you are {held}. Ask an admin.")
        return request.user


def may(role: Role) -> BearerToken:
    return BearerToken(role)


def who(request: HttpRequest) -> str:
    """Whose act it is."""
    return request.user.get_username()


def guarded(patterns: list[URLPattern]) -> list[URLPattern]:
    """The same routes, each behind the guard."""
    for pattern in patterns:
        pattern.callback = _guard(pattern.callback)
    return patterns


def _guard(view: View) -> View:
    def guard(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refusal = _identify(request, view) or _too_large(request)
        return refusal or _told(request, view(request, *args, **kwargs))

    update_wrapper(guard, view)
    guard.csrf_exempt = True  # type: ignore[attr-defined]  # a session's requests are checked here, a token's need not be
    return guard


def _identify(request: HttpRequest, view: View) -> HttpResponse | None:
    """Puts user and role on the request, or refuses."""
    if given := request.headers.get("Authorization"):
        scheme, _, token = given.partition(" ")
        bearer = tokens.bearer(token.strip()) if scheme.lower() == "bearer" else None
        if bearer is None:
            return _unknown("This token is none, has expired or was revoked. `manage.py token` makes a new one.")
        request.user, request.interlock_role = bearer.user, bearer.role  # type: ignore[attr-defined]
        return None
    role = role_of(request.user)
    if role is None or must_change_password(request.user):
        return _unknown("Send a token as `Authorization: Bearer …`; `manage.py token` makes one.")
    if request.method not in _SAFE and check_csrf(request) is not None:
        return problem(403, "Forbidden", "A browser's request needs its CSRF token as the header X-CSRFToken.", "csrf")
    request.interlock_role = role  # type: ignore[attr-defined]
    return None


def _unknown(sentence: str) -> HttpResponse:
    answer = problem(401, "Unauthorized", sentence)
    answer["WWW-Authenticate"] = "Bearer"
    return answer


def _too_large(request: HttpRequest) -> HttpResponse | None:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    given = request.META.get("CONTENT_LENGTH") or "0"
    return too_large() if given.isdecimal() and int(given[:18]) > most else None


def too_large() -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1_000_000
    sentence = f"What you sent is too large; a body has at most {limit} MB. Nothing was stored. Send less at a time."
    return problem(413, HTTPStatus(413).phrase, sentence, problems=[Problem("too_large", sentence).as_dict()])


def _told(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """405 as problem details too."""
    if response.status_code != 405 or response["Content-Type"].startswith("application/problem"):
        return response
    allowed = response.headers.get("Allow", "")
    answer = problem(405, "Method Not Allowed", f"{request.method} is nothing that can be done here. Use {allowed}.")
    answer["Allow"] = allowed
    return answer
