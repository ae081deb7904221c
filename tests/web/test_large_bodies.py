"""Bodies that are larger than anything here needs, over real HTTP: refused before they are read, whoever sends them."""

import http.client
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User

from config.bodies import Bodies
from orchestration.acts import tokens
from tests import factories

BLOCK = b"x" * 100_000
FIFTY_MB = 500


def answered(site: str, path: str, announced: bool, **headers: str) -> bytes:
    """Status and body of the answer to fifty megabytes, which are sent as long as somebody takes them; "" where the line was cut
    before it could be read."""
    line = http.client.HTTPConnection(urlsplit(site).netloc, timeout=60)
    line.putrequest("POST", path)
    length = {"Content-Length": str(FIFTY_MB * len(BLOCK))} if announced else {"Transfer-Encoding": "chunked"}
    for name, value in {**length, **headers}.items():
        line.putheader(name, value)
    line.endheaders()
    with suppress(OSError):  # nobody listens any more; what was answered is there to be read
        for _ in range(FIFTY_MB):
            line.send(BLOCK if announced else b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))
        line.send(b"" if announced else b"0\r\n\r\n")
    try:
        response = line.getresponse()
        return b"%d " % response.status + response.read()
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        line.close()


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
def test_fifty_megabytes_are_refused_by_pages_and_the_api_alike(site: str, admin: User, announced: bool) -> None:
    factories.publish(factories.asking())
    token = {"Authorization": f"Bearer {tokens.create(user=admin, by='ada')}", "Content-Type": "application/json"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for path, headers, status in (
        ("/api/v1/workflows/asking/runs", token, b"413"), ("/api/v1/runs", form, b"401"), ("/account/login/", form, b"403"),
    ):  # fmt: skip
        answer = answered(site, path, announced, **headers)
        assert answer[:3] in (status, b""), answer[:400]
        assert b"at most 5 MB" in answer or "api" not in path or status != b"413" or not answer


@pytest.mark.parametrize("announced", [b"7", b"6000000", None])
async def test_a_body_ends_where_it_is_too_large_and_its_length_is_told(announced: bytes | None) -> None:
    """The application gets no more of it than that, then its end, and then nothing until the other side is gone."""
    chunks: list[Any] = [{"type": "http.request", "body": BLOCK, "more_body": True} for _ in range(60)]
    chunks.append({"type": "http.disconnect"})
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["more_body"]:
            got.append(message["body"])
        got.append(dict(scope["headers"])[b"content-length"])
        got.append((await receive())["type"])

    async def receive() -> Any:
        return chunks.pop(0)

    headers = [(b"content-length", announced)] if announced else []
    await Bodies(app, 5_000_000)({"headers": headers}, receive, receive)
    blocks = [] if announced == b"6000000" else [BLOCK] * 50
    assert got == [*blocks, b"999999999999", "http.disconnect"]
    assert chunks == []
