"""One's own API tokens: made, shown once, revoked."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from dashboard.needs import needs
from orchestration.acts import tokens as acts
from orchestration.core.errors import NotFound
from orchestration.queries import reach
from orchestration.roles import Role, role_of

LIVES = ((30, "30 days"), (90, "90 days"), (365, "a year"), (0, "no end"))


@never_cache
@needs(Role.VIEWER)
def tokens_page(request: HttpRequest) -> HttpResponse:
    """POST makes one, and shows it: the only time that it can be."""
    if request.method != "POST":
        return _page(request)
    name, days = request.POST.get("name", "").strip(), request.POST.get("days", "")
    if not name:
        return _page(request, status=422, missing=True)
    role = request.POST.get("role", "")
    lives = int(days) if days in {str(number) for number, _ in LIVES} else 90
    made = acts.create(
        user=request.user,  # type: ignore[arg-type]
        by=request.user.get_username(),
        name=name,
        days=lives or None,
        role=Role(role) if role in set(Role) else None,
    )
    return _page(request, made=made, name=name)


@require_POST
@needs(Role.VIEWER)
def revoke_token(request: HttpRequest, token: int) -> HttpResponse:
    """One's own, and no other."""
    own = {view.id for view in reach.tokens(request.user.get_username())}
    if token not in own:
        raise NotFound("There is no such token of yours.")
    acts.revoke(token=token, by=request.user.get_username())
    messages.success(request, "The token is revoked. Whoever still sends it is turned away from now on.")
    return redirect("settings_tokens")


def _page(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    held = role_of(request.user) or Role.VIEWER
    roles = [role for role in Role if held.covers(role)]
    found = reach.tokens(request.user.get_username())
    context = {"tokens": found, "roles": roles, "held": held, "lives": LIVES, "now": timezone.now(), **more}
    return render(request, "settings/tokens.html", {"here": "settings", "tab": "tokens", **context}, status=status)
