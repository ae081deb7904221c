"""/inbox/…: what waits for a person. Deciding is a POST to the question's own address."""

from django.urls import path

from dashboard.pages import inbox

urlpatterns = [
    path("", inbox.inbox_page, name="inbox"),
    path("count/", inbox.count, name="inbox_count"),
    path("<str:escalation>/", inbox.question, name="escalation"),
    path("<str:escalation>/claim/", inbox.claim, name="escalation_claim"),
    path("<str:escalation>/release/", inbox.release, name="escalation_release"),
    path("<str:escalation>/draft/", inbox.draft, name="escalation_draft"),
]
