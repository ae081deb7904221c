"""The web server of the embedded mode: uvicorn on the main thread, over a socket that was bound before anything else began."""

import asyncio
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvicorn

GRACE = 4.0
"""Seconds from the first signal to the hard exit: the engine's drain, then the server's second for its clients. A stop may take
five, and a busy machine is late. Whatever is cut off then is leased, and goes on at the next start."""


class PortTaken(Exception):
    """Its text says who can't listen where, and what to do."""


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket bound to the address; raises `PortTaken`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise PortTaken(_why(error, port)) from None
    return listener


def _why(error: Exception, port: int) -> str:
    other = "choose another one: make run PORT=8001"
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"Port {port} is taken, perhaps by another Interlock. Stop that program, or {other}"
    if code == errno.EACCES:
        return f"Port {port} is not for ordinary users; {other}"
    return f"Can't listen on port {port} ({error}); {other}"


class Server(uvicorn.Server):
    """Calls `on_ready` on the server's loop once requests are answered, and `on_stop` at the first signal to end. From then on it
    goes on answering until `may_close`; just before it closes, it calls `on_close`."""

    def __init__(
        self,
        application: Any,
        on_ready: Callable[[asyncio.AbstractEventLoop], None],
        on_stop: Callable[[], None] = lambda: None,
        may_close: Callable[[], bool] = lambda: True,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                lifespan="off",
                ws="websockets-sansio",
                log_config=None,
                access_log=False,
                server_header=False,
                # An address that a client may write itself must not decide whose wrong passwords are counted.
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.on_ready = on_ready
        self.on_stop = on_stop
        self.may_close = may_close
        self.on_close = on_close
        self.told = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready(asyncio.get_running_loop())

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.told:
            os._exit(0)
        self.told = True
        self.on_stop()

    async def on_tick(self, counter: int) -> bool:
        if self.told and self.may_close():
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_close()
        await super().shutdown(sockets)


def serve_until_told(server: Server, listener: socket.socket) -> None:
    """Serves on the main thread until SIGINT or SIGTERM; a second one ends the process at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # One that comes before uvicorn listens for it, or after, changes nothing.
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])


def exit_after(seconds: float, code: int = 0) -> None:
    """Ends the process that late at the latest, whatever still hangs."""
    alarm = threading.Timer(seconds, _leave, [code])
    alarm.daemon = True
    alarm.start()


def _leave(code: int) -> None:
    sys.stdout.flush()
    os._exit(code)
