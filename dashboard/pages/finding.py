"""/find/: what there is for some words, for the dialog that every page opens; without a script a page of its own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from dashboard import finding
from dashboard.needs import needs
from orchestration.core.sanitiser import clean_text
from orchestration.roles import Role, allows, role_of


@needs(Role.VIEWER)
def find(request: HttpRequest) -> HttpResponse:
    """`?q=`: the words, `?at=`: the address of the page that asks."""
    text, address = (clean_text(request.GET.get(name, "")[:most]).value.strip() for name, most in (("q", 200), ("at", 500)))
    here = finding.at(address, allows(request.user, Role.DESIGNER)) if address else None
    groups = finding.groups(text, here, role_of(request.user) or Role.VIEWER)
    context = {"text": text, "groups": groups, "picks": bool(request.headers.get("HX-Request"))}
    answer = render(request, "finding/_found.html" if context["picks"] else "finding/page.html", context)
    patch_vary_headers(answer, ("HX-Request",))
    return answer
