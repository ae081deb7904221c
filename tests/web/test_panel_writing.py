"""What the editor of texts is told: places and types as contracts have them, functions as the engine takes them, and no more."""

import html
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.built import is_built
from dashboard.panel.around import around
from dashboard.panel.prompting import prompting
from dashboard.panel.writing import MACROS, MACROS_OF_LISTS, functions, methods, seen, writing
from orchestration.acts import drafts
from orchestration.core.catalog import Catalog
from orchestration.core.cel_types import FUNCTIONS, METHODS, Signature
from orchestration.core.errors import Refused
from orchestration.core.expression import compile_expression
from orchestration.core.prompt_text import compile_prompt
from orchestration.models import Run
from orchestration.queries import runs as run_queries
from tests.engine.conftest import floor, server  # noqa: F401 - fixtures
from tests.engine.publishing import end, workflow
from tests.web.test_panel_form import TRIAGE
from tests.web.test_panel_recorded import SORT, run  # noqa: F401 - a fixture

SIGHT = {"place": {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}}
MOMENT = "timestamp('2026-11-30T00:00:00Z')"
VALUES = {
    "string": "place.x",
    "integer": "1",
    "number": "1.5",
    "array": "['a']",
    "object": "{'a': 1}",
    "any": MOMENT,
    "boolean": "true",
}


def taken(text: str) -> bool:
    try:
        compile_expression(f"{text} == {text}", SIGHT)  # since a moment alone is no JSON
    except Refused:
        return False
    return True


def call(name: str, takes: tuple[str, ...], is_method: bool) -> str:
    args = [VALUES[each.split()[0]] for each in takes]
    return f"{args[0]}.{name}({', '.join(args[1:])})" if is_method else f"{name}({', '.join(args)})"


@pytest.mark.parametrize(("table", "is_method"), [(FUNCTIONS, False), (METHODS, True)], ids=["functions", "methods"])
def test_each_function_is_taken_with_all_of_its_arguments_and_without_those_that_are_spare(
    table: dict[str, Signature], is_method: bool
) -> None:
    for name, signature in table.items():
        takes, least = signature.takes, len(signature.takes) - signature.spare
        for count in range(least, len(takes) + 1):
            assert taken(call(name, takes[:count], is_method)), (name, count)
        if least > int(is_method):
            assert not taken(call(name, takes[: least - 1], is_method)), name
        assert not taken(call(name, (*takes, "string"), is_method)), name
    told = {each["name"]: each for each in (methods() if is_method else functions())}
    assert set(told) == set(table) | set(MACROS_OF_LISTS if is_method else MACROS)


def test_what_has_no_signature_of_its_own_is_taken_as_its_words_say() -> None:
    for text in ("has(place.x)", "math.abs(-1)", "math.sign(1.5)", "math.greatest(1, 2, 3)", "math.least(1, 2)"):
        assert taken(text) and text.partition("(")[0] in MACROS
    for name in MACROS_OF_LISTS:
        assert taken(f"['a'].{name}(each, each == 'a')") and taken(f"{{'a': 1}}.{name}(each, each == 'a')"), name
    told = {each["name"]: each for each in methods()}
    assert told["indexOf"] == {"name": "indexOf", "of": ["text"], "signature": "(text, whole number?) → whole number"}
    assert told["size"]["of"] == ["text", "list", "object"] and told["exists"]["of"] == ["list", "object"]


def test_a_prompt_is_told_its_own_input_and_what_the_proof_would_say_of_other_names() -> None:
    step = TRIAGE.steps["draft"]
    told = writing(around(TRIAGE, "draft", Catalog()), step, prompting(TRIAGE, step, None))
    assert told["prompt"]["names"] == ["text", "name", "plan", "label"]
    words = {each["path"]: each["words"] for each in told["prompt"]["variables"]}
    assert words["label"] == "refund, bug, question or unclear" and words["text"] == "text, 1 to 8,000 characters"
    with pytest.raises(Refused) as refused:
        compile_prompt("{{ nobody }}", step.input.schema if step.input else None)
    said = told["prompt"]["lacks"].replace("{name}", "nobody").rstrip(".")
    assert refused.value.problems[0].message.lower().startswith(said.lower())
    offered = {place["path"]: place for place in told["places"]["places-own"]}
    assert offered["output.reply"]["type"] == "text" and offered["output.articles"]["type"] == "list of text"
    assert "prompt" not in writing(around(TRIAGE, "review", Catalog()), TRIAGE.steps["review"], None)


def told_on(page: str) -> dict[str, Any] | None:
    found = re.search(r'data-texts="([^"]*)"', page)
    return json.loads(html.unescape(found[1])) if found else None


def test_a_page_holds_it_where_a_text_could_be_written_and_lets_the_editor_have_its_style(client: Client, designer: User) -> None:
    client.force_login(designer)
    checked = {**SORT, "checks": [{"that": "size(output.label) > 3", "else": "Longer."}]}
    drafts.push(text=workflow(checked, end()), by="dora")
    answer = client.get("/workflows/sample/steps/sort/")
    page = answer.content.decode()
    told = told_on(page)
    assert told is not None and set(told["places"]) == {"places", "places-own"} and told["prompt"]["names"] == ["text"]
    fields = re.findall(r'<code-field language="(\w+)"(?: places="([\w-]+)")?><textarea id="([^"]+)"', page)
    written = [("prompt", "", "v/system"), ("prompt", "", "v/prompt"), ("cel", "places-own", "v/checks/0/that~text")]
    assert sorted(fields) == sorted(written)
    for plain in ("steps/done/", "settings/"):
        assert told_on(client.get(f"/workflows/sample/{plain}").content.decode()) is None, plain
    found = re.search(r'<script[^>]* data-code="[^"]*" nonce="([^"]+)"', page)
    assert (found is not None) == is_built("code")
    if found:
        assert f"style-src 'self' 'nonce-{found[1]}'" in answer.headers["Content-Security-Policy"]


def test_the_run_that_is_looked_at_tells_what_a_prompt_would_read_there(run: Run, as_designer: Client) -> None:  # noqa: F811
    page = as_designer.get("/workflows/sample/steps/sort/preview/").content.decode()
    found = re.search(r'data-values="([^"]*)"', page)
    assert found is not None
    assert json.loads(html.unescape(found[1])) == {"text": json.dumps(run_queries.run(run.id).input["text"])}
    given = {"a": {"b": {"c": {"d": {"e": 1}}}}, "text": "x" * 500, "many": list(range(500))}
    told = seen(given)
    assert set(told) == {"a", "a.b", "a.b.c", "a.b.c.d", "text", "many"} and told["many"] == "a list of 500"
    assert all(len(words) < 160 for words in told.values()) and len(seen({f"n{at}": at for at in range(500)})) == 80
    assert seen(None) == {}
