"""The form of a schedule, and back; the input of its runs has a form of its own beside it, made from the workflow's contract."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.safestring import mark_safe

from orchestration.core.catchup import MOST, USUAL
from orchestration.core.errors import Problem
from orchestration.queries.schedules import ScheduleView

CATCHUP = [
    ("last", "One late run for all of them"),
    ("skip", "No run: they are passed over"),
    ("all", "A late run for each, the oldest first"),
]
FIRST: dict[str, Any] = {"cron": "0 8 * * MON-FRI", "zone": "UTC", "catchup": "last", "most": USUAL}
"""What a new one opens with."""


class ScheduleForm(forms.Form):
    name = forms.CharField(max_length=100, required=False, help_text="What it is for. Runs carry it as the label schedule.")
    cron = forms.CharField(
        label="Times",
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
        help_text=mark_safe(  # a constant
            "Minute, hour, day of the month, month, day of the week: <code>0 8 * * MON-FRI</code> is at eight on weekdays, "
            "<code>*/15 * * * *</code> every quarter of an hour, <code>0 6 L * *</code> at six on the last day of each month."
        ),
    )
    zone = forms.CharField(
        label="Time zone",
        required=False,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
        help_text="As Europe/Berlin, America/New_York or UTC.",
    )
    catchup = forms.ChoiceField(
        label="Missed times",
        choices=CATCHUP,
        widget=forms.RadioSelect,
        help_text="A time is missed where no worker was there for a minute after it. What comes while it is paused never counts.",
    )
    most = forms.IntegerField(
        label="Late runs at most",
        required=False,
        min_value=1,
        max_value=MOST,
        help_text=f"Where each gets one: of more missed times, the latest so many do. 1 to {MOST:,}.",
    )
    labels = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono"}),
        required=False,
        help_text="Of each run. One a line, as team: support.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "cron", "zone", "most"):
            self.fields[name].needed = True  # type: ignore[attr-defined]  # the engine asks for them, and says so with the rest

    def clean_labels(self) -> dict[str, Any]:
        found = {}
        for number, line in enumerate(self.cleaned_data["labels"].splitlines(), 1):
            name, colon, value = line.partition(":")
            if line.strip() and not (colon and name.strip()):
                raise forms.ValidationError(f"Line {number} is no label: write its name, a colon, its value.")
            if line.strip():
                found[name.strip()] = _read(value.strip())
        return found

    def take(self, problems: Iterable[Problem]) -> None:
        """Shows problems of the engine at the fields that they are about."""
        for problem in problems:
            head = problem.path.partition(".")[0].partition("[")[0]
            if head not in self.errors:
                self.add_error(head if head in self.fields else None, problem.message)


def body_of(form: ScheduleForm, input: Any) -> dict[str, Any]:
    """What the acts take. What the form itself has found wrong is left as it is by default: it is told already."""
    given = form.cleaned_data
    most = {"most": given["most"]} if given.get("most") is not None else {}
    rest = {name: given.get(name, "") for name in ("name", "cron", "zone")}
    return {**rest, "catchup": given.get("catchup", "last"), "labels": given.get("labels", {}), **most, "input": input}


def initial(view: ScheduleView) -> dict[str, Any]:
    plain = {name: getattr(view, name) for name in ("name", "cron", "zone", "catchup", "most")}
    return {**plain, "labels": "\n".join(f"{name}: {_written(value)}" for name, value in view.labels.items())}


def _read(text: str) -> Any:
    """A number, true or false as such; text in quotes as it stands in them; all else as text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str | int | float) else text


def _written(value: Any) -> str:
    """What `_read` reads as this value."""
    return value if isinstance(value, str) and _read(value) == value else json.dumps(value, ensure_ascii=False)


def times_of(sent: Mapping[str, Any]) -> tuple[str, str]:
    return str(sent.get("cron", "")), str(sent.get("zone", ""))
