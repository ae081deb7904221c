"""Bad input to the REST interface: one clear answer that says where and what to do, and nothing is lost or stored."""

from typing import Any

import pytest

from orchestration.acts import workflows
from orchestration.core import source
from orchestration.models import Run, Workflow
from tests import factories
from tests.api import Api

pytestmark = pytest.mark.django_db


BAD = [
    ("a: &x 1\nb: *x", "application/yaml", 422, "anchor"),
    ("id: a\nid: b", "application/yaml", 422, "duplicate_key"),
    ("[" * 100_000, "application/yaml", 422, "too_deep"),
    ("{" * 100_000, "application/json", 422, "too_deep"),
    ('{"id": "a", "id": "b"}', "application/json", 422, "duplicate_key"),
    ('{"id": "a", "title": "\\u0000"}', "application/json", 422, "bad_character"),
    ('{"id": "a", "title": "\\ud800"}', "application/json", 422, "bad_character"),
    ("id: a\ntitle: \0", "application/yaml", 422, "bad_character"),
    ('{"id": "a", "max": NaN}', "application/json", 422, "not_a_number"),
    (b"id: \xff", "application/yaml", 422, "not_text"),
    (b"", "application/yaml", 422, "empty"),
    ("7", "application/json", 422, "wrong_type"),
    ("id: a\nnote: " + "x" * 2_100_000, "application/yaml", 413, "too_large"),
]


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"), BAD, ids=[f"{kind.split('/')[1]}-{code}" for _, kind, _, code in BAD]
)
@pytest.mark.parametrize("path", ["workflows", "workflows/check"])
def test_a_definition_that_can_not_be_read_is_one_problem(
    path: str, body: Any, kind: str, status: int, code: str, ada: Api
) -> None:
    got, told = ada.post(path, body, type=kind)
    assert (got, told["problems"][0]["code"]) == (status, code)
    assert told["detail"]
    assert not Workflow.objects.exists()


# Bodies


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        ("{", 422, "not_json", ""),
        ("[]", 422, "wrong_type", ""),
        ('{"input": {"text": "a"}, "input": 1}', 422, "duplicate_key", ""),
        ('{"input": {"text": 1e999}}', 422, "not_a_number", ""),
        ('{"input": ' + "[" * 5000 + "]" * 5000 + "}", 422, "too_deep", ""),
        ('{"input": {"text": "a"}, "inputs": 1}', 422, "unknown_key", "inputs"),
        ('{"input": {"text": "a"}, "version": "1"}', 404, None, None),
        ('{"input": {"text": "a"}, "version": "x"}', 422, "bad_value", "version"),
        ('{"input": {}}', 422, "missing", "input.text"),
        ('{"input": {"text": 7}}', 422, "wrong_type", "input.text"),
        ('{"input": 7}', 422, "wrong_type", "input"),
        ("", 422, "missing", "input.text"),
    ],
)
def test_a_wrong_body_says_where_and_what_to_do(body: str, status: int, code: str | None, path: str | None, otto: Api) -> None:
    workflows.push(text=source.write(factories.asking()), by="dora")
    if status != 404:
        workflows.publish(workflow="asking", by="dora")
    got, told = otto.post("workflows/asking/runs", body)
    assert got == status, told
    if code is not None:
        first = told["problems"][0]
        assert (first["code"], first["path"]) == (code, path)
        assert first["message"]
    assert not Run.objects.exists()


def test_fifty_megabytes_are_refused_before_they_are_read(otto: Api) -> None:
    got, told = otto.post("workflows/asking/runs", b"x" * 5_000_001)
    assert (got, told["title"]) == (
        413,
        "Content Too Large" if told["title"].startswith("Content") else "Request Entity Too Large",
    )
    assert "at most 5 MB" in told["detail"]


def test_bad_characters_in_an_input_are_replaced(otto: Api) -> None:
    factories.publish(factories.asking())
    got, told = otto.post("workflows/asking/runs", '{"input": {"text": "a\\u0000b\\ud800"}}')
    assert got == 202
    assert otto.get(f"runs/{told['id']}")[1]["input"] == {"text": "a\ufffdb\ufffd"}


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("runs?statsu=ready", "statsu"),
        ("runs?status=redy", "status"),
        ("runs?after=zzz", "after"),
        ("runs?after=~~", "after"),
        ("runs?after=99999999999999999999~x", "after"),
        ("runs?created_from=2026-01-01T00:00:00", "created_from"),
        ("runs?created_from=soon", "created_from"),
        ("runs?limit=many", "limit"),
        ("runs?version=many", "version"),
        ("escalations?status=done", "status"),
        ("escalations?after=1~2", "after"),
        ("escalations?after=x~2~3", "after"),
        ("workflows?page=2", "page"),
        ("providers?x=1", "x"),
    ],
)
def test_a_wrong_filter_is_refused_and_not_ignored(path: str, where: str, ada: Api) -> None:
    status, told = ada.get(path)
    assert (status, told["problems"][0]["path"]) == (422, where)


@pytest.mark.parametrize("path", ["runs?version=99999999999999999999", "runs?limit=99999999999999999999"])
def test_a_number_beyond_all_bounds_finds_nothing_and_breaks_nothing(path: str, ada: Api) -> None:
    assert ada.get(path)[0] in (200, 422)
