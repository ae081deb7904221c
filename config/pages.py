"""Django's handler for pages and API, with the whole of a request on one thread.

Every view and every middleware of ours is synchronous. Django would take such a request from the loop to a thread, back to the
loop for the view, and to the thread again, each with its way there and back.
"""

from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest


class Pages(ASGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> Any:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


def application() -> Pages:
    """What `get_asgi_application` gives, with this handler."""
    django.setup(set_prefix=False)
    return Pages()
