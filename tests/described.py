"""Answers of the REST interface beside its own description: the status is declared, and the body meets the schema and holds
nothing that isn't in it."""

from functools import cache
from typing import Any

import jsonschema_rs
from django.urls import Resolver404, resolve

from dashboard.api.urls import api
from orchestration.core import values

Json = dict[str, Any]


@cache
def document() -> Json:
    """The description as it is sent."""
    return dict(values.load(values.dump(api.get_openapi_schema())))


def check(method: str, address: str, response: Any) -> None:
    """Fails where the answer is not as described. What is at no address, and methods that are none there, are not described."""
    operation = _operation(method, address)
    if operation is None:
        return
    told = operation["responses"].get(str(response.status_code))
    assert told is not None, f"{method} {address} says nothing of {response.status_code}"
    if "content" not in told:
        assert not response.content
        return
    kind = response["Content-Type"].partition(";")[0]
    assert kind in told["content"], f"{response.status_code} of {method} {address} is {kind}"
    errors = [
        f"{list(error.instance_path)}: {error.message}"
        for error in _validator(told["content"][kind]["schema"]["$ref"]).iter_errors(values.load(response.content))
    ]
    assert not errors, f"{response.status_code} of {method} {address}: {errors[:5]}"
    assert set(told.get("headers", ())) <= set(response.headers)


def _operation(method: str, address: str) -> Json | None:
    try:
        route = resolve(address.partition("?")[0]).route
    except Resolver404:
        return None
    path = "/" + route.replace("<int:", "{").replace("<", "{").replace(">", "}")
    return document()["paths"].get(path, {}).get(method.lower())


@cache
def _validator(ref: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": ref, "components": _closed(document()["components"])}, validate_formats=True
    )


def _closed(schema: Any) -> Any:
    """The same, without room for what is not declared."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found
