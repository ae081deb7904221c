"""The reference of the format: it is made from the models, so it can't be stale, and nothing in them goes without a sentence."""

import html
import re
from typing import get_args

import pytest
from django.test import Client

from dashboard import format_words as words
from dashboard.format_example import EXAMPLE
from dashboard.format_view import described, own, reference
from orchestration.core import definition, fields, source
from orchestration.core.catalog import Called, Catalog, ProviderFacts
from orchestration.core.definition import STEP_TYPES, parse
from orchestration.core.errors import ErrorCode
from orchestration.core.expression import compile_value
from orchestration.core.fields import RESERVED_IDS, Model
from orchestration.core.plan import compile_plan
from orchestration.core.proof import Bound, prove

pytestmark = pytest.mark.any_database


def models(of: type[Model] = Model) -> set[type[Model]]:
    """Every model of the format."""
    below = {model for model in of.__subclasses__() if model.__module__ == definition.__name__}
    return below.union(*map(models, below)) if below else below


def test_every_model_is_described_and_every_key_has_its_sentence_and_no_sentence_is_left_over() -> None:
    told = described()
    assert models() - {definition.ContainerStep} == set(told)
    for model, sentences in told.items():
        keys = set(own(model))
        assert keys - set(words.ANYWHERE) <= set(sentences) <= keys, model
    everything = {field.alias or name for model in models() for name, field in model.model_fields.items()}
    assert set(words.ANYWHERE) <= everything


def test_it_tells_each_key_as_the_models_have_it() -> None:
    sections = {section.title: section for section in (*reference().document, *reference().types, *reference().shared)}
    keys = {f"{title}.{key.name}": (key.kind, key.needed, key.default) for title, found in sections.items() for key in found.keys}
    expected = {
        "The top level.id": ("an id", True, ""),
        "The top level.outcomes": ("ids, each with a mapping", True, ""),
        "The top level.title": ("text, at most 200 characters", False, "none"),
        "Limits.cost_usd": ("a number, more than 0", False, "none"),
        "Retry.attempts": ("a whole number, 1 to 20", False, "`1`"),
        "Retry.errors": ("a list of errors", False, "`timeout`, `unavailable`, `rate_limited`"),
        "Retry.max_backoff": ("a duration", False, "`60s`"),
        "An HTTP tool.effect": ("`none`, `idempotent`, `reconcilable` or `irreversible`", False, "`irreversible`"),
        "A check.else": ("text, at most 500 characters", True, ""),
        "llm.prompt": ("text, at most 200,000 characters", True, ""),
        "loop.body": ("a list of steps", True, ""),
        "loop.until": ("a condition", False, "none"),
        "human.form": ("a JSON Schema", False, '`{"type":"object","properties":{}}`'),
        "Every step.expects": ("a JSON Schema", False, "none"),
    }
    assert {name: keys[name] for name in expected} == expected


def test_its_lists_are_those_of_the_engine() -> None:
    found = reference()
    assert {section.title for section in found.types} == set(STEP_TYPES)
    assert [code for code, _ in found.errors] == list(ErrorCode)
    assert [effect for effect, _ in found.effects] == list(get_args(fields.Effect)) == list(words.EFFECTS)
    names = {re.split(r"[.\s]", name)[0] for row in found.sight for name in row[0].split(", ")}
    assert names | {"break", "continue"} == set(fields._OURS.split()) | {"key"}
    assert set(found.reserved) == RESERVED_IDS


def test_its_example_is_proved_and_holds_a_step_of_each_type_that_runs() -> None:
    provider = ProviderFacts("default", "openai", "gpt-5-mini")
    takes = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    called = Called("note_down", 3, "Note down", takes, {"noted": None}, tuple(Bound()))
    catalog = Catalog({}, {"default": provider}, frozenset({"desk"}), workflows={"note_down@3": called})
    assert prove(compile_plan(parse(EXAMPLE), catalog)).problems == ()
    for section in reference().types:
        assert section.example
        for step in source.read(section.example or "[]").data:
            assert step["type"] == section.title


@pytest.mark.parametrize("function", reference().functions)
def test_every_function_that_it_names_is_one(function: str) -> None:
    arguments = {
        "has": "run.input.x",
        "math.greatest": "1, 2",
        "math.least": "1, 2",
        "matches": "'a', 'b'",
        "size": "'a'",
        "bool": "'true'",
        "timestamp": "'2026-01-31T08:00:00Z'",
        "duration": "'1s'",
        "math.abs": "1",
        "math.sign": "1",
        "int": "'1'",
    }
    macro = {"all": "x > 0", "exists": "x > 0", "exists_one": "x > 0", "filter": "x > 0", "map": "x + 1"}.get(function)
    call = f"[1, 2].{function}(x, {macro})" if macro else f"{function}({arguments.get(function, '1.0')})"
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    sight = {"run": {"type": "object", "required": ["input"], "properties": {"input": schema}}}
    compile_value(f"${{{call} == {call}}}", sight)  # raises what is wrong with it


def test_everybody_reads_it_and_each_of_its_links_leads_somewhere(as_viewer: Client, as_nobody: Client) -> None:
    assert as_nobody.get("/reference/").status_code == 302
    page = as_viewer.get("/reference/").content.decode()
    anchors, ids = set(re.findall(r'href="#([\w-]+)"', page)), re.findall(r'id="([\w-]+)"', page)
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))
    assert "`" not in html.unescape(page)
    assert "temperature" in page
    assert f"the last it may ask for {definition.MAX_TOOL_CALLS_PER_ROUND} tools at most" in page


def test_who_writes_a_definition_has_it_at_hand(as_designer: Client, as_admin: Client) -> None:
    assert 'href="/reference/"' in as_designer.get("/workflows/new/").content.decode()
    assert 'href="/reference/#key-tooldefinition"' in as_admin.get("/settings/tools/new/").content.decode()
