"""Refusals: for people a page that says what happened and what to do, for machines problem details (RFC 9457)."""

import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from orchestration.record.trouble import passing

MACHINES = ("/api/", "/v1/", "/mcp")
"""Beginnings of the addresses that answer machines: by token, or by a session."""


_CODES = {413: "too_large", 422: "refused", 500: "server_error", 503: "unavailable"}
"""Of a status, where the name that HTTP gives it is no good one. (`not_found`, `method_not_allowed` and the like are.)"""


def problem(status: int, title: str, detail: str, code: str = "", **more: Any) -> HttpResponse:
    """Problem details with a stable `code`, that of the status where none is given; `more` are further members."""
    code = code or _CODES.get(status) or HTTPStatus(status).name.lower()
    body = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, **more}
    return JsonResponse(body, status=status, content_type="application/problem+json")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1_000_000
        return refuse(request, 413, f"What you sent is larger than {limit} MB. Nothing was stored; send less at a time.")
    return refuse(request, 400, "The request is not as a browser or a client sends it. Nothing was done.")


def forbidden(request: HttpRequest, exception: Exception | str | None = None) -> HttpResponse:
    return refuse(request, 403, str(exception or "") or "You may not do this here.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refuse(request, 404, "There is nothing at this address, or nothing that you may see.")


def server_error(request: HttpRequest) -> HttpResponse:
    if passing(sys.exc_info()[1]):
        return unavailable(request)
    return refuse(request, 500, "Something went wrong here. It has been written to the log; try again in a moment.")


def unavailable(request: HttpRequest) -> HttpResponse:
    """The database is gone, locked or full. What was sent changed nothing; a browser still has it."""
    sentence = "Nothing was stored. "
    if request.method not in ("GET", "HEAD"):
        sentence += "What you wrote is still in the form: go back one page, and send it again in a moment. "
    answer = refuse(request, 503, sentence + "Runs lose nothing; they go on as soon as the database answers again.")
    answer["Retry-After"] = "5"
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = "This form is too old, or it came from another site. Load the page again and send it once more."
    return refuse(request, 403, sentence, page="csrf", back=way_back(request))


def way_back(request: HttpRequest) -> str:
    """The address of the page that a request belongs to: its own, or, where something was sent, that of its form, if ours."""
    came_from = request.headers.get("Referer", "")
    sent = request.method not in ("GET", "HEAD")
    if sent and url_has_allowed_host_and_scheme(came_from, request.get_host(), require_https=request.is_secure()):
        parts = urlsplit(came_from)
        return f"{escape_leading_slashes(parts.path or '/')}{f'?{parts.query}' if parts.query else ''}"
    return request.get_full_path()


def refuse(request: HttpRequest, status: int, sentence: str, page: str | None = None, **more: Any) -> HttpResponse:
    """`sentence` as a page with this status, or as problem details where a machine asks, or a script of a page."""
    title = HTTPStatus(status).phrase
    if request.path.startswith(MACHINES) or request.headers.get("Accept") == "application/json":
        return problem(status, title, sentence, "csrf" if page == "csrf" else "")
    context = {"status": status, "title": title, "message": sentence, "frame": _frame(request, status, page), **more}
    return render(request, f"errors/{page or status}.html", context, status=status)


def _frame(request: HttpRequest, status: int, page: str | None) -> str:
    """Who is signed in keeps the bar where nothing is broken, so that there is a way on."""
    framed = status in (403, 404) and page is None
    user = getattr(request, "user", None) if framed else None
    return "base.html" if user is not None and user.is_authenticated else "entrance.html"
