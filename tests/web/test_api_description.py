"""The description at openapi.json is enough to make a client from. That answers are as described is checked with every answer
that any test gets over the interface (`tests/described.py`)."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.http import JsonResponse

from tests import described
from tests.api import Api

Json = dict[str, Any]
METHODS = {"get", "put", "post", "delete"}
REPEATABLE = {"start_run", "resolve_escalation", "cancel_run", "make_schedule", "send_event"}


def operations() -> Iterator[Json]:
    for path, methods in described.document()["paths"].items():
        assert set(methods) <= METHODS
        for method, operation in methods.items():
            yield {**operation, "path": path, "method": method}


EACH = pytest.mark.parametrize("operation", list(operations()), ids=lambda one: one["operationId"])


def refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        for each in part.values():
            yield from refs(each)
    elif isinstance(part, list):
        for each in part:
            yield from refs(each)


@pytest.mark.django_db
def test_what_is_sent_is_what_is_checked(ada: Api) -> None:
    assert ada.get("openapi.json") == (200, described.document())


def test_the_whole_holds_together() -> None:
    document = described.document()
    assert document["openapi"].startswith("3.1")
    assert [server["url"] for server in document["servers"]] == ["/"], "the paths are whole"
    parameters = document["paths"]["/api/v1/workflows/{workflow}/runs"]["post"]["parameters"]
    [wait] = [parameter for parameter in parameters if parameter["name"] == "wait"]
    assert wait["schema"]["anyOf"][0]["maximum"] == 60, wait
    assert "60 at most" in wait["description"]
    names = {ref.removeprefix("#/components/schemas/") for ref in refs(document)}
    assert names == set(document["components"]["schemas"]), "each schema is used, and none is missing"
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    ids = [operation["operationId"] for operation in operations()]
    assert len(set(ids)) == len(ids)
    assert document["components"]["securitySchemes"]["BearerToken"]["scheme"] == "bearer"


@EACH
def test_an_operation_says_what_it_does_for_whom_and_what_comes_back(operation: Json) -> None:
    assert operation["summary"]
    assert operation["tags"]
    assert "For the role " in operation["description"]
    assert operation["security"] == [{"BearerToken": []}]
    good = {status: said for status, said in operation["responses"].items() if status < "300"}
    assert good
    for status, said in good.items():
        content = said.get("content", {})
        assert set(content) == ({"application/json"} if status != "204" else set())
        assert all("$ref" in kind["schema"] for kind in content.values()), "a client has a name for it"


@EACH
def test_an_operation_says_what_it_refuses_with(operation: Json) -> None:
    refused = {status: said for status, said in operation["responses"].items() if status >= "400"}
    assert set(refused) >= {"401", "403", "503"}
    for said in refused.values():
        assert said["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    assert "WWW-Authenticate" in refused["401"]["headers"]
    assert "Retry-After" in refused["503"]["headers"]
    if "{" in operation["path"]:
        assert "404" in refused
    if "requestBody" in operation:
        assert set(refused) >= {"413", "422"}


@EACH
def test_an_operation_says_what_it_takes(operation: Json) -> None:
    for parameter in operation["parameters"]:
        assert parameter["description"], parameter["name"]
        assert parameter["schema"].keys() & {"type", "anyOf"}
    in_path = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
    assert in_path == {part[1:-1] for part in operation["path"].split("/") if part.startswith("{")}
    keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation["parameters"])
    assert keyed == (operation["operationId"] in REPEATABLE)
    if operation["method"] == "put":
        assert operation["requestBody"]["required"]
    for content in operation.get("requestBody", {"content": {}})["content"].values():
        assert content["schema"].keys() & {"$ref", "allOf", "anyOf", "type"}


@pytest.mark.parametrize(
    ("status", "told", "content_type"),
    [
        (200, {"items": [{"id": "asking"}], "next": None}, "application/json"),
        (200, {"items": [], "next": None, "more": 1}, "application/json"),
        (200, {"items": [], "next": None}, "text/plain"),
        (402, {"items": [], "next": None}, "application/json"),
        (401, {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "No token."}, "application/problem+json"),
    ],
    ids=["a key is missing", "one too many", "another type", "another status", "a problem document without a code"],
)
def test_an_answer_that_is_not_as_described_is_noticed(status: int, told: Json, content_type: str) -> None:
    described.check("GET", "/api/v1/workflows", JsonResponse({"items": [], "next": None}))
    with pytest.raises(AssertionError):
        described.check("GET", "/api/v1/workflows", JsonResponse(told, status=status, content_type=content_type))
