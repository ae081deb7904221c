"""How things stand: who moves runs, what waits, what stands still."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.needs import needs
from orchestration.queries.health import health
from orchestration.roles import Role


@needs(Role.VIEWER)
def health_page(request: HttpRequest) -> HttpResponse:
    return render(request, "settings/health.html", {"here": "settings", "tab": "health", "health": health()})
