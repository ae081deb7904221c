"""The REST interface: who may do what, for each route that there is."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern

from dashboard.api.urls import urls
from orchestration.models import Secret, Workflow
from orchestration.roles import Role
from tests import factories
from tests.api import Api

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

NOTHING = "0" * 26
CHAIN = (Role.VIEWER, Role.OPERATOR, Role.DESIGNER, Role.ADMIN)
ROUTES: dict[tuple[str, str], tuple[Role, int]] = {
    ("GET", "openapi.json"): (Role.VIEWER, 200),
    ("GET", ""): (Role.VIEWER, 404),
    ("GET", "workflows"): (Role.VIEWER, 200),
    ("POST", "workflows"): (Role.DESIGNER, 422),
    ("POST", "workflows/check"): (Role.DESIGNER, 200),
    ("GET", "workflows/<workflow>"): (Role.VIEWER, 404),
    ("POST", "workflows/<workflow>/publish"): (Role.DESIGNER, 404),
    ("POST", "workflows/<workflow>/retire"): (Role.DESIGNER, 422),
    ("POST", "workflows/<workflow>/reinstate"): (Role.DESIGNER, 404),
    ("POST", "workflows/<workflow>/edit"): (Role.DESIGNER, 422),
    ("POST", "workflows/<workflow>/undo"): (Role.DESIGNER, 422),
    ("POST", "workflows/<workflow>/redo"): (Role.DESIGNER, 422),
    ("GET", "workflows/<workflow>/history"): (Role.VIEWER, 404),
    ("GET", "workflows/<workflow>/versions"): (Role.VIEWER, 404),
    ("GET", "workflows/<workflow>/versions/<int:number>"): (Role.VIEWER, 404),
    ("GET", "workflows/<workflow>/diff"): (Role.VIEWER, 404),
    ("POST", "workflows/<workflow>/runs"): (Role.OPERATOR, 404),
    ("GET", "workflows/<workflow>/schedules"): (Role.VIEWER, 404),
    ("POST", "workflows/<workflow>/schedules"): (Role.DESIGNER, 404),
    ("POST", "workflows/<workflow>/schedules/check"): (Role.DESIGNER, 404),
    ("GET", "schedules/<schedule>"): (Role.VIEWER, 404),
    ("PUT", "schedules/<schedule>"): (Role.DESIGNER, 404),
    ("DELETE", "schedules/<schedule>"): (Role.DESIGNER, 404),
    ("POST", "schedules/<schedule>/pause"): (Role.OPERATOR, 404),
    ("POST", "schedules/<schedule>/resume"): (Role.OPERATOR, 404),
    ("GET", "runs"): (Role.VIEWER, 200),
    ("GET", "runs/<run>"): (Role.VIEWER, 404),
    ("GET", "runs/<run>/records"): (Role.VIEWER, 404),
    ("GET", "runs/<run>/state"): (Role.VIEWER, 404),
    ("POST", "runs/<run>/cancel"): (Role.OPERATOR, 404),
    ("GET", "escalations"): (Role.VIEWER, 200),
    ("GET", "escalations/<escalation>"): (Role.VIEWER, 404),
    ("POST", "escalations/<escalation>/claim"): (Role.OPERATOR, 404),
    ("POST", "escalations/<escalation>/release"): (Role.OPERATOR, 404),
    ("PUT", "escalations/<escalation>/draft"): (Role.OPERATOR, 404),
    ("POST", "escalations/<escalation>/preview"): (Role.OPERATOR, 422),
    ("POST", "escalations/<escalation>/resolve"): (Role.OPERATOR, 422),
    ("GET", "events"): (Role.VIEWER, 200),
    ("GET", "events/<event>"): (Role.VIEWER, 404),
    ("POST", "events"): (Role.OPERATOR, 422),
    ("POST", "steps/try"): (Role.DESIGNER, 422),
    ("GET", "providers"): (Role.VIEWER, 200),
    ("GET", "providers/<name>"): (Role.VIEWER, 404),
    ("PUT", "providers/<name>"): (Role.ADMIN, 422),
    ("DELETE", "providers/<name>"): (Role.ADMIN, 404),
    ("GET", "tools"): (Role.VIEWER, 200),
    ("GET", "tools/<name>"): (Role.VIEWER, 404),
    ("PUT", "tools/<name>"): (Role.ADMIN, 422),
    ("DELETE", "tools/<name>"): (Role.ADMIN, 404),
    ("GET", "secrets"): (Role.DESIGNER, 200),
    ("GET", "secrets/<name>"): (Role.DESIGNER, 404),
    ("PUT", "secrets/<name>"): (Role.ADMIN, 422),
    ("DELETE", "secrets/<name>"): (Role.ADMIN, 404),
}
"""Each route: the least role that may call it, and what an empty request about nothing is answered."""


@pytest.fixture
def everyone(viewer: User, operator: User, designer: User, admin: User) -> dict[Role, Api]:
    return dict(zip(CHAIN, map(Api, (viewer, operator, designer, admin)), strict=True))


def test_every_route_of_the_api_stands_in_the_table() -> None:
    patterns: list[URLPattern] = urls[0]
    assert {str(pattern.pattern) for pattern in patterns} == {path for _, path in ROUTES}


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part or "root")
def test_a_route_is_for_its_role_and_those_above(method: str, path: str, everyone: dict[Role, Api]) -> None:
    least, answer = ROUTES[method, path]
    concrete = path.replace("<int:number>", "7").replace("<name>", "nothing").replace("<workflow>", "nothing")
    concrete = concrete.replace("<run>", NOTHING).replace("<escalation>", NOTHING).replace("<schedule>", NOTHING)
    body = b"{}" if method in ("POST", "PUT") else b""
    for role, api in everyone.items():
        response = api.ask(method, concrete, body)
        assert response.status_code == (answer if role.covers(least) else 403), role
        if response.status_code >= 400:
            assert response["Content-Type"] == "application/problem+json"
            assert {"type", "title", "status", "code", "detail"} <= set(response.json())
            assert not role.covers(least) or answer != 404 or response.json()["code"] == "not_found"
            assert role.covers(least) or response.json()["code"] == "forbidden"
    assert not Workflow.objects.exists()
    assert not Secret.objects.exists()


def test_a_token_made_for_less_may_less(admin: User) -> None:
    api = Api(admin, role=Role.VIEWER)
    assert api.get("runs")[0] == 200
    status, told = api.put("secrets/desk", {"value": "x"})
    assert (status, told["detail"]) == (403, "This takes the role admin; you are viewer. Ask an admin.")


def test_a_session_may_read_and_needs_its_csrf_token_to_write(operator: User) -> None:
    run = factories.start()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.get("/api/v1/runs").status_code == 200
    refused = browser.post(f"/api/v1/runs/{run.id}/cancel", "{}", content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert refused.json()["code"] == "csrf"
    browser.get("/account/password/")
    token = next(cookie.value for name, cookie in browser.cookies.items() if "csrf" in name)
    done = browser.post(f"/api/v1/runs/{run.id}/cancel", "{}", content_type="application/json", headers={"X-CSRFToken": token})
    assert (done.status_code, done.json()["status"]) == (200, "cancelled")


def test_what_is_no_method_here_says_which_are(ada: Api) -> None:
    response = ada.ask("DELETE", "runs")
    assert (response.status_code, response["Allow"]) == (405, "GET")
    assert (response["Content-Type"], response.json()["code"]) == ("application/problem+json", "method_not_allowed")
    status, told = ada.get("nothing/of/the/kind")
    assert (status, told["code"]) == (404, "not_found")


def test_the_description_names_every_route(ada: Api) -> None:
    status, told = ada.get("openapi.json")
    assert status == 200
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    wanted = {
        (method, "/api/v1/" + path.replace("<int:number>", "{number}").replace("<", "{").replace(">", "}"))
        for method, path in ROUTES
        if path not in ("", "openapi.json")
    }
    assert described == wanted
    body = told["paths"]["/api/v1/workflows"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/yaml", "application/json"}
