"""The socket routes. Every one of them is denied to who is not signed in (`dashboard.access.SignedInSockets`)."""

from typing import Any

websocket_urlpatterns: list[Any] = []
