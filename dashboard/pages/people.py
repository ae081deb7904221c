"""Accounts and roles, for admins. A one-time password is shown once, on the page that answers."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dashboard.needs import needs
from orchestration.acts import people as acts
from orchestration.core.errors import Refused
from orchestration.queries.people import people
from orchestration.roles import Role


@never_cache
@needs(Role.ADMIN)
def people_page(request: HttpRequest) -> HttpResponse:
    """POST invites somebody."""
    if request.method != "POST":
        return _page(request)
    username, role = request.POST.get("username", "").strip(), _role(request)
    try:
        password = acts.invite(username=username, role=role, by=request.user.get_username())
    except Refused as refused:
        return _page(request, status=422, problems=refused.problems, username=username, chosen=role)
    return _page(request, shown={"username": username, "password": password})


@never_cache
@require_POST
@needs(Role.ADMIN)
def change_person(request: HttpRequest, username: str) -> HttpResponse:
    """`do`: role, password, lock or unlock."""
    by, what = request.user.get_username(), request.POST.get("do", "")
    try:
        if what == "password":
            return _page(request, shown={"username": username, "password": acts.renew_password(username=username, by=by)})
        if what == "role":
            acts.set_role(username=username, role=_role(request), by=by)
            messages.success(request, f"{username} is {_role(request)} from now on.")
        elif what in ("lock", "unlock"):
            acts.set_active(username=username, active=what == "unlock", by=by)
            messages.success(request, f"{username} may {'sign in again' if what == 'unlock' else 'not sign in any more'}.")
    except Refused as refused:
        return _page(request, status=422, refused=refused.problems)
    return redirect("settings_people")


def _role(request: HttpRequest) -> Role:
    given = request.POST.get("role", "")
    return Role(given) if given in set(Role) else Role.VIEWER


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    context = {"here": "settings", "tab": "people", "people": people(), "roles": list(Role), **more}
    return render(request, "settings/people.html", context, status=status)
