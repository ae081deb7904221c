"""Workers as processes of their own, which die, stop, and are told to end; and what others then do."""

import os
import signal
import subprocess
import sys

from django.db import connection

from orchestration.executor import sweep
from orchestration.models import Worker
from orchestration.record.clock import database_now
from tests.engine.conftest import PATIENCE
from tests.servers import ScriptedServer


class Process:
    """One worker process. `group` as in `Worker`; `failpoints` as INTERLOCK_FAILPOINTS. One that is to be stopped is `quiet`:
    else it may be stopped while its heartbeat holds SQLite's only lock, and nobody in the world could write."""

    def __init__(
        self, server: ScriptedServer, failpoints: str = "", group: int = 0, grace: float = 3.0, quiet: bool = False
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.worker", str(group)],
            env={**environment(server), "INTERLOCK_FAILPOINTS": failpoints, "GRACE": str(grace), "QUIET": "1" * quiet},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def claiming(self) -> "Process":
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "claiming\n"
        return self

    def died(self) -> None:
        """Returns once it has been killed, and nobody will wait for its heartbeat any more."""
        assert self.ended() == -signal.SIGKILL, "the fault did not bite"
        bury(self.process.pid)

    def stopped(self) -> None:
        """Returns once SIGSTOP has reached it."""
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "the fault did not bite"

    def told(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.communicate()


def environment(server: ScriptedServer) -> dict[str, str]:
    return {**os.environ, "TEST_DATABASE": str(connection.settings_dict["NAME"]), "REACH": server.place}


def bury(pid: int) -> None:
    """Its heartbeat has lapsed, and the sweep has seen that."""
    now = database_now()
    Worker.objects.filter(pid=pid).update(beat=now - 2 * sweep.LAPSE)
    sweep.recover(now)
