"""The description at openapi.json, as a client is generated from it: what each operation takes, answers, and refuses with.

An endpoint names its answers (`answers`); what it may be refused with follows from what it takes, the same for all.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import REF_TEMPLATE
from ninja.operation import Operation
from pydantic import BaseModel

from dashboard.api.answers import Refusal

Json = dict[str, Any]

_MODELS: dict[str, type[BaseModel]] = {}
_SAID = {
    "after": "What `next` of the page before said.",
    "limit": "How many at most, 1 to 200.",
    "revision": "Only over this revision.",
    "wait": "Seconds to wait, 60 at most, for the run to end, or to need a person or an event.",
    "at": "The step record after which; the latest without, 0 before the first.",
    "from": "A version's number, or `draft`.",
    "to": "A version's number, or `draft`.",
    "status": "One or several, with commas between.",
    "workflow": "The workflow's id.",
    "version": "The version's number.",
    "number": "The version's number.",
    "run": "The run's id.",
    "escalation": "The escalation's id.",
    "event": "The event's id.",
    "outcome": "The named end.",
    "schedule": "The schedule's id.",
    "key": "The business key.",
    "created_from": "Not before this moment, with its zone.",
    "created_to": "Before this moment, with its zone.",
    "parent": "Child runs of the run with this id; without it, none.",
    "path": "Child runs of the step at this path of their parent.",
    "queue": "The queue's name.",
    "kind": "Why a person is asked: `human`, `unknown`, `limit` or `quarantine`.",
    "mine": "Those alone that you have claimed.",
    "name": "As definitions say it.",
}
_REFUSALS = {
    401: "No token, or one that is none, has expired or was revoked: `unauthorized`.",
    403: "The token's role is too little: `forbidden`. Of a browser: `csrf`, `no_role` or `one_time_password`.",
    404: "There is no such thing: `not_found`; or not any more: `pruned`.",
    409: "Somebody was first: who, and what, as far as it goes. The code is `already_resolved`, `already_ended`, "
    "`claimed_by_another`, `stale_revision`, `moved`, `overtaken` (the same again may do), `newer_release`, `unreadable_run`, "
    "`retired_workflow` or `already_retired`; "
    "where there are `problems`, that of the first.",
    413: "The body is too large: `too_large`.",
    422: "Something is wrong with what was sent; `problems` says where, and what to do. The code is that of the first.",
    503: "The database can't be used at the moment, and nothing was stored: `unavailable`. Or this server ends: `stopping`; ask "
    "again, with the same Idempotency-Key.",
}
_HEADERS = {
    401: {"WWW-Authenticate": ("Bearer", {"type": "string"})},
    503: {"Retry-After": ("Seconds.", {"type": "string"})},
}
REPEATABLE: Json = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
            "description": "The same key with the same request is answered as the first one was, and does nothing again.",
        }
    ]
}
"""For the description of endpoints that take an Idempotency-Key."""


def answers(*refused: int, headers: dict[str, str] | None = None, **models: Any) -> Json:
    """Of an endpoint: `ok`, `created`, `accepted` or `no_content` with the model that comes back, if any, and what it may be
    `refused` with beside what it is refused with by what it takes. `headers` come with each answer."""
    found: dict[int, Json] = {}
    for name, model in models.items():
        status = HTTPStatus[name.upper()]
        said: Json = {"description": status.phrase}
        if model is not None:
            said["content"] = {"application/json": {"schema": ref(model)}}
        if headers:
            said["headers"] = {key: {"description": text, "schema": {"type": "string"}} for key, text in headers.items()}
        found[int(status)] = said
    return {"responses": {**found, **{status: _refusal(status) for status in refused}}}


def ref(model: type[BaseModel]) -> Json:
    name = model.__name__.replace("[", "_").replace("]", "")
    _MODELS[name] = model
    return {"$ref": REF_TEMPLATE.format(model=name)}


def body(kind: type[BaseModel], said: str) -> Json:
    """Of an endpoint whose act itself checks the body, and explains what is wrong with it."""
    content = {"application/json": {"schema": {"allOf": [ref(kind)]}}}
    return {"requestBody": {"required": True, "description": said, "content": content}}


def _refusal(status: int) -> Json:
    said: Json = {"description": _REFUSALS[status], "content": {"application/problem+json": {"schema": ref(Refusal)}}}
    if status in _HEADERS:
        said["headers"] = {key: {"description": text, "schema": kind} for key, (text, kind) in _HEADERS[status].items()}
    return said


class DescribedAPI(NinjaAPI):
    """An API whose description says what it can be refused with, and for whom each operation is."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> Any:
        document: Any = super().get_openapi_schema(*args, **kwargs)
        roles = dict(self._roles())
        for path in document["paths"].values():
            for operation in path.values():
                _complete(operation, roles[operation["operationId"]])
        document["components"]["schemas"] |= _schemas()
        document["components"]["securitySchemes"]["BearerToken"]["description"] = "`manage.py token` makes one."
        return document

    def _roles(self) -> Iterator[tuple[str, str]]:
        for router in self._get_bound_routers():
            for view in router.path_operations.values():
                for operation in view.operations:
                    needed: Any = operation.auth_callbacks[0]
                    yield self.get_openapi_operation_id(operation), needed.role


def _complete(operation: Json, role: str) -> None:
    parameters = operation["parameters"]
    for parameter in parameters:
        parameter.setdefault("description", _SAID.get(parameter["name"], ""))
    taken = {parameter["in"] for parameter in parameters}
    refused = {401, 403, 503}
    refused |= {404} if "path" in taken else set()
    refused |= {422} if taken & {"query", "header"} or "requestBody" in operation else set()
    refused |= {413} if "requestBody" in operation else set()
    operation["responses"] = {str(status): said for status, said in operation["responses"].items()}
    for status in sorted(refused):
        operation["responses"].setdefault(str(status), _refusal(status))
    words = operation.get("description", "")
    operation["description"] = f"{words}\n\nFor the role {role} and those above.".strip()


def _schemas() -> Json:
    """Every model that was referred to, and those that they hold, by name."""
    ref(Refusal)
    found: Json = {}
    for name, model in _MODELS.items():
        schema = model.model_json_schema(ref_template=REF_TEMPLATE)
        found |= schema.pop("$defs", {})
        found[name] = schema
    return found
