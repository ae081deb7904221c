"""The pages. Every one of them is denied to who is not signed in, but for `dashboard.access.PUBLIC`."""

from django.urls import path

from dashboard.gallery import gallery
from dashboard.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("gallery/", gallery, name="gallery"),
]
