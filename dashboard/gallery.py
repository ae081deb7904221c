"""A page that shows every component in all its states, for who works on the look. Only superusers reach it; it reads nothing."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dashboard import presentation
from dashboard.presentation import Segment
from orchestration.core.errors import Problem


class SampleForm(forms.Form):
    ticket = forms.CharField(help_text="The number as the desk shows it, such as T-1042.")
    tier = forms.ChoiceField(choices=[("", "Choose one"), ("free", "free"), ("pro", "pro"), ("vip", "vip")])
    amount = forms.DecimalField(label="Refund in euro", required=False, min_value=0)
    reply = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=2000)
    channel = forms.ChoiceField(widget=forms.RadioSelect, choices=[("mail", "By mail"), ("chat", "In the chat")])
    urgent = forms.BooleanField(required=False, help_text="Goes out before the others.")


def gallery(request: HttpRequest) -> HttpResponse:
    """Every component; with ?toasts=1 the messages too."""
    if not request.user.is_superuser:
        raise PermissionDenied("Only superusers see the gallery.")
    if request.GET.get("toasts"):
        messages.success(request, "Version 4 of Support triage is published.")
        messages.info(request, "12 new runs since you opened this list.")
        messages.warning(request, "The draft was changed by someone else while you wrote.")
        messages.error(request, "Nothing was sent: the desk does not answer.")
    return render(request, "gallery/page.html", _samples())


def _samples() -> dict[str, Any]:
    now = timezone.now()
    wrong = SampleForm({"ticket": "", "tier": "gold", "amount": "-3", "reply": "Dear customer"}, auto_id="wrong_%s")
    return {
        "statuses": list(presentation.STATUSES),
        "results": list(presentation.RESULTS),
        "runs": _runs(),
        "problems": _problems(),
        "value": VALUE,
        "thread": THREAD,
        "form": SampleForm(initial={"ticket": "T-1042", "channel": "mail", "tier": "pro"}),
        "wrong": wrong,
        "strip": presentation.strip(SEGMENTS, 4980),
        "short_strip": presentation.strip([Segment("queued", 0, 0.2), Segment("running", 0.2, 3.1, "classify")], 3.1),
        "decision": DECISION,
        "changes": CHANGES,
        "yaml": YAML,
        "recent": now - timedelta(minutes=3),
        "deadline": now + timedelta(hours=2),
        "overdue": now - timedelta(minutes=18),
        "trail": [("Runs", "/runs/"), ("Support triage", "/workflows/support_triage/")],
    }


def _runs() -> list[dict[str, Any]]:
    now = timezone.now()
    rows = [
        ("held", "", "Support triage", "classify", 2, 3_100_000, None),
        ("person", "3 h", "Support triage", "ask", 11_000, 41_200_000, None),
        ("backoff", "retry 2 of 3", "Invoice reading", "read", 64, 12_000_000, None),
        ("succeeded", "", "Answer with sources", "end", 48, 212_000_000, ("answered", "success")),
        ("failed", "", "Invoice reading", "check", 12, 9_000_000, ("broken", "failure")),
        ("quarantined", "3 deaths", "Support triage", "reply", 90_000, None, None),
    ]
    return [
        {
            "id": f"0197f3c2-7a{n}",
            "status": status,
            "more": more,
            "workflow": workflow,
            "step": step,
            "started": now - timedelta(seconds=age),
            "cost": cost,
            "outcome": outcome,
        }
        for n, (status, more, workflow, step, age, cost, outcome) in enumerate(rows)
    ]


def _problems() -> list[Problem]:
    return [
        Problem(
            "unknown_reference", "No step is named clasify. Did you mean classify?", "steps[2].cases[0].when", "route", line=7
        ),
        Problem(
            "not_assigned",
            "customer has not run on the path customer → timeout → ask, yet ask shows its tier. Guard it with has().",
            "steps[4].show",
            "ask",
            line=12,
        ),
        Problem(
            "price_unknown",
            "No price is known for qwen, so the worst case in dollars is unknown. Give its prices.",
            "models.small",
            severity="warning",
            line=4,
        ),
        Problem("unused_output", "Nothing reads what keywords writes.", "steps[5].output", "keywords", severity="info"),
    ]


VALUE = {
    "ticket": "T-1042",
    "customer": {"tier": "pro", "since": 2019, "verified": True, "note": None},
    "scores": [0.62, 0.31, 0.07],
    "history": [{"at": "2026-03-01", "text": "Asked for a refund <b>today</b>"}, {"at": "2026-03-04", "text": "Called again"}],
    "tags": [],
    "body": "I was charged twice for March and would like one of them back. " * 14,
}

THREAD = [
    {"role": "system", "content": "You sort support tickets.\nAnswer with JSON that fits the schema."},
    {"role": "user", "content": "Ticket: I was charged twice for March <script>alert(1)</script>\nTier: pro"},
    {"role": "assistant", "content": "", "tool_calls": [{"name": "crm.get_customer", "arguments": '{"id": "c-881"}'}]},
    {"role": "tool", "content": '{"tier": "pro"}'},
    {"role": "assistant", "content": '{"label": "refund", "confidence": 0.62}'},
]

SEGMENTS = [
    Segment("queued", 0, 90),
    Segment("running", 90, 700, "classify"),
    Segment("backoff", 700, 1000, "backing off before attempt 2 of 3"),
    Segment("running", 1000, 1500, "classify"),
    Segment("person", 1500, 4700, "waiting for a person"),
    Segment("running", 4700, 4980, "reply"),
]

DECISION = {
    "sentence": "Went to Ask a person, because confidence was 0.62 and the rule Sure wants at least 0.8.",
    "rule": "steps.route.default",
    "to": "ask",
    "operands": [
        {"path": "steps.classify.confidence", "value": 0.62, "writer": "classify, attempt 2", "margin": "0.18 short"},
        {"path": "steps.classify.label", "value": "refund", "writer": "classify, attempt 2", "margin": ""},
        {"path": "run.input.ticket", "value": "T-1042", "writer": "", "margin": ""},
    ],
    "tried": [
        {"text": "steps.classify.confidence >= 0.8", "why": "was not true: 0.62"},
        {"text": "steps.classify.label == 'bug'", "why": "was not true: refund"},
    ],
}

CHANGES = [
    {"place": "label", "was": '"bug"', "is": '"refund"'},
    {"place": "reply.text", "was": "Please restart the app.", "is": "We have returned one of the two payments."},
    {"place": "reply.urgent", "was": None, "is": "true"},
    {"place": "note", "was": '"second contact"', "is": None},
]

YAML = """interlock: 1
id: support_triage                # ids are the only references
title: Support triage
models: {main: {provider: openai, model: gpt-5}, small: {provider: local, model: qwen}}
limits: {cost_usd: 0.60, machine_time: 30m, steps: 60, on_breach: ask}
start: customer
steps:
  - id: customer
    type: tool
    tool: crm.get_customer
    input: {id: "${run.input.ticket}"}
    timeout: 5s
    retry: {attempts: 3, errors: [timeout, unavailable], backoff: 500ms}
    catch: [{errors: ["*"], to: ask}]
    next: classify
  - id: classify
    type: llm
    model: main
    prompt: "Ticket: {{ text }}\\nTier: {{ tier }}"
    max_output_tokens: 300
"""
