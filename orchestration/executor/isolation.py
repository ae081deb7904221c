"""Suspects run in a child process that may die: `manage.py isolate --group N`, an engine that claims nothing else.

The child ends by itself when no suspect is left, and when its parent is gone (its standard input closes); a line there says: look
now. One is started already where a heart is late, so that what its worker held need not wait for a process to begin.
"""

import contextlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)


class Isolation:
    def __init__(self) -> None:
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def see(self, groups: set[int], soon: set[int] | frozenset[int] = frozenset()) -> None:
        """Starts a child for each kind of suspects that there are, or will be soon, and that has none. A child that there is, is
        told to look for those that there are."""
        for group, child in list(self._children.items()):
            if child.poll() is not None:
                self._children.pop(group)
                if child.returncode:
                    log.warning("The process that ran suspects in groups of %d died (%d).", group, child.returncode)
        for group in groups & self._children.keys():
            self._tell(self._children[group])
        for group in (groups | soon) - self._children.keys():
            command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "isolate", "--group", str(group)]
            # Ctrl-C is for this process: it tells the child itself.
            self._children[group] = subprocess.Popen(command, stdin=subprocess.PIPE, env=_environment(), start_new_session=True)

    def _tell(self, child: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(OSError):  # it has just ended; the next sweep sees that
            assert child.stdin is not None
            child.stdin.write(b"\n")
            child.stdin.flush()

    def end(self) -> None:
        """Begins to: each child gives back what it holds, and ends."""
        for child in self._children.values():
            if child.stdin:
                with contextlib.suppress(OSError):
                    child.stdin.close()

    def wait(self, seconds: float) -> None:
        """Until the children have ended, and that long at most."""
        until = time.monotonic() + seconds
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(until - time.monotonic(), 0.0))

    def stop(self) -> None:
        self.end()
        self.wait(5.0)
        for child in self._children.values():
            if child.poll() is None:
                child.kill()
                child.wait()
        self._children.clear()


def _environment() -> dict[str, str]:
    """What this process may reach, the child may too: also what was opened after it had started, as the way to the samples."""
    return {**os.environ, "INTERLOCK_REACH": ",".join(settings.REACH)}
