"""No spelling of an inner address gets past the door, and no name or redirect that turns out to be one."""

import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult

from orchestration import guard
from orchestration.core.errors import ErrorCode, Refused
from orchestration.core.inner import out_of_reach
from orchestration.core.result import Failure, Request
from orchestration.door import Door, Limits, Reply
from orchestration.guard import is_inner, parse_reach
from tests.servers import ScriptedServer, behaviours

SPELLINGS = re.findall(
    r"\S+",
    """
127.0.0.1  127.1  127.0.1  127.0.0.1.  2130706433  0x7f000001  0x7F.0.0.1  0x7f.1  017700000001  0177.0.0.1  0177.1
127.000.000.001  127.0.0.0x1  00000177.0.0.1  0  0.0.0.0  0x0  localhost  LOCALHOST  127.255.255.254
[::1]  [::]  [0:0:0:0:0:0:0:1]  [::ffff:127.0.0.1]  [::ffff:7f00:1]  [::127.0.0.1]  [::ffff:0:127.0.0.1]
[64:ff9b::127.0.0.1]  [64:ff9b::7f00:1]  [64:ff9b:1::1]  [2002:7f00:1::]  [2001:0:1::1]  [fe80::1]  [fe80::1%25lo]  [fc00::1]
[fd00:ec2::254]  [ff02::1]  [fec0::1]  [2001:db8::1]  10.0.0.1  172.16.0.1  172.31.255.255  192.168.1.1  169.254.169.254
2852039166  0xa9fea9fe  100.64.0.1  100.100.100.200  192.0.0.192  198.18.0.1  203.0.113.7  224.0.0.1  255.255.255.255  240.0.0.1
168.63.129.16  ①②⑦.⓪.⓪.①  127。0。0。1  １２７.0.0.1
""",
)

NOT_URLS = [
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/_x",
    "//127.0.0.1/",
    "http:///path",
    "http://user:pw@example.com/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com:0/",
    "http://example.com:99999/",
    "http://exa mple.com/",
    "http://example.com/\r\nX-Evil: 1",
    "http://[::1/",
    f"http://{'a' * 64}.example/",
    "http://a..example/",
    "http://.example/",
    "",
]


class Book(AbstractResolver):
    """A resolver that answers from a list, one answer after the other, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {"hostname": host, "host": ip, "port": port, "family": _family(ip), "proto": 0, "flags": socket.AI_NUMERICHOST}
            for ip in found
        ]

    async def close(self) -> None: ...


def _family(ip: str) -> int:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    async with Door(limits=Limits(connect=1)) as opened:
        yield opened


def get(url: str, **more: Any) -> Request:
    return Request("http", "t", method="GET", url=url, timeout=2, **more)


def failure(reply: Reply) -> Failure:
    assert reply.failure is not None, reply
    return reply.failure


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Each address that a socket was asked to connect to. None but 127.0.0.1 is really tried."""
    seen: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, where: Any) -> None:
        seen.append(where)
        if where[0] != "127.0.0.1":
            raise ConnectionRefusedError(111, "refused by the test")
        real(self, where)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return seen


@pytest.mark.parametrize("host", SPELLINGS)
async def test_an_inner_address_is_refused_in_every_spelling(
    host: str, door: Door, server: ScriptedServer, dialled: list[Any]
) -> None:
    refused = failure(await door.send(get(f"http://{host}:{server.port}/")))
    assert (refused.code, refused.sent) == (ErrorCode.REFUSED, False)
    assert not dialled
    assert not server.seen


@pytest.mark.parametrize("url", NOT_URLS)
async def test_what_is_no_plain_http_url_is_refused(url: str, door: Door, dialled: list[Any]) -> None:
    refused = failure(await door.send(get(url)))
    assert (refused.code, refused.sent) == (ErrorCode.REFUSED, False)
    assert not dialled


def test_public_addresses_are_not_inner() -> None:
    assert not any(map(is_inner, ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "172.32.0.1")))
    assert all(map(is_inner, ("", "nonsense", "fe80::1%eth0", "::ffff:10.0.0.1")))


