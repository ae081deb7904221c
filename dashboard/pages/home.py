"""The start: where each role's day begins."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from orchestration.roles import Role, role_of


def home(request: HttpRequest) -> HttpResponse:
    """Operators begin at the inbox, all others at the workflows."""
    return redirect("/inbox/" if role_of(request.user) is Role.OPERATOR else "workflows")
