"""The one door through which requests leave: pools connections, guards the address that is dialled, caps size and time.

`send` never raises for what the other side does: it returns a `Reply`, whole or with a `Failure` and whatever had come by
then. It never looks at what a status means; that is for the protocol (`replies`, `llm`, `tools`).

aiohttp stands here bare. Of httpx only the face would be used (redirects, limits and decoding are ours, for the guard and
the caps), it doubled the CPU of 3,000 calls, and its transport reports a server that hung up as a failed connection, which
would make a lie of `Failure.sent`.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import field
from types import TracebackType
from typing import Any, Self

import aiohttp
import certifi
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from orchestration import guard, placeholders
from orchestration.core.errors import ErrorCode, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.result import Failure, Request
from orchestration.inflating import Inflater, UnknownEncoding

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_KEPT_OF_TOO_LARGE = 65_536
# All that follows a redirect to another origin. Keys travel under many names, so what may go on is listed, not what may not.
_HARMLESS_HEADERS = ("accept", "accept-encoding", "accept-language", "user-agent")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. The total time of a call is its request's own `timeout`; None for a stage leaves it to that."""

    connect: float = 5.0
    first_byte: float | None = None
    between_chunks: float | None = 60.0
    body_bytes: int = 10_000_000
    connections: int = 4096


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `headers` have lower-case names. `body` is decompressed and holds no secret that the request held.

    With a `failure`, `status` and `body` are what had come until then (`body` cut to 64 kB where it was too large).
    `received` is the time in seconds since 1970, for servers that name a date to come back at.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: Failure | None = None
    received: float = 0.0


@dataclass(slots=True)
class _Exchange(guard.Dial):
    """How far one call has come. Read when it ends early. `sent`: it may have been, since it holds a connection."""

    sent: bool = False
    stage: str = "connecting"
    where: str = "the address"
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)

    def fails(self, code: ErrorCode, message: str) -> "_Stop":
        return _Stop(Failure(code, message, sent=self.sent))