async def test_a_declared_place_is_open_by_the_name_it_was_declared_under_and_no_other(
    server: ScriptedServer, dialled: list[Any]
) -> None:
    async with Door(reach=[server.place]) as door:
        assert (await door.send(get(f"{server.url}/v1"))).status == 404
        assert dialled == [("127.0.0.1", server.port)]
        for other in (f"http://localhost:{server.port}/", "http://127.0.0.1:1/", f"http://127.0.0.2:{server.port}/"):
            refused = failure(await door.send(get(other)))
            assert refused.code == ErrorCode.REFUSED, other
            assert "INTERLOCK_REACH" in refused.message
    async with Door(reach=["Inner.Test:8080"], resolver=Book(["127.0.0.1"])) as door:
        assert failure(await door.send(get("http://inner.test:8081/"))).code == ErrorCode.REFUSED
        assert failure(await door.send(get("http://INNER.test.:8080/"))).code == ErrorCode.UNAVAILABLE


@pytest.mark.parametrize("entry", ["127.0.0.1", "http://127.0.0.1:80", "host:", ":80", "::1:80", "host:0", "host:99999", "h:x"])
def test_a_declaration_that_is_no_host_and_port_is_refused_in_words(entry: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_reach(["[::1]:8080", "ok:1", entry])
    (problem,) = caught.value.problems
    assert entry in problem.message
    assert "host:port" in problem.message


async def test_a_resolver_that_changes_its_mind_gains_nothing(server: ScriptedServer, dialled: list[Any]) -> None:
    """Public at the first look and inner at the second; or both at once, the public one not answering."""
    public, inner = ("8.8.8.8", 80), ("127.0.0.1", server.port)
    async with Door(resolver=Book([public[0]], [inner[0]])) as door:
        assert failure(await door.send(get("http://rebind.test/"))).code == ErrorCode.UNAVAILABLE
        refused = failure(await door.send(get(f"http://rebind.test:{server.port}/")))
        assert (refused.code, refused.sent) == (ErrorCode.REFUSED, False)
    assert dialled == [public]
    async with Door(resolver=Book([public[0], inner[0], "::ffff:127.0.0.1"])) as door:
        refused = failure(await door.send(get(f"http://both.test:{server.port}/")))
        assert (refused.code, refused.sent) == (ErrorCode.REFUSED, False)
    assert {where[0] for where in dialled} == {public[0]}
    assert not server.seen


async def test_a_redirect_may_not_lead_inwards(
    server: ScriptedServer, dialled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even to a declared place: a server outside must not choose the second request among the inner hosts."""
    server.default(behaviours.redirect("http://127.0.0.2:9/admin"), path="/go")
    async with Door(reach=[server.place]) as door:
        assert "inner address 127.0.0.2" in failure(await door.send(get(f"{server.url}/go"))).message
    monkeypatch.setattr(guard, "is_inner", lambda where: where != "127.0.0.1")  # so that the server stands outside
    async with Door(reach=["127.0.0.2:9"], resolver=Book(["127.0.0.1"])) as door:
        assert failure(await door.send(get(f"http://front.test:{server.port}/go"))).code == ErrorCode.REFUSED
        assert ("127.0.0.2", 9) not in dialled
        assert failure(await door.send(get("http://127.0.0.2:9/admin"))).code == ErrorCode.UNAVAILABLE
        assert ("127.0.0.2", 9) in dialled


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "http://user:pw@h/", "http://0x7f.1/", "//[::1]:1/", "http://[::", "http://10.0.0.1/"]
)
async def test_a_redirect_to_a_hostile_place_is_refused(location: str, server: ScriptedServer) -> None:
    server.script(behaviours.redirect(location), path="/go")
    async with Door(reach=[server.place]) as door:
        reply = await door.send(get(f"{server.url}/go"))
    assert reply.failure is not None
    assert (reply.failure.code, reply.status) == (ErrorCode.REFUSED, 302)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:9/x", "127.0.0.1:9"),
        ("https://10.0.0.5/${input.id}", "10.0.0.5:443"),
        ("HTTP://LocalHost./x", "LocalHost.:80"),
        ("http://[::1]:8080?x", "[::1]:8080"),
        ("http://127.0.0.1:8080/x", ""),
        ("http://models.lan/x", ""),
        ("http://93.184.216.34/x", ""),
        ("http://${input.host}/127.0.0.1", ""),
        ("http://desk.example@10.0.0.5/", ""),
        ("${input.url}", ""),
    ],
)
def test_what_is_plainly_out_of_reach_is_seen_in_a_url_before_it_is_called(url: str, place: str) -> None:
    assert out_of_reach(url, parse_reach(["127.0.0.1:8080"])) == place
