"""A real process of a deployment: started with a clean environment, written about in a log of its own, ended by its id, and
started again when it has ended, as a service manager would."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.repo.tree import ROOT

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class Process:
    """`module` and what follows are what `python -m` gets. `environment` is all that it is told beside where things lie."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], *module: str) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._command = [sys.executable, "-m", *module]
        kept = {each: os.environ[each] for each in KEPT if each in os.environ}
        self._environment = {**kept, "PYTHONUNBUFFERED": "1", **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self.stopped = False
        """By SIGSTOP."""
        self.unasked: list[int] = []
        """The exit codes of ends that nobody asked for."""
        self.doomed = False
        """Somebody is about to do something to it, or has."""
        self._asked = False
        self._reading = threading.Lock()
        self._read: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        return self._process.poll() if self._process else None

    def spare(self) -> None:
        self.doomed = False

    def start(self) -> "Process":
        self._asked = self.stopped = self.doomed = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def tell(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        if number in (signal.SIGKILL, signal.SIGTERM):
            self._asked = True
        self.stopped = number == signal.SIGSTOP or (self.stopped and number not in (signal.SIGCONT, signal.SIGKILL))
        if self.alive:
            os.kill(self.pid, number)

    def ended_by(self, number: signal.Signals, seconds: float) -> int | None:
        """Tells it to end: its exit code, None where it takes longer. Whatever is started in its place is another."""
        process = self._process
        assert process is not None
        self.tell(number)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        if self._process is not None and self.alive:
            self.tell(signal.SIGKILL)
            self._process.wait()

    def count(self, words: str) -> int:
        """How many lines of its log have these words so far. The log is read as it grows."""
        with self._reading, self.log.open("rb") as lines:
            lines.seek(self._read[words])
            found = [line for line in lines if line.endswith(b"\n")]
            self._read[words] += sum(map(len, found))
            self._counted[words] += sum(words.encode() in line for line in found)
            return self._counted[words]


class Keeper:
    """Starts again whatever has ended. What ended unasked is noted with its process."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.2):
            for process in self._processes:
                if not process.alive and process.code is not None:
                    if not process._asked:
                        process.unasked.append(process.code)
                    process.start()


def until(condition: object, what: str, seconds: float = 60.0) -> None:
    """Returns once it holds; fails where it does not for long."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"this never came about: {what}"
        time.sleep(0.05)
