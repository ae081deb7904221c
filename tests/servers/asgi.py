"""Any ASGI application on a port of its own, for the time of a test."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from orchestration.management.server import Server, listening_socket

PATIENCE = 30


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application in which there is nothing."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def serve(application: Any) -> Iterator[str]:
    """Its address, as http://127.0.0.1:40001."""
    ready = threading.Event()

    def on_ready(loop: asyncio.AbstractEventLoop) -> None:
        ready.set()

    listener = listening_socket("127.0.0.1", 0)
    server = Server(application, on_ready)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="asgi", daemon=True)
    thread.start()
    assert ready.wait(PATIENCE), "the server did not start"
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
