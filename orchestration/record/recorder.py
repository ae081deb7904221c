"""Group commit: one thread with one connection that writes what the runs of a worker want written, together.

    alone      a commit is written at once
    in crowds  what has gathered while the last flush was written goes into the next: one transaction, one fsync

Each run learns its own answer. A flush holds one commit a run, and at most `MOST` of them or `MOST_BYTES`. When a flush
fails, it is tried again after a lost connection or a deadlock (asking first which commits had been applied), and else halved
until the guilty commit stands alone: that one's run gets the exception, the others their answers.

The thread also runs other short writes of the worker (`job`), so that on SQLite a process never competes with itself.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

from django.db import connection

from orchestration.record.apply import applied, apply, dedicate
from orchestration.record.rows import Commit
from orchestration.record.trouble import passing

log = logging.getLogger(__name__)

MOST = 200
MOST_BYTES = 4_000_000
PATIENCE = 120.0
"""Seconds for which a flush is tried again while the database can't be reached; then the process ends, unless nobody would start
another one."""
TOLD_EVERY = 60.0
"""Seconds after which it is said again that the database can't be used, for the same reason."""


class Waiting(Protocol):
    """A future of whoever waits for a commit: of `concurrent.futures`, or of the loop that `answer` hands its answers to."""

    def cancelled(self) -> bool: ...
    def done(self) -> bool: ...
    def set_result(self, result: Any) -> None: ...
    def set_exception(self, exception: Any) -> None: ...


Answer = tuple[Waiting, bool | Exception]
_Waiting = tuple[Commit, Waiting]


class _Job(NamedTuple):
    work: Callable[[], Any]
    future: "Future[Any]"


def give(answers: Sequence[Answer]) -> None:
    """Tells each who waits: whether their commit was applied, or why not even that is known."""
    for future, answer in answers:
        if future.done():
            continue  # whoever wanted it was stopped in the meantime
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)


class Recorder:
    """`answer` hands the answers of a flush to those who wait for them, where that is not to be done on this thread. `patience`:
    in seconds, `PATIENCE` where nothing is said."""

    def __init__(
        self,
        on_death: Callable[[BaseException], None],
        on_flush: Callable[[list[Commit]], None] | None = None,
        answer: Callable[[list[Answer]], None] = give,
        patience: float | None = None,
    ) -> None:
        self._patience = patience
        self._on_death = on_death
        self._on_flush = on_flush
        self._answer = answer
        self._asked: SimpleQueue[_Waiting | _Job | None] = SimpleQueue()
        """What is to be written next; None at the end."""
        self._commits: deque[_Waiting] = deque()
        self._jobs: deque[_Job] = deque()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.flushes = 0
        self.written = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Writes what is waiting, then ends the thread."""
        self._asked.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def commit(self, commit: Commit, future: Waiting) -> None:
        """`future` comes to whether it was applied; False: somebody was first."""
        self._asked.put((commit, future))

    def job(self, work: Callable[[], Any]) -> "Future[Any]":
        """Runs `work` between two flushes."""
        future: Future[Any] = Future()
        self._asked.put(_Job(work, future))
        return future

    def _run(self) -> None:
        try:
            dedicate()
            while self._gather():
                while self._jobs:
                    self._do(self._jobs.popleft())
                if batch := self._take():
                    self._flush(batch)
        except BaseException as error:
            log.critical("The recorder died: %s", error, exc_info=True)
            self._on_death(error)
        finally:
            connection.close()

    def _gather(self) -> bool:
        """Takes what was asked since, and waits for something where there is nothing to do. False where this is the end."""
        while True:
            try:
                asked = self._asked.get(block=not (self._commits or self._jobs))
            except Empty:
                return True
            if asked is None:
                self._asked.put(None)  # once all is written that came before
                return bool(self._commits or self._jobs)
            if isinstance(asked, _Job):
                self._jobs.append(asked)
            else:
                self._commits.append(asked)

    def _take(self) -> list[_Waiting]:
        """The next flush: one commit a run, within the caps; what does not fit waits in its order."""
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        runs: set[str] = set()
        size = 0
        while self._commits and len(batch) < MOST and size < MOST_BYTES:
            commit, future = self._commits.popleft()
            if commit.run_id in runs:
                later.append((commit, future))
                continue
            if future.cancelled():
                continue  # whoever wanted it was stopped in the meantime
            runs.add(commit.run_id)
            size += commit.size()
            batch.append((commit, future))
        self._commits.extendleft(reversed(later))
        return batch

    def _do(self, job: "_Job") -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            job.future.set_result(patiently(job.work, patience=self._patience))
        except Exception as error:
            job.future.set_exception(error)

    def _flush(self, batch: list[_Waiting]) -> None:
        commits = [commit for commit, _ in batch]
        try:
            answers = patiently(lambda: apply(commits), lambda: _again(commits), patience=self._patience)
        except Exception as error:
            if passing(error):
                raise
            if len(batch) == 1:
                self._answer([(batch[0][1], error)])
                return
            middle = len(batch) // 2
            self._flush(batch[:middle])
            self._flush(batch[middle:])
            return
        self.flushes += 1
        self.written += sum(answers)
        self._answer([(future, answer) for (_, future), answer in zip(batch, answers, strict=True)])
        if self._on_flush:
            try:
                self._on_flush([commit for commit, answer in zip(commits, answers, strict=True) if answer])
            except Exception as error:  # what is written is written; whoever watches catches up
                log.warning("A flush could not be announced: %s", error, exc_info=True)


def _again(commits: list[Commit]) -> list[bool]:
    """After a lost answer: those that are in the database are ours, the rest is written now. What was still under way when it
    was looked for comes before the second try: then that finds it done, and a second look tells."""
    done = applied(commits)
    if rest := [commit for commit, found in zip(commits, done, strict=True) if not found]:
        written = {commit.id for commit, moved in zip(rest, apply(rest), strict=True) if moved}
        late = [commit for commit in rest if commit.id not in written]
        written |= {commit.id for commit, found in zip(late, applied(late) if late else (), strict=True) if found}
        return [found or commit.id in written for commit, found in zip(commits, done, strict=True)]
    return done


def patiently(
    work: Callable[[], Any],
    again: Callable[[], Any] | None = None,
    enough: Callable[[], bool] = lambda: False,
    patience: float | None = None,
) -> Any:
    """`work`, and after trouble `again`, for `patience` seconds, or until that is `enough`. Raises the last trouble, and what is
    none."""
    until = time.monotonic() + (PATIENCE if patience is None else patience)
    wait, told, said = 0.05, "", 0.0
    while True:
        try:
            return work()
        except Exception as error:
            if not passing(error):
                raise
            connection.close()
            if time.monotonic() > until or enough():
                raise
            reason = str(error).strip().splitlines()[0]
            if reason != told or time.monotonic() - said >= TOLD_EVERY:
                told, said = reason, time.monotonic()
                log.warning("The database can't be used (%s); trying again.", reason)
            time.sleep(wait)
            wait = min(wait * 2, 2.0)
            work = again or work


__all__ = ["Answer", "Recorder", "give", "patiently"]
