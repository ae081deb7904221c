"""The pages. Every one of them is denied to who is not signed in, but for `dashboard.access.PUBLIC`."""

from django.urls import include, path

from dashboard.api.urls import urls as api
from dashboard.gallery import gallery
from dashboard.health import healthz
from dashboard.pages.events import event, events, send
from dashboard.pages.finding import find
from dashboard.pages.home import home
from dashboard.pages.reference import reference_page
from dashboard.pages.start import start

urlpatterns = [
    path("", home, name="home"),
    path("workflows/<str:workflow>/run/", start, name="workflow_run"),
    path("workflows/", include("dashboard.workflow_urls")),
    path("runs/", include("dashboard.run_urls")),
    path("events/", events, name="events"),
    path("events/send/", send, name="event_send"),
    path("events/<str:event>/", event, name="event"),
    path("inbox/", include("dashboard.inbox_urls")),
    path("settings/", include("dashboard.settings_urls")),
    path("find/", find, name="find"),
    path("reference/", reference_page, name="reference"),
    path("healthz", healthz, name="healthz"),
    path("api/v1/", api),
    path("gallery/", gallery, name="gallery"),
]
