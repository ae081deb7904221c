"""The socket routes. Every one of them is denied to who is not signed in (`dashboard.access.SignedInSockets`)."""

from typing import Any

from django.urls import path

from dashboard.live import LiveConsumer

websocket_urlpatterns: list[Any] = [
    path("live/", LiveConsumer.as_asgi()),
]
