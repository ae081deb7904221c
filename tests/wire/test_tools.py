"""HTTP tools: requests from templates that data can't bend, answers by status, effects by call key."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from orchestration.core.catalog import HttpTemplate, Tool
from orchestration.core.errors import ErrorCode, EvaluationError
from orchestration.core.result import Answer, Request
from orchestration.door import Door, Limits
from orchestration.tools import http
from tests.servers import ScriptedServer, behaviours
from tests.servers.behaviours import Behaviour

TEXT = {"type": "string"}
INPUT = {"type": "object", "required": ["ticket"], "properties": {"ticket": TEXT, "text": TEXT, "n": {"type": "integer"}}}
SECRETS = {"desk": "desk-secret-0123456789"}
BEARER = (("Authorization", "Bearer ${secrets.desk}"),)


@pytest_asyncio.fixture
async def door(server: ScriptedServer) -> AsyncIterator[Door]:
    async with Door(reach=[server.place], limits=Limits(connect=1)) as opened:
        yield opened


def tool(method: str = "POST", url: str = "https://desk.example/tickets/${input.ticket}", **more: Any) -> Tool:
    template = HttpTemplate(method, url, more.pop("headers", ()), more.pop("body", None))
    return Tool(**{"name": "desk.reply", "kind": "http", "input": INPUT, "http": template, **more})


def build(made: Tool, given: dict[str, Any]) -> Request:
    return http.build(made, given, "k1", 0.5)


# Requests


def test_the_input_goes_out_as_the_body_with_the_key_beside_it() -> None:
    given = {"ticket": "T-1", "text": "Hi ${secrets.desk}"}
    assert build(tool(headers=BEARER), given) == Request(
        protocol="http",
        target="desk.reply",
        method="POST",
        url="https://desk.example/tickets/T-1",
        headers=(
            ("Accept", "application/json"),
            ("User-Agent", "Interlock"),
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "k1"),
            ("Authorization", "Bearer ${secrets.desk}"),
        ),
        body='{"ticket":"T-1","text":"Hi \\u0024{secrets.desk}"}',
        timeout=0.5,
        key="k1",
    )


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_method_without_a_body_has_the_rest_of_its_input_as_the_query(method: str) -> None:
    request = build(tool(method), {"ticket": "T-1", "text": "a&b=c ü", "n": 3, "tags": ["x", True], "none": None, "at": {"k": 1}})
    assert request.body is None
    assert request.url.startswith("https://desk.example/tickets/T-1?")
    query = URL(request.url).query
    assert [*query.items()] == [("text", "a&b=c ü"), ("n", "3"), ("tags", "x"), ("tags", "true"), ("at", '{"k":1}')]


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        (
            {"note": "For ${input.ticket}", "n": "${input.n}", "key": "${secrets.desk}"},
            {"note": "For T-1", "n": 3, "key": "!"},
            "json",
        ),
        ("${input}", {"ticket": "T-1", "n": 3}, "json"),
        ({"a": [1, "x"], "b": "$${literal} of ${input.ticket}"}, {"a": [1, "x"], "b": "${literal} of T-1"}, "json"),
        ("Ticket ${input.ticket} of ${secrets.desk}", "Ticket T-1 of !", "plain"),
    ],
)
async def test_a_body_is_made_from_its_template(body: Any, sent: Any, kind: str, server: ScriptedServer, door: Door) -> None:
    made = tool(url=server.url + "/tools/reply", body=body, input={**INPUT, "required": ["ticket", "n"]})
    request = build(made, {"ticket": "T-1", "n": 3})
    assert SECRETS["desk"] not in repr(request)
    await http.perform(request, SECRETS, door)
    (seen,) = server.seen
    assert kind in seen.headers["content-type"]
    text = seen.body.replace(SECRETS["desk"], "!")
    assert (text if kind == "plain" else json.loads(text)) == sent


LEADING = "https://desk.example/tickets/${input.ticket}/reply?by=${input.ticket}"


@pytest.mark.parametrize("ticket", ["%2e%2e", "../../admin", "a/b?x=1#y", "@evil.example", "//evil.example/", "\r\nX: 1", "ü"])
def test_data_cannot_change_where_a_url_leads(ticket: str) -> None:
    url = URL(build(tool(url=LEADING), {"ticket": ticket}).url)
    assert (url.host, url.raw_path.count("/"), url.query["by"], url.fragment) == ("desk.example", 3, ticket, "")
    assert url.parts[2] == ticket


@pytest.mark.parametrize("ticket", [".", ".."])
def test_data_that_would_climb_is_refused(ticket: str) -> None:
    with pytest.raises(EvaluationError, match="path"):
        build(tool(url=LEADING), {"ticket": ticket})


@given(st.text(min_size=1, max_size=20))
@settings(max_examples=60)
def test_no_text_changes_where_a_url_leads_or_reads_as_a_secret(text: str) -> None:
    given = {"ticket": text.encode("utf-8", "replace").decode().replace("\x00", "")}
    made = tool(url="https://desk.example/t/${input.ticket}/r", body={"a": "${input.ticket}x${secrets.desk}"})
    try:
        request = build(made, given)
    except EvaluationError:
        return
    assert URL(request.url).host == "desk.example"
    assert request.url.startswith("https://desk.example/t/")
    assert request.url.endswith("/r")
    assert json.loads(request.body or "") == {"a": given["ticket"] + "x${secrets.desk}"}


def test_data_that_reads_as_a_placeholder_is_refused_where_it_can_not_be_spelled_otherwise() -> None:
    evil = {"ticket": "${secrets.desk}"}
    for made in (tool(headers=(("X-Ticket", "${input.ticket}"),)), tool(body="Ticket ${input.ticket}")):
        with pytest.raises(EvaluationError, match="secrets"):
            build(made, evil)
    assert "secrets.desk" not in build(tool(), evil).url.replace("%24%7Bsecrets.desk%7D", "")


def test_a_templates_own_header_wins() -> None:
    request = build(tool(headers=(("accept", "text/csv"), ("idempotency-key", "mine"))), {"ticket": "1"})
    assert [value for name, value in request.headers if name.lower() in ("accept", "idempotency-key")] == ["text/csv", "mine"]


def test_a_wrong_template_is_found_before_it_is_used() -> None:
    assert http.check(tool(headers=BEARER, reconcile=HttpTemplate("GET", "https://d/${key}"))) == ()
    wrong = tool(
        url="${input.ticket}/x",
        headers=(("X", "${input.tickte}"),),
        body={"a": ["${input.text}"]},
        reconcile=HttpTemplate("GET", "https://d/${"),
    )
    places = ["http.url", "http.headers.X", "http.body.a[0]", "reconcile.url"]
    assert [problem.path for problem in http.check(wrong)] == places
    with pytest.raises(EvaluationError, match=r"input\.text"):
        build(wrong, {"ticket": "1"})


# Answers

ROWS: dict[str, tuple[Behaviour, str | None, Any, str]] = {
    "good": (behaviours.as_json({"id": 1}), None, {"id": 1}, ""),
    "201": (behaviours.as_json([1], 201), None, [1], ""),
    "204": (behaviours.body(b"", 204), None, {}, ""),
    "empty": (behaviours.empty(), None, {}, ""),
    "NUL and a lone surrogate": (behaviours.body(r'{"a":"x\u0000\ud800"}'), None, {"a": "x\ufffd\ufffd"}, ""),
    "401": (behaviours.as_json({}, 401), "auth", None, "401"),
    "403": (behaviours.as_json({"detail": "not you"}, 403), "auth", None, "not you"),
    "404": (behaviours.as_json({"error": {"message": "no such ticket"}}, 404), "not_found", None, "no such ticket"),
    "410": (behaviours.html(410), "not_found", None, "410"),
    "408": (behaviours.html(408), "timeout", None, "408"),
    "409": (behaviours.as_json({"message": "taken"}, 409), "refused", None, "taken"),
    "422 of a list": (behaviours.as_json({"detail": [{"msg": "too long"}]}, 422), "refused", None, "too long"),
    "429": (behaviours.as_json({}, 429, retry_after="2"), "rate_limited", None, "429"),
    "429, a spent quota": (behaviours.quota_spent(), "refused", None, "429"),
    "429, a plan's limit": (behaviours.as_json({"type": "usage_limit_reached"}, 429, retry_after="9"), "refused", None, "429"),
    "500": (behaviours.as_json({"title": "x" * 9999}, 500), "unavailable", None, "xxx"),
    "503 html": (behaviours.html(503), "unavailable", None, "503"),
    "304": (behaviours.body(b"", 304), "refused", None, "304"),
    "307": (behaviours.redirect("/elsewhere", 307), "refused", None, "redirects"),
    "html": (behaviours.html(), "invalid_output", None, "HTML"),
    "prose": (behaviours.body("done!"), "invalid_output", None, "not JSON"),
    "truncated": (behaviours.body('{"a": [1, 2'), "invalid_output", None, "not JSON"),
    "duplicate keys": (behaviours.body('{"a":1,"a":2}'), "invalid_output", None, "twice"),
    "1e400": (behaviours.body("1e400"), "invalid_output", None, "1e400"),
    "100,000 deep": (behaviours.body("[" * 100_000), "invalid_output", None, "deep"),
    "50 MB": (behaviours.large(), "too_large", None, "larger"),
    "hang": (behaviours.hang(), "timeout", None, "too long"),
    "reset": (behaviours.reset(), "unavailable", None, "broke"),
}


@pytest.mark.parametrize("case", ROWS)
async def test_what_a_tool_answers_is_read_the_one_way(case: str, server: ScriptedServer, door: Door) -> None:
    behaviour, error, output, said = ROWS[case]
    server.script(behaviour, path="/tools/reply")
    found = await http.perform(build(tool(url=server.url + "/tools/reply"), {"ticket": "1"}), SECRETS, door)
    assert (found.failure and found.failure.code.value, found.output) == (error, output), found
    if found.failure is not None:
        assert said in found.failure.message
        assert len(found.failure.message) < 500
        assert found.failure.sent
    assert len(server.ledger.effects) == 1


async def test_a_missing_secret_and_a_closed_door_leave_nothing_sent(server: ScriptedServer, door: Door) -> None:
    made = tool(url=server.url + "/tools/reply", headers=BEARER)
    for url, secrets, code in ((made, {}, ErrorCode.AUTH), (tool(url="http://10.0.0.1/"), SECRETS, ErrorCode.REFUSED)):
        found = await http.perform(build(url, {"ticket": "1"}), secrets, door)
        assert found.failure is not None
        assert (found.failure.code, found.failure.sent) == (code, False)
    assert not server.ledger.requests


# Effects


async def test_a_repeated_key_is_one_effect_and_can_be_asked_about(server: ScriptedServer, door: Door) -> None:
    question = HttpTemplate("GET", server.url + "/effects/${key}", BEARER)
    made = tool(url=server.url + "/tools/reply", effect="reconcilable", reconcile=question)

    async def ask(key: str) -> Answer:
        return await http.perform(http.build_reconcile(made, {"ticket": "1"}, key, 1), SECRETS, door)

    assert (await ask("k1")).failure.code == ErrorCode.NOT_FOUND  # type: ignore[union-attr]
    server.script(behaviours.reset(), path="/tools/reply")
    request = build(made, {"ticket": "1"})
    assert (await http.perform(request, SECRETS, door)).failure is not None
    again = await http.perform(request, SECRETS, door)
    assert (await ask("k1")).output == again.output
    assert (len(server.ledger.requests), len(server.ledger.effects)) == (2, 1)
    assert server.seen[0].headers["authorization"] == f"Bearer {SECRETS['desk']}"
    assert server.seen[0].query == ""
    assert "idempotency-key" not in server.seen[0].headers
