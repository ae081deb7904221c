"""A worker process, to be killed, stopped and told to end; forked from a warm one (`nursery`), and minded by its parent.

On the line it says "claiming" once it claims. It stops at SIGTERM after at most `grace` seconds, at once when the line closes, as
the test that started it is gone.
"""

import contextlib
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class Orders:
    """`group` as in `Worker`; `failpoints` as INTERLOCK_FAILPOINTS; `database`: Django's settings of it. One that is `quiet`
    neither beats nor sweeps after the first time."""

    reach: str
    database: dict[str, Any]
    failpoints: str = ""
    group: int = 0
    grace: float = 3.0
    quiet: bool = False
    session: str = ""
    """What its sessions on PostgreSQL are begun with, as -c name=value."""


def mind(line: Connection, orders: Orders) -> None:
    """Forks the worker, and says on the line what becomes of it. It is woken at a word, and killed where nobody says any."""
    if not (pid := os.fork()):
        code = 70
        try:
            work(line, orders)
            code = 0
        finally:
            os._exit(code)
    line.send(("born", pid))
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        line.send(("stopped", pid))
        try:
            line.recv()
            os.kill(pid, signal.SIGCONT)
        except EOFError:
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        line.send(("ended", os.waitstatus_to_exitcode(status)))


def work(line: Connection, orders: Orders) -> None:
    from django.conf import settings
    from django.db import connections

    from orchestration.acts import firing
    from orchestration.executor import sweep
    from orchestration.executor.engine import Engine
    from orchestration.record import failpoints

    database = connections.settings["default"]
    database.update(orders.database)
    if database["ENGINE"].endswith("postgresql"):
        database["OPTIONS"]["options"] += f" {orders.session}"
    settings.REACH = (orders.reach,)
    failpoints._armed.update(failpoints._parse(orders.failpoints))
    if orders.quiet:
        sweep.BEAT = sweep.EVERY = 3600.0
    failpoints._end = _and_long
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    engine = Engine(name="victim", group=orders.group, schedules=firing.due).start()
    line.send(("claiming", os.getpid()))
    threading.Thread(target=_until_closed, args=(line,), daemon=True).start()
    while not told.wait(0.2):  # a signal may wake another thread than this one, which is to handle it
        pass
    engine.stop(grace=orders.grace)


def _and_long(number: signal.Signals) -> None:
    """Whoever is stopped has slept for longer than a hold is taken for granted."""
    from orchestration.executor import bench

    bench.SURE = -1.0
    signal.pthread_kill(threading.get_ident(), number)


def _until_closed(line: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        line.recv()
    os._exit(1)
