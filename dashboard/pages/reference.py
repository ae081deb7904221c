"""The reference of the definition format."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.format_view import reference
from dashboard.needs import needs
from orchestration.roles import Role


@needs(Role.VIEWER)
def reference_page(request: HttpRequest) -> HttpResponse:
    return render(request, "reference/page.html", {"here": "workflows", "format": reference()})
