"""A reverse proxy that ends TLS, as nginx or Caddy stand before a deployment: it says who asked and how, and carries sockets."""

import asyncio
import contextlib
import datetime
import ssl
import threading
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from multidict import CIMultiDict

HOPS = {"connection", "keep-alive", "upgrade", "transfer-encoding", "content-length"}
"""Headers that are about one connection."""


class Proxy:
    """Before one server on 127.0.0.1, which may come and go: while it is gone the answer is 502."""

    def __init__(self, port: int, folder: Path) -> None:
        self._to = f"http://127.0.0.1:{port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._certificate = _certificate(folder)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._client = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._carry)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.url = f"https://localhost:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()  # else TLS waits for the other side to say goodbye
        await self._runner.cleanup()
        await self._client.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    async def _carry(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOPS}
        headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-For": request.remote or ""}
        address = f"{self._to}{request.raw_path}"
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, address, headers)
            body = await request.read()
            async with self._client.request(request.method, address, headers=headers, data=body, allow_redirects=False) as answer:
                kept = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in HOPS)
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
        except aiohttp.ClientError:
            return web.Response(status=502, text="Bad Gateway")

    async def _socket(self, request: web.Request, address: str, headers: dict[str, str]) -> web.StreamResponse:
        kept = {name: value for name, value in headers.items() if not name.lower().startswith("sec-websocket")}
        async with self._client.ws_connect(address, headers=kept) as inner:
            outer = web.WebSocketResponse()
            await outer.prepare(request)
            ways = [asyncio.create_task(_pass(inner, outer)), asyncio.create_task(_pass(outer, inner))]
            _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in pending:
                way.cancel()
            await outer.close(code=inner.close_code or 1001)
            return outer


async def _pass(
    come: aiohttp.ClientWebSocketResponse | web.WebSocketResponse, go: aiohttp.ClientWebSocketResponse | web.WebSocketResponse
) -> None:
    async for message in come:
        if message.type == WSMsgType.TEXT:
            await go.send_str(message.data)


def _certificate(folder: Path) -> Path:
    """One that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    words = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(words + made.public_bytes(serialization.Encoding.PEM))
    return path
