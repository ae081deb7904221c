"""The sample service over real HTTP: what it knows, what it does once, and how it misbehaves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestration.samples.service import PREFIX, SampleService, token
from tests.servers.asgi import nothing, serve

INVOICE = {
    "supplier": "Halden Papier GmbH",
    "number": "HP-1",
    "order": "PO-7731",
    "date": "2026-04-14",
    "currency": "EUR",
    "net": 1000.0,
    "tax": 190.0,
    "total": 1190.0,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(SampleService(nothing, "s" * 40, tmp_path_factory.mktemp("service"))) as address:
        yield f"{address}{PREFIX}"


@pytest.fixture(scope="module")
def client(service: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service, headers={"Authorization": f"Bearer {token('s' * 40)}"}) as client:
        yield client


def post(client: httpx.Client, path: str, body: Any, key: str = "") -> httpx.Response:
    return client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", f"Basic {token('s' * 40)}", f"Bearer {token('t' * 40)}", "Bearer ü"]
)
@pytest.mark.parametrize("path", ["desk/customers/C-1042", "desk/replies", "nothing"])
def test_who_has_not_the_token_learns_nothing(service: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    for method in ("GET", "POST", "OPTIONS"):
        assert httpx.request(method, service + path, headers=headers, content=b"{}").status_code == 401


def test_what_is_not_its_own_is_handed_on(service: str) -> None:
    assert httpx.get(service.removesuffix("samples/") + "healthz").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "desk/customers/C-1042", None, 200),
        ("GET", "desk/customers/C-404", None, 404),
        ("GET", "desk/customers/..%2fx", None, 404),
        ("POST", "desk/customers/C-1042", {}, 404),
        ("GET", "nothing", None, 404),
        ("POST", "desk/replies", {"ticket": "T-1"}, 422),
        ("POST", "desk/replies", [], 422),
        ("POST", "desk/replies", {"ticket": ["T"], "text": "x"}, 422),
        ("POST", "ledger/entries", {"invoice": 1}, 422),
        ("POST", "ledger/entries", {"invoice": {**INVOICE, "number": ""}}, 422),
        ("POST", "ledger/entries", {"invoice": {**INVOICE, "number": "HP-2025-0388"}}, 409),
        ("POST", "ledger/entries", {"invoice": INVOICE}, 201),
        ("GET", "library/documents/D-12", None, 200),
        ("GET", "library/documents/D-1", None, 404),
    ],
)
def test_each_request_is_answered_as_json(client: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    reply = client.request(method, path, json=body)
    assert reply.status_code == status
    assert ("error" in reply.json()) == (status >= 400)


@pytest.mark.parametrize("body", [b"{", b"\xff", b'"' + b"x" * 200_000 + b'"', b"[" * 90_000])
def test_a_body_that_cannot_be_read_is_refused(client: httpx.Client, body: bytes) -> None:
    assert client.post("desk/replies", content=body).status_code == 422


def test_a_reply_is_sent_each_time_and_an_assignment_once_for_each_key(client: httpx.Client) -> None:
    reply, given = {"ticket": "T-1", "text": "Hello"}, {"ticket": "T-1", "queue": "accounts"}
    assert len({post(client, "desk/replies", reply, "same").json()["message_id"] for _ in range(3)}) == 3
    assert len({post(client, "desk/assignments", given, "same").json()["assignment"] for _ in range(3)}) == 1
    assert post(client, "desk/assignments", {**given, "queue": "other"}, "same").json()["queue"] == "accounts"
    assert post(client, "desk/assignments", given, "other").json() != post(client, "desk/assignments", given, "same").json()


def test_what_was_posted_is_known_to_the_next_process(tmp_path: Path) -> None:
    entries = set()
    for _ in range(2):
        with serve(SampleService(nothing, "s" * 40, tmp_path)) as address:
            headers = {"Authorization": f"Bearer {token('s' * 40)}", "Idempotency-Key": "k"}
            entries.add(httpx.post(f"{address}{PREFIX}ledger/entries", json={"invoice": INVOICE}, headers=headers).text)
    assert len(entries) == 1


def test_it_is_away_twice_and_then_there(client: httpx.Client) -> None:
    slow = {"invoice": {**INVOICE, "supplier": "Brisk Couriers Ltd"}}
    assert [client.get("desk/customers/C-503").status_code for _ in range(6)] == [503, 503, 200] * 2
    assert [post(client, "ledger/entries", slow, "a").status_code for _ in range(3)] == [503, 503, 201]


def test_one_reply_is_sent_and_then_breaks_down(client: httpx.Client) -> None:
    before, after = {"ticket": "T-1", "text": "x"}, {"ticket": "T-5000", "text": "x"}
    first = post(client, "desk/replies", before).json()["message_id"]
    assert post(client, "desk/replies", after).status_code == 500
    assert int(post(client, "desk/replies", before).json()["message_id"][2:]) == int(first[2:]) + 2


@pytest.mark.parametrize(
    ("changes", "confirmed", "says"),
    [
        ({}, 4, ""),
        ({"total": 1190.004}, 4, ""),
        ({"total": 1189.0}, 3, "open with 1190.00 EUR, not 1189.00 EUR"),
        ({"currency": "USD"}, 3, "not 1190.00 USD"),
        ({"supplier": "Kontor Nord AS"}, 3, "is with Halden Papier GmbH"),
        ({"supplier": "Nobody"}, 2, "no supplier Nobody"),
        ({"order": ""}, 2, "no open order (none was read)"),
        ({"order": "PO-1", "supplier": "Nobody"}, 1, "no open order PO-1"),
    ],
)
def test_the_books_say_what_they_object_to(client: httpx.Client, changes: dict[str, Any], confirmed: int, says: str) -> None:
    found = post(client, "ledger/checks", {"invoice": {**INVOICE, **changes}}).json()
    assert (found["ok"], found["confirmed"]) == (confirmed == 4, confirmed)
    assert says in found["hint"]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("How many days of paid leave do I have?", "D-14"),
        ("work from another country of the European Union", "D-12"),
        ("meal for guests", "D-18"),
        ("zzz the of", None),
    ],
)
def test_the_library_finds_the_page_that_says_most(client: httpx.Client, query: str, first: str | None) -> None:
    found = client.get("library/documents", params={"q": query}).json()["documents"]
    assert (found[0]["id"] if found else None) == first
    rest = client.get("library/documents", params={"q": query, "skip": [one["id"] for one in found]}).json()["documents"]
    assert not {one["id"] for one in found} & {one["id"] for one in rest}
