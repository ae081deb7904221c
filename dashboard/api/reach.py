"""What runs may reach: providers, tools, secrets. Secrets are written, never read."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from dashboard.api import shape
from dashboard.api.answers import Listed
from dashboard.api.answers_of_reach import Provider, ProviderWritten, Secret, Tool, ToolWritten
from dashboard.api.bodies import SecretValue, Whole, known, to_the_letter
from dashboard.api.description import answers, body
from dashboard.api.guard import may, who
from dashboard.api.problems import as_dicts, refusal
from orchestration.acts import reach as acts
from orchestration.acts import removal
from orchestration.core.definition import ToolDefinition
from orchestration.core.errors import Refused
from orchestration.queries import reach as queries
from orchestration.queries.uses import Kind
from orchestration.roles import Role

router = Router(tags=["reach"])
_PROVIDER = {**body(acts.ProviderBody, "The account, whole."), **answers(ok=ProviderWritten)}
_NAMES = answers(422, ok=Listed[Secret])
_GONE = answers(409, no_content=None)
_TOOL = {**body(ToolDefinition, "As a definition's own tools are."), **answers(ok=ToolWritten)}


@router.get("/providers", auth=may(Role.VIEWER), summary="List providers", openapi_extra=answers(422, ok=Listed[Provider]))
def list_providers(request: HttpRequest) -> Any:
    known(request)
    return {"items": [shape.provider(found) for found in queries.providers()], "next": None}


@router.get("/providers/{name}", auth=may(Role.VIEWER), summary="A provider", openapi_extra=answers(ok=Provider))
def get_provider(request: HttpRequest, name: str) -> Any:
    return shape.provider(queries.provider(name))


@router.put("/providers/{name}", auth=may(Role.ADMIN), summary="Write a provider, whole", openapi_extra=_PROVIDER)
def put_provider(request: HttpRequest, name: str, body: Whole) -> Any:
    """`{protocol, base_url, secret, default_model, structured, prices: {model: {usd_per_mtok_in, usd_per_mtok_out}}, headers,
    options, cap}`; a price under `*` is any other model's."""
    to_the_letter(request)
    warnings = acts.put_provider(name=name, body=shape.writable(body, name=name), by=who(request))
    return {**shape.provider(queries.provider(name)), "problems": as_dicts(warnings)}


@router.get("/tools", auth=may(Role.VIEWER), summary="List tools", openapi_extra=answers(422, ok=Listed[Tool]))
def list_tools(request: HttpRequest) -> Any:
    known(request)
    return {"items": [shape.tool(found) for found in queries.tools()], "next": None}


@router.get("/tools/{name}", auth=may(Role.VIEWER), summary="A tool", openapi_extra=answers(ok=Tool))
def get_tool(request: HttpRequest, name: str) -> Any:
    return shape.tool(queries.tool(name))


@router.put("/tools/{name}", auth=may(Role.ADMIN), summary="Write a shared HTTP tool, whole", openapi_extra=_TOOL)
def put_tool(request: HttpRequest, name: str, body: Whole) -> Any:
    """As a definition's own tools: `{title, description, http: {method, url, headers, body}, effect, input, output, timeout,
    reconcile}`."""
    to_the_letter(request)
    warnings = acts.put_tool(name=name, body=shape.writable(body, name=name, kind="http"), by=who(request))
    return {**shape.tool(queries.tool(name)), "problems": as_dicts(warnings)}


@router.get("/secrets", auth=may(Role.DESIGNER), summary="List the names of secrets", openapi_extra=_NAMES)
def list_secrets(request: HttpRequest) -> Any:
    known(request)
    return {"items": [{"name": found.name, "updated": shape.when(found.updated)} for found in queries.secrets()], "next": None}


@router.get(
    "/secrets/{name}", auth=may(Role.DESIGNER), summary="That there is a secret, and since when", openapi_extra=answers(ok=Secret)
)
def get_secret(request: HttpRequest, name: str) -> Any:
    found = queries.secret(name)
    return {"name": found.name, "updated": shape.when(found.updated)}


@router.put("/secrets/{name}", auth=may(Role.ADMIN), summary="Write a secret", openapi_extra=answers(ok=Secret))
def put_secret(request: HttpRequest, name: str, body: SecretValue) -> Any:
    to_the_letter(request)
    acts.put_secret(name=name, value=body.value, by=who(request))
    found = queries.secret(name)
    return {"name": found.name, "updated": shape.when(found.updated)}


@router.delete("/providers/{name}", auth=may(Role.ADMIN), summary="Delete a provider", response={204: None}, openapi_extra=_GONE)
def delete_provider(request: HttpRequest, name: str) -> Any:
    return _deleted(request, "provider", name)


@router.delete(
    "/tools/{name}", auth=may(Role.ADMIN), summary="Delete a shared HTTP tool", response={204: None}, openapi_extra=_GONE
)
def delete_tool(request: HttpRequest, name: str) -> Any:
    return _deleted(request, "tool", name)


@router.delete("/secrets/{name}", auth=may(Role.ADMIN), summary="Delete a secret", response={204: None}, openapi_extra=_GONE)
def delete_secret(request: HttpRequest, name: str) -> Any:
    return _deleted(request, "secret", name)


def _deleted(request: HttpRequest, kind: Kind, name: str) -> Any:
    """204, or 409 with a problem for each that still names it."""
    try:
        removal.delete(kind=kind, name=name, by=who(request))
    except Refused as refused:
        return refusal(refused, 409)
    return Status(204, None)
