"""What runs may reach: providers, tools and secrets. Everybody looks, at the names of secrets designers, and admins write."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard import schema_words
from dashboard.needs import needs
from dashboard.outline import EFFECTS
from dashboard.provider_form import ProviderForm, body_of, initial
from orchestration.acts import reach as acts
from orchestration.acts import removal
from orchestration.core import source
from orchestration.core.errors import Forbidden, NotFound, Problem, Refused
from orchestration.queries import reach
from orchestration.queries.uses import Kind, in_force, uses
from orchestration.roles import Role, allows

_PARTS = {"provider": ("Providers", "providers"), "tool": ("Tools", "tools"), "secret": ("Secrets", "secrets")}
_MOST_TOASTS = 8
TOOL_START = """\
title: Look up a customer
description: Name and plan of a customer.
http: {method: GET, url: "https://desk.example/customers/${input.id}", headers: {Authorization: "Bearer ${secrets.desk}"}}
effect: none          # none, idempotent, reconcilable or irreversible
timeout: 5s
input: {type: object, required: [id], properties: {id: {type: string}}}
output: {type: object, required: [plan], properties: {plan: {enum: [free, pro]}}}
"""


@needs(Role.VIEWER)
def providers_page(request: HttpRequest) -> HttpResponse:
    context = {"here": "settings", "tab": "providers", "providers": reach.providers()}
    return render(request, "settings/providers.html", context)


@needs(Role.VIEWER)
def provider_page(request: HttpRequest, name: str = "") -> HttpResponse:
    """One account, or a new one. Who is no admin sees it without a button."""
    found = reach.provider(name) if name else None
    context: dict[str, Any] = {"here": "settings", "tab": "providers", "name": name, "trail": _trail("Providers", "providers")}
    names = [secret.name for secret in reach.secrets()] if allows(request.user, Role.DESIGNER) else []
    if request.method != "POST":
        form = ProviderForm(names, initial=initial(found) if found else {"protocol": "openai", "structured": "json_schema"})
        return render(request, "settings/provider.html", {**context, "form": form})
    _must_write(request)
    form = ProviderForm(names, request.POST, initial=initial(found) if found else {})
    sound = form.is_valid()
    name = name or form.cleaned_data.get("name", "")
    try:
        if not sound:
            acts.check_provider(name, body_of(form))  # so that all is said at once
        else:
            if not context["name"]:
                _must_be_new(name, [provider.name for provider in reach.providers()], "provider")
            warnings = acts.put_provider(name=name, body=body_of(form), by=request.user.get_username())
            return _written(request, "settings_providers", f"The provider {name} is written.", warnings)
    except Refused as refused:
        form.take(refused.problems)
    return render(request, "settings/provider.html", {**context, "form": form}, status=422)


@needs(Role.VIEWER)
def tools_page(request: HttpRequest) -> HttpResponse:
    rows = [(view, *EFFECTS[view.tool.effect]) for view in reach.tools()]
    return render(request, "settings/tools.html", {"here": "settings", "tab": "tools", "rows": rows})


@needs(Role.VIEWER)
def tool_page(request: HttpRequest, name: str = "") -> HttpResponse:
    """One tool with its contract; a shared HTTP tool is written here, by admins."""
    view = reach.tool(name) if name else None
    context: dict[str, Any] = {"here": "settings", "tab": "tools", "name": name, "view": view, "trail": _trail("Tools", "tools")}
    if view is not None:
        contract = {"takes": schema_words.fields(view.tool.input), "gives": schema_words.fields(view.tool.output)}
        context |= {**contract, "effect": EFFECTS[view.tool.effect]}
    if request.method != "POST":
        named = (
            [use for use, _ in in_force("tool", name)] if view and view.definition and allows(request.user, Role.ADMIN) else []
        )
        context["named"] = named
        text = source.write(view.definition) if view and view.definition else TOOL_START
        return render(request, "settings/tool.html", {**context, "text": text})
    _must_write(request)
    text, wanted = request.POST.get("text", "").replace("\r\n", "\n"), name or request.POST.get("name", "").strip()
    read = source.Source(None)
    try:
        if not name:
            _must_be_new(wanted, [each.tool.name for each in reach.tools()], "tool")
        read = source.read(text)
        warnings = acts.put_tool(name=wanted, body=read.data, by=request.user.get_username())
    except Refused as refused:
        located = [replace(problem, line=problem.line or read.line(problem.path)) for problem in refused.problems]
        context |= {"text": text, "problems": located, "wanted": wanted}
        return render(request, "settings/tool.html", context, status=422)
    return _written(request, "settings_tools", f"The tool {wanted} is written.", warnings)


@needs(Role.DESIGNER)
def secrets_page(request: HttpRequest) -> HttpResponse:
    """Names and times; a value is written and never shown."""
    context: dict[str, Any] = {"here": "settings", "tab": "secrets"}
    if request.method == "POST":
        _must_write(request)
        name = request.POST.get("name", "").strip()
        try:
            acts.put_secret(name=name, value=request.POST.get("value", ""), by=request.user.get_username())
        except Refused as refused:
            context |= {"secrets": reach.secrets(), "wanted": name, "problems": refused.problems}
            return render(request, "settings/secrets.html", _replacing(context), status=422)
        return _written(request, "settings_secrets", f"The secret {name} is written. Calls use it from now on.", ())
    context |= {"secrets": reach.secrets(), "wanted": request.GET.get("name", "")}
    return render(request, "settings/secrets.html", _replacing(context))


def _replacing(context: dict[str, Any]) -> dict[str, Any]:
    return {**context, "replaces": context["wanted"] in {secret.name for secret in context["secrets"]}}


@needs(Role.ADMIN)
def delete_page(request: HttpRequest, kind: Kind, name: str) -> HttpResponse:
    """Who still names it, or a button that deletes it."""
    words, part = _PARTS[kind]
    context: dict[str, Any] = {"here": "settings", "tab": part, "trail": _trail(words, part), "kind": kind, "name": name}
    if request.method != "POST":
        if not reach.there(kind, name):
            raise NotFound(f"There is no {kind} {name[:60]} that can be deleted.")
        return render(request, "settings/delete.html", {**context, "uses": uses(kind, name)})
    try:
        removal.delete(kind=kind, name=name, by=request.user.get_username())
    except Refused:
        if not (named := uses(kind, name)):
            raise
        return render(request, "settings/delete.html", {**context, "uses": named, "refused": True}, status=409)
    return _written(request, f"settings_{part}", f"The {kind} {name} is deleted.", ())


def _must_write(request: HttpRequest) -> None:
    if not allows(request.user, Role.ADMIN):
        raise Forbidden("This needs the role admin. An admin can give it to you.")


def _must_be_new(name: str, taken: list[str], what: str) -> None:
    if name in taken:
        raise Refused(Problem("name_taken", f"There is a {what} {name} already. Take another name, or open that one.", "name"))


def _trail(words: str, part: str) -> list[tuple[str, str]]:
    return [("Settings", "/settings/"), (words, f"/settings/{part}/")]


def _written(request: HttpRequest, where: str, sentence: str, warnings: tuple[Problem, ...]) -> HttpResponse:
    messages.success(request, sentence)
    for warning in warnings[:_MOST_TOASTS]:
        (messages.info if warning.severity == "info" else messages.warning)(request, warning.message)
    if len(warnings) > _MOST_TOASTS:
        messages.warning(request, f"And {len(warnings) - _MOST_TOASTS} more that name it.")
    return redirect(where)
