"""/settings/…: how things stand, what runs may reach, tokens, people."""

from django.urls import path

from dashboard.pages import health_page

urlpatterns = [
    path("", health_page.health_page, name="settings_health"),
]
