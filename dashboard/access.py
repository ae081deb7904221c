"""Default deny: who is not signed in reaches nothing but what `PUBLIC` names, by page, API or socket."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import resolve_url
from django.urls import ResolverMatch, reverse
from django_htmx.http import HttpResponseClientRedirect

from dashboard.errors import MACHINES, forbidden, not_found, problem, way_back
from orchestration.accounts import must_change_password
from orchestration.roles import role_of

PUBLIC = frozenset({"healthz", "account_login", "account_logout", "account_inactive", "mfa_authenticate"})
"""Names of the views that anybody may call. Static files are served before any view."""

WHILE_ONE_TIME = frozenset({"account_change_password", "account_logout"})
"""What a person may do whose password is still the one-time one."""

SocketEvent = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[SocketEvent]]
Send = Callable[[SocketEvent], Awaitable[None]]


class DeniedByDefault:
    """Middleware that lets a request through to its view only where somebody with a role asks, or the view is public.

    A request to the API that bears a token passes: the API's own check decides about it, and refuses by default too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        if name in PUBLIC:
            return None
        if request.path.startswith(MACHINES):
            return _deny_machine(request)
        if not request.user.is_authenticated:
            return _to(request, redirect_to_login(way_back(request), resolve_url("account_login")))
        if role_of(request.user) is None:
            return forbidden(request, "Your account has no role yet. Ask an admin to give it one.")
        if must_change_password(request.user) and name not in WHILE_ONE_TIME:
            return _to(request, HttpResponseRedirect(reverse("account_change_password")))
        if _is_admin_site(match) and not request.user.is_superuser:
            return forbidden(request, "Only admins may look at the tables.")
        return None


def _deny_machine(request: HttpRequest) -> HttpResponse | None:
    if request.headers.get("Authorization"):
        return None
    if not request.user.is_authenticated:
        answer = problem(401, "Not signed in", "Send a token as `Authorization: Bearer …`; `manage.py token` makes one.")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    if role_of(request.user) is None:
        return problem(403, "No role", "Your account has no role yet. Ask an admin to give it one.", "no_role")
    if must_change_password(request.user):
        return problem(
            403, "One-time password", "Sign in on the pages and choose a password of your own first.", "one_time_password"
        )
    return None


def _is_admin_site(match: ResolverMatch | None) -> bool:
    return match is not None and "admin" in match.app_names


def _to(request: HttpRequest, redirect: HttpResponseRedirect) -> HttpResponse:
    """The redirect, for the whole page where only a part of it was asked for."""
    if not request.headers.get("HX-Request"):
        return redirect
    return HttpResponseClientRedirect(redirect.url)


class PlainAddresses:
    """Middleware that lets no NUL through in an address, an error to some databases: nothing has such a name, and in a
    parameter it is replaced, as in what was stored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, kwargs: object) -> HttpResponse | None:
        if "\0" in request.path:
            return not_found(request)
        if "%00" in request.META.get("QUERY_STRING", ""):
            request.GET = QueryDict(request.META["QUERY_STRING"].replace("%00", "%EF%BF%BD"), encoding=request.encoding)
        return None


class PrivateByDefault:
    """Middleware that keeps answers out of shared caches, where the view did not say otherwise, and asks for no device."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class SignedInSockets:
    """ASGI wrapper around the socket routes: closes a socket before it is accepted where nobody with a role asks.

    Who is signed in may cease to be while the socket lives; that is the consumer's to check again.
    """

    def __init__(self, routes: Any) -> None:
        self.routes = routes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if await sync_to_async(may_open_socket)(scope.get("user")) and self._known(scope):
            await self.routes(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 4403})

    def _known(self, scope: MutableMapping[str, Any]) -> bool:
        path = str(scope["path"]).lstrip("/")
        return "\0" not in path and any(route.pattern.match(path) for route in self.routes.routes)


def may_open_socket(user: Any) -> bool:
    return role_of(user) is not None and not must_change_password(user)
