"""Workers as processes of their own, which die, stop, and are told to end; and what others then do."""

import multiprocessing
import os
import signal
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from typing import Any

from django.db import connection

from orchestration.executor import sweep
from orchestration.models import Worker
from orchestration.record.clock import database_now
from tests.engine.conftest import PATIENCE
from tests.engine.worker import Orders, mind
from tests.servers import ScriptedServer


class Process:
    """One worker process; `orders` as in `Orders`. One that is to be stopped is `quiet`: else it may be stopped while its
    heartbeat holds SQLite's only lock, and nobody in the world could write."""

    def __init__(self, server: ScriptedServer, failpoints: str = "", **orders: Any) -> None:
        self._line, theirs = multiprocessing.Pipe()
        database = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT")}
        told = Orders(server.place, database, failpoints, **orders)
        self._minder = nursery(server).Process(target=mind, args=(theirs, told), daemon=True)
        self._minder.start()
        theirs.close()
        self.pid = self._heard("born")

    def claiming(self) -> "Process":
        self._heard("claiming")
        return self

    def died(self) -> None:
        """Returns once it has been killed, and nobody will wait for its heartbeat any more."""
        assert self.ended() == -signal.SIGKILL, "the fault did not bite"
        bury(self.pid)

    def stopped(self) -> "Process":
        """Returns once SIGSTOP has reached it."""
        self._heard("stopped")
        return self

    def woken(self) -> None:
        self._line.send("wake")

    def told(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ended(self) -> int:
        code = self._heard("ended")
        self._minder.join(PATIENCE)
        self._line.close()
        return code

    def _heard(self, word: str) -> int:
        """What is said with that word. What comes before it does not matter, but the end."""
        while self._line.poll(PATIENCE):
            said, value = self._line.recv()
            if said == word:
                return int(value)
            assert said != "ended", f"it ended ({value}) before it was {word}"
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"it never was {word}")


@cache
def _warm() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.engine.nursery"])
    return context


def nursery(server: ScriptedServer) -> ForkServerContext:
    """A process that has imported all that a worker needs, forks others from it."""
    kept = dict(os.environ)
    os.environ.update(environment(server))
    try:
        context = _warm()
        forkserver.ensure_running()
        return context
    finally:
        os.environ.clear()
        os.environ.update(kept)


def environment(server: ScriptedServer) -> dict[str, str]:
    return {**os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"]), "REACH": server.place}


def bury(pid: int) -> None:
    """Its heartbeat has lapsed, and the sweep has seen that."""
    now = database_now()
    Worker.objects.filter(pid=pid).update(beat=now - 2 * sweep.LAPSE)
    sweep.recover(now)
