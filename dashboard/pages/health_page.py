"""How things stand: who moves runs, what waits, what stands still."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.needs import needs
from orchestration.queries.broken import broken
from orchestration.queries.health import health
from orchestration.roles import Role


@needs(Role.VIEWER)
def health_page(request: HttpRequest) -> HttpResponse:
    """The page, or for the poll its part alone."""
    part = "settings/standing.html" if request.headers.get("HX-Request") else "settings/health.html"
    return render(request, part, {"here": "settings", "tab": "health", "health": health(), "broken": broken()})
