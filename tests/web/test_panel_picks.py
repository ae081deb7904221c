"""The buttons that pick a value: each says for which field."""

import pytest
from django.template.loader import render_to_string

from dashboard.panel.form import StepForm
from dashboard.panel.offering import with_offers
from tests.web.test_panel_form import TEXTS, TRIAGE, opened, plan_of


def picks(form: StepForm) -> dict[str, str]:
    """Field → for what its button picks a value, of those that there are, and of the next one of each list."""
    drawn = with_offers(form.fields, form.around)
    every = [drawn, *drawn.every()]
    blanks = [blank for field in every if (blank := field.blank) is not None]
    return {field.name: field.whose for part in (drawn, *blanks) for field in part.every() if field.picks}


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[14:30].split("\n")[0])
def test_each_button_that_picks_a_value_says_for_which_field_and_no_two_say_the_same(text: str) -> None:
    plan = plan_of(text)
    for step in ("", *plan.steps):
        found = list(picks(opened(plan, step)).values())
        assert all(found) and len(found) == len(set(found)), (step, found)


def test_a_value_is_picked_for_the_name_of_its_row_or_for_its_place_in_the_form() -> None:
    form = opened(TRIAGE, "classify")
    found = picks(form)
    assert found["v/input/0/value"] == "“text”, its input"
    assert found["v/input/__0__/value"] == "value, value __0__, its input"
    assert found["v/checks/1/that/items/0/place"] == "place, row 1, what has to hold, check 2"
    asked = opened(TRIAGE, "review").turned({"form_turn": "add v/cases/0/when/items/0/others"})
    assert asked is not None
    assert picks(asked)["v/cases/0/when/items/0/others/0/place"] == "place, one more 1, row 1, if, case 1"
    fields = {field.name: field for field in with_offers(form.fields, form.around).every()}
    button = render_to_string("components/schema_pick.html", {"field": fields["v/input/0/value"]})
    assert ">Pick a value for “text”, its input</span>" in button
