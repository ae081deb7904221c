"""That what is wrong with a parameter or a body is said in our words, whichever of the API's models finds it."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from dashboard.api.bodies import Body
from dashboard.api.urls import api
from orchestration.acts.reach import ProviderBody
from orchestration.acts.schedules import ScheduleBody
from orchestration.core.fields import Model
from orchestration.core.misfit_words import told
from orchestration.models import Version
from tests.api import Api

ODD: tuple[Any, ...] = (
    None, "", "abc", "x" * 5_001, "yesterday", "2026-02-30", "9" * 5_000, "1.5", "1e999", True, 0, -1, 1.5, 10**12, float("inf"),
    [], [None], [{}], ["", ""], ["x"] * 600, {}, {"": None}, {"A b": {}}, {"x": None}, {str(n): "x" for n in range(600)},
)  # fmt: skip
OF_EXPLAIN = {"union_tag_invalid", "union_tag_not_found"}
"""Said by `misfits.explain` alone: they name what there is."""


def heirs(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        yield each
        yield from heirs(each)


def models() -> dict[str, type[BaseModel]]:
    """Those of all operations, bodies and definitions."""
    ours = {each.__name__: each for kind in (Body, Model) for each in heirs(kind) if "tests" not in each.__module__}
    assert {ProviderBody.__name__, ScheduleBody.__name__, "Start", "LoopStep"} <= ours.keys()
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for one in view.operations:
                ours |= {f"{one.methods[0]} {prefix}{path} {kind.__name__}": kind for kind in one.models}
    return ours


@pytest.mark.parametrize("kind", models().values(), ids=models().keys())
def test_no_model_of_the_api_lets_a_sentence_of_the_library_through(kind: type[BaseModel]) -> None:
    for name, field in kind.model_fields.items():
        for odd in ODD:
            try:
                kind.model_validate({field.alias or name: odd})
            except ValidationError as error:
                for found in error.errors(include_url=False):
                    said = told(found)
                    assert found["type"] in OF_EXPLAIN or "can't be taken" not in said, f"{found['type']} has no words"
                    for theirs in ("Input", "should", "parse", "ctx", "String", "Value error"):
                        assert theirs not in said, said


def test_a_wrong_parameter_or_body_says_what_it_has_to_be(ada: Api, published: Version) -> None:
    moment = "a date and time with its zone, as 2026-01-31T08:00:00Z"
    for method, path, body, sentence in (
        ("get", "runs?limit=abc", None, "limit: This has to be a whole number."),
        ("get", "runs?created_from=yesterday", None, f"created_from: This has to be {moment}."),
        ("post", "workflows/asking/runs?wait=999", {}, "wait: This has to be at most 60."),
        ("post", "workflows/asking/runs", {"key": "x" * 250}, "key: This has at most 200 characters. Shorten it."),
        ("post", "workflows/asking/schedules", {"name": "", "cron": "* * * * *"}, "name: name is empty. Write something."),
    ):
        status, told = getattr(ada, method)(path, body)
        assert (status, told["detail"]) == (422, sentence)
    status, told = ada.put("secrets/desk", {"value": 424242})
    assert (status, told["detail"]) == (422, "value: This has to be text.")
