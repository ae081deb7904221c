"""A cable to a server, to be cut: it listens on a port of its own and carries bytes to another."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

Moment = Literal["before", "after", "during"]
"""`before`: what was said does not arrive. `after`: it does, and the answer is lost. `during`: it does, and nobody is there for
the answer, which the server does not notice before it gives one."""


class Cable:
    def __init__(self, host: str, port: int) -> None:
        self.cuts = 0
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wires: set[_Wire] = set()
        self._lock = threading.Lock()
        self._down = False
        self._word: tuple[bytes, int, Moment, Callable[[], None] | None] | None = None
        threading.Thread(target=self._accept, name="cable", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """All connections end, and none is made until `mend`."""
        self._down = True
        for wire in list(self._wires):
            wire.close()
            self.cuts += 1

    def mend(self) -> None:
        self._down = False

    def deafen(self) -> None:
        """On the connections that there are, what clients say arrives, and they hear nothing any more, not even an end."""
        for wire in list(self._wires):
            wire.deaf = True
            self.cuts += 1

    def cut_at(self, word: bytes, nth: int, moment: Moment, first: Callable[[], None] | None = None) -> None:
        """Cuts the one connection on which a client says `word` for the nth time from now on. `first` is called before that."""
        self._word = (word, nth, moment, first)

    def heard(self, data: bytes) -> Moment | None:
        """Whether the connection on which this was said is to be cut."""
        with self._lock:
            if self._word is None or self._word[0] not in data:
                return None
            word, nth, moment, first = self._word
            self._word = (word, nth - 1, moment, first) if nth > 1 else None
            if nth > 1:
                return None
        if first is not None:
            first()
        self.cuts += 1
        return moment

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._down:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(self._to)
                except OSError:
                    client.close()
                    continue
                wire = _Wire(self, client, server)
                self._wires.add(wire)
                wire.start(self._wires.discard)


class _Wire:
    """One connection: a thread for each way."""

    def __init__(self, cable: Cable, client: socket.socket, server: socket.socket) -> None:
        self._cable, self._client, self._server = cable, client, server
        self._doomed: Moment | None = None
        self.deaf = False

    def start(self, on_end: Callable[["_Wire"], None]) -> None:
        threading.Thread(target=self._out, daemon=True).start()
        threading.Thread(target=self._back, args=(on_end,), daemon=True).start()

    def close(self) -> None:
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _out(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(65536):
                self._doomed = self._doomed or self._cable.heard(data)
                if self._doomed == "before":
                    break
                self._server.sendall(data)
                if self._doomed == "during":
                    self._client.shutdown(socket.SHUT_RDWR)
                    self._server.shutdown(socket.SHUT_WR)
                    return
        if self._doomed != "after":
            self.close()

    def _back(self, on_end: Callable[["_Wire"], None]) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(65536):
                if self._doomed == "after":
                    break
                if self._doomed is None and not self.deaf:
                    self._client.sendall(data)
        self.close()
        self._client.close()
        self._server.close()
        on_end(self)
