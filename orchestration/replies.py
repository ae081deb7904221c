"""What an HTTP reply means, for models and tools alike: its status, the sentence in its body, when to come back.

Pure. The mapping of statuses is DESIGN's: 401 and 403 are `auth`, 404 and 410 `not_found`, 408 `timeout`, 429 `rate_limited`
(`refused` where a quota is spent), other 4xx and redirects `refused`, 5xx `unavailable`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from orchestration.core.errors import ErrorCode, Unreadable
from orchestration.core.result import Answer, Failure
from orchestration.core.values import Clean, clean_text, parse_json
from orchestration.door import Reply

_RAW_CAP = 1_000_000  # characters kept of a body, whatever it is
_QUOTE_CAP = 300  # characters quoted of what the other side says
_MAX_BYTES = 10_000_000
_IDS = ("x-request-id", "request-id", "x-generation-id", "apim-request-id")
_BY_STATUS = {
    401: ErrorCode.AUTH,
    403: ErrorCode.AUTH,
    404: ErrorCode.NOT_FOUND,
    410: ErrorCode.NOT_FOUND,
    408: ErrorCode.TIMEOUT,
    429: ErrorCode.RATE_LIMITED,
}
SPENT = ("insufficient_quota", "credit_balance", "spend_limit", "usage_limit", "billing")
"""Words in the code or type of an error by which a 429 says that waiting won't help."""


def code_of(status: int) -> ErrorCode:
    """The error of a status that is no success."""
    return _BY_STATUS.get(status, ErrorCode.UNAVAILABLE if status >= 500 else ErrorCode.REFUSED)


def failed(reply: Reply, failure: Failure, **more: Any) -> Answer:
    """A failed answer that keeps what came."""
    return Answer(failure=failure, status=reply.status, request_id=request_id(reply), raw=raw(reply), **more)


def of_status(reply: Reply, target: str) -> Failure | None:
    """The failure that a status other than 2xx is, with what the other side says about it."""
    status = reply.status or 0
    if 200 <= status < 300:
        return None
    body = read_json(reply) if reply.body else None
    said = sentence(body)
    if not said and status < 400:
        said = "it redirects, which is not followed"
    message = f"{target} answered {status}{': ' if said else ''}{said}"
    if status == 429 and any(word in words(body) for word in SPENT):
        return Failure(ErrorCode.REFUSED, message)
    return Failure(code_of(status), message, retry_after=retry_after(reply.headers, reply.received))


def read_json(reply: Reply) -> Any:
    """The body as JSON, None where it is none. For looking into the body of an error."""
    try:
        return parse_json(reply.body, max_bytes=_MAX_BYTES).value
    except Unreadable:
        return None


def parse(reply: Reply, target: str) -> tuple[Clean, Failure | None]:
    """The body as strict JSON, or the failure that says in words why it is none."""
    try:
        return parse_json(reply.body, max_bytes=_MAX_BYTES), None
    except Unreadable as error:
        problem = error.problems[0]
        code = ErrorCode.TOO_LARGE if problem.code == "too_large" else ErrorCode.INVALID_OUTPUT
        start = reply.body[:200].lstrip().lower()
        if not start:
            why = "an empty body where JSON was due"
        elif start.startswith((b"<!doctype", b"<html", b"<?xml")):
            why = "an HTML page where JSON was due: check the address"
        else:
            why = f"what can't be read: {problem.message}"
        return Clean(None), Failure(code, f"{target} answered {reply.status} with {why}")


def words(body: Any) -> str:
    """The code and type of an error, or of what a body holds as one, in lower case: by these it is classified, never by its
    sentence. "" where there are none."""
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    found = [error.get("code"), error.get("type"), details.get("error_code") if isinstance(details, dict) else None]
    return " ".join(each.lower() for each in found if isinstance(each, str))


def sentence(body: Any) -> str:
    """What an error's body says to a person, cut to 300 characters; "" where nothing is found."""
    for _ in range(3):
        if not isinstance(body, dict):
            break
        body = next((body[key] for key in ("error", "message", "detail", "title", "reason", "msg") if body.get(key)), None)
    if isinstance(body, list) and body:
        return sentence(body[0])
    return " ".join(body.split())[:_QUOTE_CAP] if isinstance(body, str) else ""


def raw(reply: Reply) -> str:
    """The body as text that can be stored, at most a million characters."""
    return clean_text(reply.body[: 4 * _RAW_CAP].decode("utf-8", "replace")[:_RAW_CAP]).value


def request_id(reply: Reply) -> str | None:
    return next((reply.headers[name][:200] for name in _IDS if name in reply.headers), None)


def retry_after(headers: Mapping[str, str], received: float) -> float | None:
    """Seconds until the other side wants to be asked again, from `retry-after-ms` or `retry-after` (seconds or a date).

    A date is measured from the reply's own Date where there is one, so that nobody's clock has to be right.
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000
    text = headers.get("retry-after")
    if (seconds := _number(text)) is not None:
        return seconds
    due = _date(text)
    if due is None:
        return None
    now = _date(headers.get("date")) or datetime.fromtimestamp(received, UTC)
    return max(0.0, (due - now).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