class _Stop(Exception):
    """Ends a call with a failure that is already worded."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.message)


class _Connector(aiohttp.TCPConnector):
    """Marks a call as perhaps sent from the moment at which it holds a connection, new or pooled, and not before."""

    async def connect(self, *asked: Any, **options: Any) -> Connection:
        connection = await super().connect(*asked, **options)
        exchange = guard.dialling.get()
        assert isinstance(exchange, _Exchange), "only the door's own calls come here"
        exchange.sent, exchange.stage = True, "waiting for the answer"
        return connection


class Door:
    """`async with Door(reach=("127.0.0.1:8080",)) as door: reply = await door.send(request, secrets)`, on any loop.

    `reach` lists the inner places that may be called. `resolver` and `tls` are for tests and for installations with a
    certificate authority of their own.
    """

    def __init__(
        self,
        reach: Iterable[str] = (),
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.reach = guard.parse_reach(reach)
        self.limits = limits
        self._resolver = resolver
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = _Connector(
            limit=self.limits.connections,
            resolver=self._resolver or aiohttp.ThreadedResolver(),
            ssl=self._tls or _trust(),
            socket_factory=guard.guarded_socket,
            # Common servers hang up after five idle seconds. A connection reused at that moment is lost after sending, and
            # an irreversible call on it ends as unknown, so we let go first.
            keepalive_timeout=4,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=self.limits.connect),
            auto_decompress=False,
            trust_env=False,
        )
        # Without this aiohttp sends PUT and DELETE a second time, by itself, when a pooled connection breaks.
        self._session._retry_connection = False
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request, secrets: Mapping[str, str] | None = None) -> Reply:
        """Send once and read the answer, within `request.timeout` seconds in all. Raises CancelledError alone."""
        used = {name: value for name, value in (secrets or {}).items() if name in placeholders.names(request)}
        exchange = _Exchange()
        failure: Failure | None = None
        token = guard.dialling.set(exchange)
        try:
            async with asyncio.timeout(request.timeout):
                await self._follow(request, used, exchange)
        except Exception as error:
            failure = _failure(error, exchange, self.limits, request.timeout)
            failure = Failure(failure.code, placeholders.scrub_text(failure.message, used), sent=failure.sent)
        finally:
            guard.dialling.reset(token)
        headers = {name: placeholders.scrub_text(value, used) for name, value in exchange.headers.items()}
        body = placeholders.scrub(bytes(exchange.body), used)
        return Reply(exchange.status, headers, body, failure, time.time())

    async def _follow(self, request: Request, secrets: Mapping[str, str], exchange: _Exchange) -> None:
        """Send, and go on to where a GET is redirected, at most three times."""
        url, headers, body = _filled(request, secrets)
        first = guard.place(url)
        for _ in range(_MOST_REDIRECTS + 1):
            place = guard.place(url)
            # A redirect may not lead inwards: only the place that the request itself names is looked up.
            exchange.declared = place in self.reach and (place == first or first in self.reach)
            exchange.where = f"{url.host}:{url.port}"
            location = await self._once(request.method, url, headers, body, exchange)
            if location is None:
                return
            target = _redirected(request.method, url, location, exchange)
            if target.origin() != url.origin():
                headers = CIMultiDict((name, value) for name, value in headers.items() if name.lower() in _HARMLESS_HEADERS)
            url = target
        raise exchange.fails(ErrorCode.REFUSED, f"{exchange.where} redirects more than {_MOST_REDIRECTS} times")

    async def _once(
        self, method: str, url: URL, headers: CIMultiDict[str], body: bytes | None, exchange: _Exchange
    ) -> str | None:
        """One request and its answer into `exchange`; the place that it redirects to, if it does."""
        assert self._session is not None, "the door is not open: use `async with`"
        exchange.stage = "connecting"
        sending = self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
        if self.limits.first_byte is None:
            response = await sending
        else:
            async with asyncio.timeout(self.limits.first_byte):  # which holds until the headers are there
                response = await sending
        async with response:
            exchange.status = response.status
            exchange.headers = {name.lower(): value for name, value in response.headers.items()}
            if response.status in _REDIRECTS and "location" in exchange.headers:
                response.close()
                return exchange.headers["location"]
            exchange.stage = "reading the answer"
            await self._read(response, exchange)
        return None

    async def _read(self, response: aiohttp.ClientResponse, exchange: _Exchange) -> None:
        """The body, decompressed, until it ends or exceeds the cap."""
        cap = self.limits.body_bytes
        inflater = Inflater(exchange.headers.get("content-encoding", ""))
        while not response.content.at_eof():
            chunk = await self._chunk(response.content, exchange)
            exchange.body += inflater.feed(chunk, cap + 1 - len(exchange.body)) if chunk else b""
            if len(exchange.body) > cap or (response.content_length or 0) > cap:
                response.close()
                del exchange.body[_KEPT_OF_TOO_LARGE:]
                raise exchange.fails(ErrorCode.TOO_LARGE, f"the answer of {exchange.where} is larger than {cap:,} bytes")
        if not inflater.whole:
            raise exchange.fails(ErrorCode.UNAVAILABLE, f"the compressed answer of {exchange.where} broke off")

    async def _chunk(self, content: aiohttp.StreamReader, exchange: _Exchange) -> bytes:
        """What has come; b"" at the end."""
        if content.is_eof():  # it is all there: nobody need look at the clock
            return await content.readany()
        try:
            async with asyncio.timeout(self.limits.between_chunks):
                return await content.readany()
        except TimeoutError:
            message = f"{exchange.where} fell silent in the middle of its answer for {self.limits.between_chunks:g} s"
            raise exchange.fails(ErrorCode.TIMEOUT, message) from None


def _trust() -> ssl.SSLContext:
    """The system's authorities and certifi's, since some builds of Python know none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _filled(request: Request, secrets: Mapping[str, str]) -> tuple[URL, CIMultiDict[str], bytes | None]:
    """The request with its secrets in place. Raises MissingSecret, and Refused for what can't be sent."""
    given = [(name, placeholders.fill(value, secrets)) for name, value in request.headers]
    for name, value in given:
        if not _TOKEN.fullmatch(name):
            raise Refused(guard.problem(f"{name[:40]!r} is no name of a header"))
        if _CONTROL.search(value):
            raise Refused(guard.problem(f"the header {name[:40]} holds a line break or another control character"))
    headers = CIMultiDict(given)
    headers.setdefault("Accept-Encoding", "gzip, deflate")
    url = guard.address(placeholders.fill(request.url, secrets, placeholders.in_url))
    if request.body is None:
        return url, headers, None
    is_json = "json" in headers.get("Content-Type", "json")
    body = placeholders.fill(request.body, secrets, placeholders.in_json if is_json else str)
    return url, headers, body.encode("utf-8", "replace")


