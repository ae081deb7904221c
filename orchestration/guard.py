"""Which addresses the door may dial. Everything inner is refused, whatever it is spelled like.

The check that counts is made on the address that is about to be dialled (`guarded_socket`), after every resolver, cache and
redirect, so that a name which changes its mind between a check and a connection gains nothing. Reading the URL
(`address`) only gives a clearer sentence, earlier.

An inner host is open only where the installation declares it (INTERLOCK_REACH, as `127.0.0.1:8080`): the host and port
that the request itself names are looked up, never what they resolve to.
"""

import re
import socket
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address

from yarl import URL

from orchestration.core.errors import Problem, Refused
from orchestration.core.inner import Place, is_inner, plain

_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)\Z")
_UNSPELLED = re.compile(r"[\x00- \x7f\\]")


def parse_reach(entries: Iterable[str]) -> frozenset[Place]:
    """Inner places as `host:port` or `[v6]:port`. Raises Refused with one problem for each entry that is not."""
    places: set[Place] = set()
    problems: list[Problem] = []
    for entry in entries:
        host, _, port = entry.strip().rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not bare or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536 or (":" in bare and bare == host):
            message = f"{entry!r} should be host:port, as 127.0.0.1:8080 or [::1]:8080"
            problems.append(Problem("bad_reach", message, "INTERLOCK_REACH"))
        else:
            places.add((plain(bare), int(port)))
    if problems:
        raise Refused(*problems)
    return frozenset(places)


def address(text: str) -> URL:
    """The URL to send to, exactly as written where it is ASCII. Raises Refused with a sentence for a person."""
    if _UNSPELLED.search(text):
        raise _refused("the URL holds a space, a backslash or a control character: write it percent-encoded")
    try:
        url = URL(text, encoded=text.isascii())
        host, port = url.host, url.port
    except ValueError as error:
        raise _refused(f"the URL cannot be read: {error}") from None
    if url.scheme.lower() not in ("http", "https"):
        raise _refused("the URL must begin with http:// or https://")
    if not host or not port:
        raise _refused("the URL names no host, or a port that there is not")
    if url.user is not None or url.password is not None:
        raise _refused("the URL holds a user name or password: put them in a header, by the name of a secret")
    if _in_disguise(host):
        raise _refused(f"the host {host[:60]} is an address in disguise: write it as four decimal numbers")
    return url


@lru_cache(maxsize=1024)
def _in_disguise(host: str) -> bool:
    """Whether a host is what resolvers read as IPv4 (its last part is a number) without being four plain decimals."""
    if ":" in host or not _NUMBER.match(host.rstrip(".").rpartition(".")[2]):
        return False
    try:
        IPv4Address(host)
    except ValueError:
        return True
    return False


def place(url: URL) -> Place:
    """The host and port that a URL names, in the spelling in which `parse_reach` keeps them."""
    return plain(url.host or ""), url.port or 0


def problem(message: str) -> Problem:
    return Problem("url", message, "url")


def _refused(message: str) -> Refused:
    return Refused(problem(message))


@dataclass(slots=True)
class Dial:
    """What one request is about to dial: whether its place is declared as reachable, and the inner address that was refused."""

    declared: bool = False
    inner: str | None = None


dialling: ContextVar[Dial | None] = ContextVar("dialling", default=None)


def guarded_socket(info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """A socket for one address that is about to be dialled (aiohttp's `socket_factory`). Raises OSError for an inner one.

    Fails closed: without a `Dial` in context nothing is declared. A pooled connection does not come by here again; the
    pool's key is the host and port of the request, the very thing that a declaration names.
    """
    family, kind, protocol, _, where = info
    dial = dialling.get() or Dial()
    if not dial.declared and (family not in (socket.AF_INET, socket.AF_INET6) or is_inner(str(where[0]))):
        dial.inner = str(where[0])
        raise PermissionError(f"{where[0]} is an inner address")
    return socket.socket(family, kind, protocol)
