"""The API at /api/v1/: its routers, in the order of DESIGN.md 9, and its description at openapi.json.

There is no page for the description: those that are to be had bring scripts from elsewhere.
"""

from dashboard.api import editing, escalations, events, problems, reach, runs, schedules, trial, workflows
from dashboard.api.bodies import CleanParser
from dashboard.api.description import DescribedAPI
from dashboard.api.guard import guarded, may
from orchestration.roles import Role

api = DescribedAPI(
    title="Interlock",
    version="1",
    description="Problems come as RFC 9457 documents; lists as {items, next}, the next page with ?after=.",
    servers=[{"url": "/", "description": "This Interlock; the paths are whole."}],
    urls_namespace="api",
    docs_url=None,
    openapi_url="/openapi.json",
    parser=CleanParser(),
    auth=may(Role.ADMIN),
)
problems.install(api)
api.add_router("/workflows", workflows.router)
api.add_router("/workflows", editing.router)
api.add_router("/workflows", runs.starting)
api.add_router("/workflows", schedules.of_workflow)
api.add_router("/runs", runs.router)
api.add_router("/schedules", schedules.router)
api.add_router("/events", events.router)
api.add_router("/escalations", escalations.router)
api.add_router("/steps", trial.router)
api.add_router("", reach.router)

_patterns, _app, _space = api.urls
urls = (guarded(_patterns), _app, _space)