def _redirected(method: str, url: URL, location: str, exchange: _Exchange) -> URL:
    if method not in ("GET", "HEAD"):
        message = f"{exchange.where} redirects a {method}, which is not followed: use the address that it leads to"
        raise exchange.fails(ErrorCode.REFUSED, message)
    try:
        target = guard.address(str(url.join(URL(location, encoded=location.isascii()))))
    except (Refused, ValueError):
        raise exchange.fails(ErrorCode.REFUSED, f"{exchange.where} redirects to what is no public http(s) address") from None
    if url.scheme == "https" and target.scheme != "https":
        raise exchange.fails(ErrorCode.REFUSED, f"{exchange.where} redirects from https to http, which is not followed")
    return target


def _failure(error: Exception, exchange: _Exchange, limits: Limits, timeout: float) -> Failure:
    """What went wrong, in a sentence without URL, header or body in it."""
    where, sent = exchange.where, exchange.sent
    match error:
        case _Stop():
            return error.failure
        case placeholders.MissingSecret():
            return Failure(
                ErrorCode.AUTH, f"there is no secret named {error.args[0]} that can be opened: an admin can write it", sent=False
            )
        case Refused():
            return Failure(ErrorCode.REFUSED, "; ".join(problem.message for problem in error.problems), sent=sent)
        case UnknownEncoding():
            return Failure(ErrorCode.INVALID_OUTPUT, f"the answer of {where} {error}", sent=sent)
        case TimeoutError() if not sent:
            limit = min(limits.connect, timeout)
            return Failure(ErrorCode.TIMEOUT, f"{where} could not be reached within {limit:g} s", sent=False)
        case TimeoutError():
            return Failure(ErrorCode.TIMEOUT, f"{where} took too long: given up while {exchange.stage}")
        case aiohttp.ClientConnectorError() if exchange.inner is not None:
            message = f"{where} leads to the inner address {exchange.inner}, which is not listed in INTERLOCK_REACH"
            return Failure(ErrorCode.REFUSED, message, sent=sent)
        case aiohttp.InvalidURL() | UnicodeError():  # the latter from a host that has no spelling in DNS
            return Failure(ErrorCode.REFUSED, f"{where} is no address that can be called", sent=sent)
        case aiohttp.ClientError() | OSError() if not sent:
            return Failure(ErrorCode.UNAVAILABLE, f"{where} could not be reached: {_reason(error)}", sent=False)
        case aiohttp.ClientResponseError():
            return Failure(ErrorCode.UNAVAILABLE, f"{where} did not answer in proper HTTP")
        case aiohttp.ClientError() | OSError():
            return Failure(ErrorCode.UNAVAILABLE, f"the connection to {where} broke while {exchange.stage}")
    raise error


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted ({getattr(error.certificate_error, 'verify_message', 'not valid')})"
        case aiohttp.ClientSSLError():
            return "the TLS handshake failed"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known"
        case aiohttp.ClientConnectorError():
            return error.os_error.strerror or "the connection was not made"
        case _:
            return "the connection was not made"
