"""Where a cost is not known, it is said why, and who may give what is missing is led to where it goes."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dashboard import first_version
from dashboard.prices import gaps, short
from orchestration.acts import reach
from orchestration.core.catalog import Called, Catalog, Price, ProviderFacts
from orchestration.core.definition import from_data
from orchestration.core.plan import compile_plan
from orchestration.core.proof import prove
from orchestration.core.proof.bound import Bound
from tests.core.drawn import Data, ask, flow, loop, step
from tests.engine.publishing import publish

NOT_KNOWN = Bound(executions=1, calls=1, model_calls=1, unpriced=1)
CATALOG = Catalog(
    providers={
        "desk": ProviderFacts("desk", "openai", "big"),
        "dear": ProviderFacts("dear", "openai", "big", {"big": Price(1.0, 1.0)}),
    },
    workflows={
        "open@1": Called("open", 1, "Open one", {}, {"good": None}, NOT_KNOWN),
        "kept@1": Called("kept", 1, "Kept", {}, {"good": None}, Bound(executions=1)),
    },
)
MODELS = {"cheap": {"provider": "desk"}, "main": {"provider": "dear"}, "lost": {"provider": "nobody", "model": "x"}}


def lacks(*steps: Data) -> tuple[str, list[tuple[str, str, str]], str]:
    """(what is said of a first version, what there is to mend and where, the line of the chip)"""
    plan = compile_plan(from_data(flow(*steps, models=MODELS)), CATALOG)
    proof = prove(plan)
    found = gaps(plan, proof.worst.as_dict())
    said = first_version.told(plan, proof).partition("What it may cost is not known: ")[2]
    return said, [(gap.kind, gap.name, gap.provider) for gap in found], short(found)


@pytest.mark.parametrize(
    ("steps", "said", "found", "line"),
    [
        ([ask("a")], "", [], ""),
        (
            [ask("a", model="cheap")],
            "the model cheap (big) has no price.",
            [("model", "cheap", "desk")],
            "cheap has no price",
        ),
        (
            [ask("a", max_input_tokens=None, title="Sort it")],
            "the prompt of Sort it has no cap on its tokens.",
            [("prompt", "a", "")],
            "Sort it: no cap on its prompt",
        ),
        (
            [loop("again", [ask("a", None, fallback=[{"model": "cheap"}])]), ask("b", model="cheap"), ask("c", model="lost")],
            "the model cheap (big) has no price.",
            [("model", "cheap", "desk")],
            "cheap has no price",
        ),
        (
            [ask("a", fallback=[{"step": "spare"}]), ask("spare", None, model="cheap", fallback=[{"model": "lost"}])],
            "the model cheap (big) has no price.",
            [("model", "cheap", "desk")],
            "cheap has no price",
        ),
        (
            [step("a", "workflow", workflow="kept@1", next="b"), step("b", "workflow", workflow="open@1", next="c"), ask("c")],
            "the workflow Open one has no price.",
            [("workflow", "open", "")],
            "Open one has no price",
        ),
        (
            [ask("a", model="lost", max_input_tokens=None)],
            "the model lost (x) has no price and the prompt of A has no cap on its tokens.",
            [("model", "lost", ""), ("prompt", "a", "")],
            "lost has no price, and 1 more reason",
        ),
    ],
)
def test_why_a_cost_is_not_known(steps: list[Any], said: str, found: list[tuple[str, str, str]], line: str) -> None:
    given = [{key: value for key, value in each.items() if value is not None} for each in steps]
    assert lacks(*given) == (said, found, line)


def shown(client: Client, address: str) -> tuple[str, list[str]]:
    """(what stands in the note, where it leads)"""
    page = client.get(address).content.decode()
    note = re.search(r'<div class="note[^>]*id="worst-cost-lacks">(.*?)</ul>', page, re.DOTALL)
    if note is None:
        return "", []
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", note[1])).split()), re.findall(r'<a href="([^"]+)"', note[1])


@pytest.mark.django_db
def test_the_derivation_leads_whoever_may_to_where_a_price_goes(as_admin: Client, as_designer: Client, as_viewer: Client) -> None:
    body = {"protocol": "openai", "base_url": "https://models.example/v1", "default_model": "big"}
    reach.put_provider(name="desk", body=body, by="ada")
    data = flow(ask("sort", model="cheap"), id="dear", models={"cheap": {"provider": "desk"}})
    publish(data)
    address = "/workflows/dear/proof/"
    said, led = shown(as_admin, address)
    assert said.startswith("What a run may cost is not known: The model cheap (big) has no price.")
    assert led == ["/settings/providers/desk/#id_prices", "/workflows/dear/settings/#group-models"]
    assert 'id="id_prices"' in as_admin.get(led[0]).content.decode()
    assert shown(as_designer, address)[1] == ["/workflows/dear/settings/#group-models"]
    assert 'id="group-models"' in as_designer.get("/workflows/dear/settings/").content.decode()
    said, led = shown(as_viewer, address)
    assert (said.endswith("An admin can give it one with the provider desk, a designer with the model."), led) == (True, [])
    for page in (address, "/workflows/dear/", "/workflows/dear/design/"):
        html = as_viewer.get(page).content.decode()
        (chip,) = re.findall(r'<a[^>]*#worst-cost-lacks"[^>]*>(.*?)</a>', html, re.DOTALL)
        assert "unknown" in chip and "cheap has no price" in chip
    reach.put_provider(name="desk", body={**body, "prices": {"big": {"usd_per_mtok_in": 1, "usd_per_mtok_out": 1}}}, by="ada")
    assert "Publish the workflow again to have it counted" in shown(as_viewer, address)[0]
    assert shown(as_designer, f"{address}?version=draft") == ("", [])
