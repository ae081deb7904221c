"""A body of any shape at all, at each door of the REST interface: read, or refused in words; never an error of ours."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core.values import dump
from tests import factories
from tests.api import Api

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

WORDS = [
    "", "x", "note", "ask", "send", "drop", "asking", "http", "https://x.example/${input.id}", "${run.input.text}", "${", "2d",
    "object", "string", "openai", "rehearsal", "a\ufffdb", "../..", "1e400", "*", "${secrets.x}", "http://[", "idempotent",
    "{{ text }}", "2.5s",
]  # fmt: skip
KEYS = [
    "input", "text", "key", "labels", "version", "action", "values", "reply", "revision", "reason", "note", "take_over",
    "definition", "step", "steps", "mocks", "run", "output", "error", "answer", "code", "message", "protocol", "base_url",
    "secret", "prices", "*", "usd_per_mtok_in", "usd_per_mtok_out", "headers", "options", "cap", "default_model",
    "structured", "http", "method", "url", "body", "effect", "timeout", "reconcile", "type", "properties", "required",
    "title", "description", "value", "interlock", "id", "start", "outcomes", "on_failure", "models", "main", "provider",
    "carry", "stream", "$ref", "X-A",
]  # fmt: skip
LEAF = (
    st.none() | st.booleans() | st.sampled_from(WORDS) | st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5), max_leaves=12
)


def shapes(*keys: str, **fixed: Any) -> st.SearchStrategy[Any]:
    """Bodies with these keys, each with anything in it, or left out; or anything else."""
    body = st.fixed_dictionaries(
        {name: st.just(value) for name, value in fixed.items()}, optional={key: JSON for key in keys if key not in fixed}
    )
    return body | body | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4)


TRIED = {"definition": factories.asking(), "step": "note"}
PROVIDER = ("base_url", "secret", "default_model", "structured", "prices", "headers", "options", "cap")
TOOL = ("title", "description", "effect", "input", "output", "timeout", "reconcile")
DOORS: dict[str, tuple[str, str, st.SearchStrategy[Any]]] = {
    "start": ("POST", "workflows/asking/runs", shapes("input", "key", "labels", "version")),
    "preview": ("POST", "escalations/{escalation}/preview", shapes("values", "revision", action="send")),
    "resolve": ("POST", "escalations/{escalation}/resolve", shapes("action", "values", "revision")),
    "draft": ("PUT", "escalations/{escalation}/draft", shapes("values")),
    "claim": ("POST", "escalations/{escalation}/claim", shapes("take_over", "note")),
    "cancel": ("POST", "runs/{run}/cancel", shapes("reason")),
    "publish": ("POST", "workflows/asking/publish", shapes("revision", "note")),
    "input to try": ("POST", "steps/try", shapes("input", "mocks", **TRIED)),
    "definition to try": ("POST", "steps/try", shapes("definition", "input", "mocks", step="note")),
    "provider": ("PUT", "providers/main", shapes(*PROVIDER, protocol="openai")),
    "tool": ("PUT", "tools/crm.get", shapes(*TOOL, http={"url": "https://x.example/${input.id}"})),
    "tool's request": ("PUT", "tools/crm.get", shapes("http", effect="none", input=factories.ID)),
    "secret": ("PUT", "secrets/llm", shapes("value")),
    "definition": ("POST", "workflows", shapes(*factories.asking(), id="other")),
    "steps": ("POST", "workflows/check", shapes("steps", **{k: v for k, v in factories.asking().items() if k != "steps"})),
}  # fmt: skip


@pytest.mark.parametrize("name", DOORS)
def test_no_body_is_an_error_of_ours(name: str, ada: Api) -> None:
    method, path, bodies = DOORS[name]
    asked = factories.asked()

    @given(bodies)
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    def knock(body: Any) -> None:
        answer = ada.ask(method, path.format(escalation=asked.id, run=asked.run_id), dump(body))
        assert answer.status_code in (200, 201, 202, 404, 409, 413, 422)

    knock()
