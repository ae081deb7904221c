"""Our exceptions as problem details (RFC 9457), all in one place.

Refused      422, with `problems`: code, severity, step, path, message
Unreadable   422 too; 413 where it is too large
Conflict     409, with who was first
NotFound     404
Forbidden    403

Each has a `code`: that of the first problem where there are some, else the exception's, else the status's.
"""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from dashboard.api.guard import too_large
from dashboard.errors import problem
from orchestration.core.errors import Conflict, Forbidden, InterlockError, NotFound, Problem, Refused, Unreadable
from orchestration.core.misfit_words import told
from orchestration.core.wording import dotted

_CODES = {
    "missing": "missing_key",
    "extra_forbidden": "unknown_key",
    **dict.fromkeys(("wrong_type", "string_type", "int_type", "bool_type", "dict_type"), "wrong_type"),
}
_MEMBERS = {"status": "state"}
"""A run's or escalation's own status, beside the document's, which is the HTTP one."""
_ROOTS = ("body", "query", "path", "header", "form")


def install(api: NinjaAPI) -> None:
    """Has the API answer these exceptions. Any other is a surprise, for Django to log and answer with 500."""
    api.add_exception_handler(InterlockError, answer)
    api.add_exception_handler(ValidationError, _of_schema)
    api.add_exception_handler(HttpError, _of_http)
    api.add_exception_handler(Http404, lambda request, error: problem(404, "Not Found", "There is nothing at this address."))
    api.add_exception_handler(RequestDataTooBig, lambda request, error: too_large())


def answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    """Of one of our own exceptions."""
    if isinstance(error, Refused):
        return refusal(error)
    if isinstance(error, Conflict):
        details = {_MEMBERS.get(key, key): value for key, value in error.details.items()}
        return problem(409, "Conflict", str(error), error.code, **details)
    status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, Forbidden) else 422
    return problem(status, HTTPStatus(status).phrase, str(error), getattr(error, "code", ""))


def refusal(error: Refused, status: int = 422) -> HttpResponse:
    """Where it is wrong, and what to do."""
    found = as_dicts(error.problems)
    if isinstance(error, Unreadable) and any(item.code == "too_large" for item in error.problems):
        status = 413
    first = next((item for item in error.problems if item.severity == "error"), error.problems[0])
    return problem(status, HTTPStatus(status).phrase, _sentence(first, len(error.problems)), first.code, problems=found)


def as_dicts(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [item.as_dict() for item in problems]


def _sentence(first: Problem, count: int) -> str:
    where = f"{first.path}: " if first.path else ""
    rest = f" ({count - 1} more in `problems`)" if count > 1 else ""
    return f"{where}{first.message}{rest}"


def _of_schema(request: HttpRequest, error: Any) -> HttpResponse:
    return refusal(misfits(error.errors))


def misfits(errors: Sequence[Any]) -> Refused:
    """What pydantic says of a body, in our shape."""
    return Refused(*(_problem(item) for item in errors[:50]))


def _problem(item: Any) -> Problem:
    loc = list(item["loc"])
    while loc and loc[0] in _ROOTS:
        loc = loc[2:] if loc[0] == "body" and len(loc) > 1 else loc[1:]
    return Problem(_CODES.get(item["type"], "bad_value"), told(item), dotted("", loc))


def _of_http(request: HttpRequest, error: Any) -> HttpResponse:
    if isinstance(error.__cause__, InterlockError):  # a body that could not be read; ninja wraps what the parser raised
        return answer(request, error.__cause__)
    phrase = HTTPStatus(error.status_code).phrase
    return problem(error.status_code, phrase, str(error) if str(error) != phrase else f"{phrase}.")
