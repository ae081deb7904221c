"""The door against real sockets: limits of time and size, honest failures, secrets in at the last moment and never out."""

import asyncio
import base64
import datetime
import gzip
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration import placeholders
from orchestration.core.errors import ErrorCode
from orchestration.core.result import Failure, Request
from orchestration.door import Door, Limits, Reply
from orchestration.inflating import Inflater
from tests.servers import ScriptedServer, behaviours

CANARY = 'sk-canary/+&"1234567890'


@pytest_asyncio.fixture
async def door(server: ScriptedServer) -> AsyncIterator[Door]:
    async with Door(reach=[server.place], limits=Limits(connect=1, body_bytes=1_000_000)) as opened:
        yield opened


def ask(server: ScriptedServer, path: str = "/x", method: str = "POST", body: str | None = "{}", **more: Any) -> Request:
    return Request("http", "t", method, server.url + path, body=body, **{"timeout": 5.0, **more})


def failure(reply: Reply) -> Failure:
    assert reply.failure is not None, reply
    return reply.failure


TROUBLE: dict[str, tuple[behaviours.Behaviour, ErrorCode]] = {
    "never answers": (behaviours.hang(), ErrorCode.TIMEOUT),
    "begins and stalls": (behaviours.stall(), ErrorCode.TIMEOUT),
    "drips for ever": (behaviours.drip(), ErrorCode.TIMEOUT),
    "resets at once": (behaviours.reset(), ErrorCode.UNAVAILABLE),
    "resets in the body": (behaviours.reset(b'{"a":'), ErrorCode.UNAVAILABLE),
    "hangs up before the length is reached": (behaviours.cut(), ErrorCode.UNAVAILABLE),
    "hangs up inside a chunked body": (behaviours.cut(announced=None), ErrorCode.UNAVAILABLE),
    "sends 50 MB": (behaviours.large(), ErrorCode.TOO_LARGE),
    "announces 50 MB": (behaviours.large(announced=True), ErrorCode.TOO_LARGE),
    "sends a compressed bomb": (behaviours.bomb(), ErrorCode.TOO_LARGE),
    "redirects a POST": (behaviours.redirect("/y", 307), ErrorCode.REFUSED),
    "says gzip and is not": (behaviours.body(b"{}", content_encoding="gzip"), ErrorCode.INVALID_OUTPUT),
    "says brotli, unasked": (behaviours.body(b"{}", content_encoding="br"), ErrorCode.INVALID_OUTPUT),
    "breaks off inside gzip": (
        behaviours.body(gzip.compress(b"x" * 999)[:-9], content_encoding="gzip"), ErrorCode.UNAVAILABLE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLE)
async def test_trouble_after_sending_is_classified_and_says_that_the_request_may_have_arrived(
    trouble: str, door: Door, server: ScriptedServer
) -> None:
    behaviour, code = TROUBLE[trouble]
    server.script(behaviour, path="/x")
    reply = await door.send(ask(server, timeout=0.5))
    assert (failure(reply).code, failure(reply).sent) == (code, True), reply
    assert server.place in failure(reply).message
    assert len(server.seen) == 1


async def test_what_had_come_before_the_trouble_is_kept(door: Door, server: ScriptedServer) -> None:
    server.script(behaviours.cut(b'{"half": '), behaviours.stall(b'{"half":'), path="/x")
    for _ in range(2):
        reply = await door.send(ask(server, timeout=0.5))
        assert (reply.status, reply.body.strip()) == (200, b'{"half":')


async def test_an_answer_above_the_cap_is_cut_while_it_streams(door: Door, server: ScriptedServer) -> None:
    server.script(behaviours.large(), behaviours.bomb(), path="/x")
    for _ in range(2):
        assert len((await door.send(ask(server))).body) == 65_536
    assert server.written[0] < 20_000_000


def test_decompression_never_gives_more_than_was_asked_for() -> None:
    packed = gzip.compress(bytes(10_000_000))
    assert len(Inflater("gzip").feed(packed, 1000)) == 1000


async def test_an_answer_just_within_the_cap_is_whole(door: Door, server: ScriptedServer) -> None:
    data = bytes(1_000_000)
    server.script(behaviours.body(data), behaviours.zipped(data), behaviours.zipped(b""), path="/x")
    assert (await door.send(ask(server))).body == data
    assert (await door.send(ask(server))).body == data
    assert await door.send(ask(server)) == Reply(200, *_rest(b""))


def _rest(body: bytes) -> tuple[Any, bytes, None, Any]:
    class Anything:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    return Anything(), body, None, Anything()


async def test_silence_in_the_middle_of_an_answer_has_its_own_limit(server: ScriptedServer) -> None:
    server.script(behaviours.stall(), behaviours.hang(), path="/x")
    async with Door(reach=[server.place], limits=Limits(first_byte=0.3, between_chunks=0.2)) as door:
        assert "fell silent" in failure(await door.send(ask(server))).message
        assert failure(await door.send(ask(server))).code == ErrorCode.TIMEOUT


@pytest.mark.parametrize("backlog", ["closed port", "unknown name", "half-open"])
async def test_what_never_connects_is_known_not_to_have_been_sent(backlog: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if backlog == "half-open":  # TCP connects, TLS never answers: nothing of the request can have left
            silent.listen(1)
        port = silent.getsockname()[1]
        host = "no-such-name.invalid" if backlog == "unknown name" else "127.0.0.1"
        scheme = "https" if backlog == "half-open" else "http"
        async with Door(reach=[f"{host}:{port}"], limits=Limits(connect=0.3)) as door:
            reply = await door.send(Request("http", "t", "POST", f"{scheme}://{host}:{port}/", body="{}"))
    expected = ErrorCode.TIMEOUT if backlog == "half-open" else ErrorCode.UNAVAILABLE
    assert (failure(reply).code, failure(reply).sent) == (expected, False), reply


async def test_a_broken_pooled_connection_is_never_used_for_a_second_try(server: ScriptedServer) -> None:
    """A PUT that was lost on a connection used before arrives once. aiohttp by itself would send it again."""
    async with Door(reach=[server.place]) as door:
        server.script(behaviours.as_json({}), behaviours.reset(), path="/x")
        assert (await door.send(ask(server, method="PUT"))).status == 200
        lost = failure(await door.send(ask(server, method="PUT")))
    assert (lost.code, lost.sent, len(server.seen)) == (ErrorCode.UNAVAILABLE, True, 2)


async def test_an_expired_certificate_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    certificate, key = _expired(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    listener = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    place = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, Door(reach=[place], tls=trusting) as door:
        reply = await door.send(Request("http", "t", "POST", f"https://{place}/", body="{}"))
    assert (failure(reply).code, failure(reply).sent) == (ErrorCode.UNAVAILABLE, False)
    assert "certificate has expired" in failure(reply).message


def _expired(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    then = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(then).not_valid_after(then + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, private = folder / "certificate", folder / "key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    none = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none))
    return certificate, private


@pytest.mark.parametrize("garbage", [b"not http at all\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b""])
async def test_a_server_that_does_not_speak_http_is_unavailable(garbage: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(garbage)
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    place = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener, Door(reach=[place]) as door:
        reply = await door.send(Request("http", "t", "POST", f"http://{place}/", body="{}"))
    assert (failure(reply).code, failure(reply).sent) == (ErrorCode.UNAVAILABLE, True)


# Redirects


async def test_a_get_is_redirected_three_times_and_no_more(door: Door, server: ScriptedServer) -> None:
    for count in (1, 2, 3):
        server.script(behaviours.redirect(f"/hop{count}"), path=f"/hop{count - 1}")
    server.default(behaviours.as_json({"here": True}), path="/hop3")
    assert (await door.send(ask(server, "/hop0", "GET", None))).status == 200
    server.script(*[behaviours.redirect("/again", code) for code in (301, 302, 303, 307)], path="/again")
    assert failure(await door.send(ask(server, "/again", "GET", None))).code == ErrorCode.REFUSED


async def test_keys_do_not_travel_to_another_origin(server: ScriptedServer) -> None:
    with ScriptedServer() as other:
        server.script(behaviours.redirect(f"{other.url}/there"), behaviours.redirect("/near"), path="/go")
        headers = (("Authorization", "Bearer ${secrets.desk}"), ("X-Odd-Key", "${secrets.desk}"), ("Accept", "application/json"))
        async with Door(reach=[server.place, other.place]) as door:
            for _ in range(2):
                await door.send(ask(server, "/go", "GET", None, headers=headers), {"desk": CANARY})
        assert CANARY not in repr(other.seen)
        assert other.seen[0].headers["accept"] == "application/json"
        assert server.seen_at("/near")[0].headers["x-odd-key"] == CANARY


# Secrets


async def test_secrets_are_filled_in_for_the_place_where_they_stand(door: Door, server: ScriptedServer) -> None:
    request = ask(
        server,
        "/x/${secrets.desk}?k=${secrets.desk}",
        headers=(("Authorization", "Bearer ${secrets.desk}"), ("Content-Type", "application/json")),
        body='{"key":"${secrets.desk}","other":"$${secrets.} ${secrets.9}"}',
    )
    assert placeholders.names(request) == {"desk"}
    await door.send(request, {"desk": CANARY, "unused": "x"})
    (seen,) = server.seen
    assert seen.path == f"/x/{CANARY}"
    assert seen.query == f"k={quote(CANARY, safe='')}"
    assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert json.loads(seen.body) == {"key": CANARY, "other": "$${secrets.} ${secrets.9}"}


async def test_a_missing_secret_is_named_and_nothing_is_sent(door: Door, server: ScriptedServer) -> None:
    reply = await door.send(ask(server, headers=(("X", "${secrets.lost}"),)), {"desk": CANARY})
    assert (failure(reply).code, failure(reply).sent) == (ErrorCode.AUTH, False)
    assert "lost" in failure(reply).message
    assert not server.seen


async def test_a_secret_cannot_smuggle_in_a_header(door: Door, server: ScriptedServer) -> None:
    reply = await door.send(ask(server, headers=(("X", "${secrets.desk}"),)), {"desk": "a\r\nX-Evil: secret-value"})
    assert (failure(reply).code, failure(reply).sent) == (ErrorCode.REFUSED, False)
    assert "secret-value" not in failure(reply).message
    assert not server.seen


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä"])
async def test_a_header_has_a_proper_name(name: str, door: Door, server: ScriptedServer) -> None:
    reply = await door.send(ask(server, headers=((name, "x"),)))
    assert (failure(reply).code, failure(reply).sent) == (ErrorCode.REFUSED, False)
    assert not server.seen


@pytest.mark.parametrize("spelled", ["raw", "url", "json", "base64-0", "base64-1", "base64-2", "url-base64"])
async def test_an_echo_of_a_secret_does_not_come_in(spelled: str, door: Door, server: ScriptedServer) -> None:
    spellings = {
        "raw": CANARY,
        "url": quote(CANARY, safe=""),
        "json": json.dumps(CANARY)[1:-1],
        **{f"base64-{n}": base64.b64encode(f"{'u' * n}{CANARY}:tail".encode()).decode() for n in range(3)},
        "url-base64": base64.urlsafe_b64encode(f"x{CANARY}".encode()).decode(),
    }
    server.script(behaviours.body(f"you said {spellings[spelled]} to me", x_echo=spellings[spelled]), path="/x")
    reply = await door.send(ask(server, headers=(("X", "${secrets.desk}"),)), {"desk": CANARY})
    kept = reply.body.decode() + repr(reply.headers)
    assert "${secrets.desk}" in kept
    assert spellings[spelled] not in kept
    assert CANARY[:12] not in kept


@given(st.recursive(st.text() | st.just("x${secrets.desk}\\"), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@settings(max_examples=100)
def test_text_that_only_looks_like_a_placeholder_is_never_filled_in(value: Any) -> None:
    text = placeholders.json_text(value)
    assert json.loads(text) == value
    assert placeholders.fill(text, {"desk": "SECRET"}) == text


# Scale


async def test_a_thousand_calls_at_once_need_no_thread_each_and_share_connections(server: ScriptedServer) -> None:
    everyone = asyncio.Event()
    loop = asyncio.get_running_loop()
    arrived = 0

    def here() -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 1000:
            everyone.set()

    async def answer(request: Any) -> Any:
        loop.call_soon_threadsafe(here)
        return await (behaviours.hang() if not server.release.is_set() else behaviours.as_json({}))(request)

    server.release = threading.Event()  # type: ignore[attr-defined]
    server.default(answer, path="/x")
    async with Door(reach=[server.place], limits=Limits(connect=30)) as door:
        threads = threading.active_count()
        calls = [asyncio.ensure_future(door.send(ask(server, timeout=60))) for _ in range(1000)]
        await asyncio.wait_for(everyone.wait(), 60)
        assert threading.active_count() - threads <= 8
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        server.release.set()  # type: ignore[attr-defined]
        assert (await door.send(ask(server))).status == 200


def test_the_door_opens_on_any_loop(server: ScriptedServer) -> None:
    async def once() -> int | None:
        async with Door(reach=[server.place]) as door:
            return (await door.send(ask(server))).status

    found: list[int | None] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(once())))
    thread.start()
    thread.join()
    assert found == [404]


async def test_proxies_of_the_environment_are_ignored(
    door: Door, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await door.send(ask(server))).status == 404


async def test_a_cancelled_call_is_cancelled(door: Door, server: ScriptedServer) -> None:
    server.script(behaviours.hang(), path="/x")
    call = asyncio.ensure_future(door.send(ask(server)))
    while not server.seen:
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
