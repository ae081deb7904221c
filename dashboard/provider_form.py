"""The form of a provider, and back: lines and JSON in text areas where a value has a shape of its own."""

from collections.abc import Iterable
from typing import Any

from django import forms

from dashboard.json_view import text as pretty
from orchestration.core import values
from orchestration.core.errors import Problem, Unreadable
from orchestration.llm import PROTOCOLS
from orchestration.queries.reach import ProviderView

STRUCTURED = [
    ("json_schema", "By schema: the server enforces the contract"),
    ("json_object", "JSON, any"),
    ("none", "Not at all: the prompt asks for it"),
]


class ProviderForm(forms.Form):
    name = forms.CharField(max_length=48, required=False, help_text="As definitions say it: a-z, then a-z, 0-9 and _.")
    protocol = forms.ChoiceField(
        choices=[(name, name) for name in PROTOCOLS],
        help_text="openai: any server with chat completions. anthropic: any with Anthropic's messages.",
    )
    base_url = forms.CharField(
        label="Base URL", max_length=500, required=False, help_text="Such as https://api.openai.com/v1. A rehearsal needs none."
    )
    secret = forms.ChoiceField(required=False, help_text="The secret that holds its key.")
    default_model = forms.CharField(max_length=200, required=False, help_text="For definitions that name none.")
    structured = forms.ChoiceField(label="Structured output", choices=STRUCTURED)
    prices = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono"}),
        required=False,
        help_text="One a line: model, dollars for a million tokens in, and out, as gpt-5-mini 0.25 2. A * is any other model.",
    )
    cap = forms.IntegerField(
        label="Calls at once", required=False, min_value=1, max_value=100_000, help_text="Over all workers; empty: no cap."
    )
    headers = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono"}),
        required=False,
        help_text="One a line, as X-Team: support. A secret is named, as ${secrets.name}.",
    )
    options = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono"}),
        required=False,
        help_text='What this server needs besides, as JSON: {"stream": true}, or {"version": "2023-06-01"} for anthropic.',
    )

    def __init__(self, secrets: Iterable[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "base_url"):
            self.fields[name].needed = True  # type: ignore[attr-defined]  # the engine asks for them, and says so with the rest
        known = dict.fromkeys(secrets)
        known |= dict.fromkeys(filter(None, [self.initial.get("secret")]))
        field: Any = self.fields["secret"]
        field.choices = [("", "none"), *((name, name) for name in known)]

    def clean_prices(self) -> dict[str, Any]:
        found = {}
        for number, line in enumerate(self.cleaned_data["prices"].splitlines(), 1):
            if not line.strip():
                continue
            try:
                model, price_in, price_out = line.rsplit(maxsplit=2)
                found[model.strip()] = {"usd_per_mtok_in": float(price_in), "usd_per_mtok_out": float(price_out)}
            except ValueError:
                message = f"Line {number} is no price: write the model, then dollars in and dollars out."
                raise forms.ValidationError(message) from None
        return found

    def clean_headers(self) -> dict[str, str]:
        found = {}
        for number, line in enumerate(self.cleaned_data["headers"].splitlines(), 1):
            name, colon, value = line.partition(":")
            if line.strip() and not colon:
                raise forms.ValidationError(f"Line {number} is no header: write its name, a colon, its value.")
            if line.strip():
                found[name.strip()] = value.strip()
        return found

    def clean_options(self) -> Any:
        given = self.cleaned_data["options"].strip()
        if not given:
            return {}
        try:
            return values.parse_json(given).value
        except Unreadable as error:
            raise forms.ValidationError([problem.message for problem in error.problems]) from None

    def take(self, problems: Iterable[Problem]) -> None:
        """Shows problems of the engine at the fields that they are about."""
        for problem in problems:
            head = problem.path.partition(".")[0].partition("[")[0]
            if head not in self.errors:
                self.add_error(head if head in self.fields else None, problem.message)


def body_of(form: ProviderForm) -> dict[str, Any]:
    """What `put_provider` takes."""
    return {name: value for name, value in form.cleaned_data.items() if name != "name"}


def initial(view: ProviderView) -> dict[str, Any]:
    prices = "\n".join(
        f"{model} {_exact(p['usd_per_mtok_in'])} {_exact(p['usd_per_mtok_out'])}" for model, p in view.prices.items()
    )
    headers = "\n".join(f"{name}: {value}" for name, value in view.headers.items())
    options = pretty(view.options) if view.options else ""
    plain = {
        name: getattr(view, name) for name in ("name", "protocol", "base_url", "secret", "default_model", "structured", "cap")
    }
    return {**plain, "prices": prices, "headers": headers, "options": options}


def _exact(number: float) -> str:
    """A number as it was written: 0.25, 2 and not 2.0."""
    return repr(float(number)).removesuffix(".0")
