"""What is done to a deployment, and how each fault is known to have bitten: by what it did to runs, never by that it was tried.

Each returns once it has bitten and what was broken works again, or after a while without. `bites` counts, by kind.
"""

import contextlib
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from redis import Redis, RedisError

from tests.chaos.database import asked, held_by, latest, numbers, refusals, worker_of
from tests.chaos.processes import Process
from tests.chaos.takeover import Takeovers
from tests.chaos.world import OneFile, World

BODIES = ("worker killed", "worker stopped past its lapse", "worker told to end", "web killed")
ON_SQLITE = (*BODIES, "write lock held")
KINDS = (
    *BODIES, "database cut off", "reply of a commit lost", "database killed", "broker emptied", "redis killed",
    "hints repeated and shuffled",
)  # fmt: skip
COMMIT = b'"step'
"""Is said on the wire with each commit of a run, and with nothing else."""
TROUBLE = "The database can't be used"
CALM = 2.2
"""Seconds; a little longer than anybody waits before the next try."""
LAPSE = 8.0
LOCKED = 3.0
NAP = 1.5
"""Seconds for which a worker may be stopped without thinking that it was late with its heartbeat."""
STILL = 60.0
"""Seconds after which whoever has not been taken over is taken for forgotten, on a slow machine too."""
PATIENCE = 12.0
"""Seconds for which a fault is waited for to bite."""


class Faults:
    def __init__(self, world: World, unanswered: Callable[[], int]) -> None:
        """`unanswered`: how many requests of clients have had no answer so far."""
        self.world, self.unanswered = world, unanswered
        self.kinds = ON_SQLITE if isinstance(world, OneFile) else KINDS
        self.bites: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.takeovers = Takeovers()
        self._chance = Random(f"{world.seed}/faults")
        self._bodies = threading.Lock()
        """Whoever picks a worker to do something to, does so alone."""

    def by_kind(self) -> dict[str, Callable[[], None]]:
        found = {
            "worker killed": self.kill_worker,
            "worker stopped past its lapse": self.stop_worker,
            "worker told to end": self.end_worker,
            "web killed": self.kill_web,
            "write lock held": self.hold_lock,
            "database cut off": self.cut_database,
            "reply of a commit lost": self.lose_replies,
            "database killed": self.kill_database,
            "broker emptied": self.empty_broker,
            "redis killed": self.kill_redis,
            "hints repeated and shuffled": self.repeat_hints,
        }
        return {kind: found[kind] for kind in self.kinds}

    # workers

    def kill_worker(self) -> None:
        victim, runs = self._victim("worker killed")
        if victim is None:
            return
        worker = worker_of(victim.pid)
        victim.ended_by(signal.SIGKILL, PATIENCE)
        self._bitten("worker killed", self.takeovers.watch(worker, asked(runs), STILL))

    def stop_worker(self) -> None:
        """Until others have taken over what it held, at least for its lapse; woken, it must not write what it has in hand."""
        kind = "worker stopped past its lapse"
        victim, runs = self._victim(kind)
        if victim is None:
            return
        worker, before = worker_of(victim.pid), time.monotonic()
        victim.tell(signal.SIGSTOP)
        refused = refusals(worker)
        taken = self.takeovers.watch(worker, asked(runs), STILL, count=False)
        time.sleep(max(LAPSE + 2.0 - (time.monotonic() - before), 0.0))
        victim.tell(signal.SIGCONT)
        if taken and self._until(lambda: refusals(worker) > refused, PATIENCE):
            self._bitten(kind, refusals(worker) - refused)

    def end_worker(self) -> None:
        """As a rolling deploy does. What it held is with others, or was ended, without anybody having to wait for a lapse."""
        kind = "worker told to end"
        victim, runs = self._victim(kind)
        if victim is None:
            return
        worker = worker_of(victim.pid)
        if victim.ended_by(signal.SIGTERM, 3 * PATIENCE) == 0 and not held_by(worker):
            self._bitten(kind, len(runs))

    def _victim(self, kind: str) -> tuple[Process | None, list[str]]:
        """A worker that holds runs, and which; of those that are neither stopped nor on their way out."""
        self.tried[kind] += 1
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with self._bodies:
                found = []
                for process in self.world.workers:
                    if process.alive and not process.stopped and not process.doomed:
                        runs = held_by(worker_of(process.pid))
                        found.append((len(runs), process, runs))
                found = [each for each in found if each[0] >= 2]
                if found:
                    _, chosen, runs = max(found, key=lambda each: each[0])
                    chosen.doomed = True
                    timer = threading.Timer(PATIENCE, chosen.spare)
                    timer.daemon = True
                    timer.start()
                    return chosen, runs
            time.sleep(0.1)
        return None, []

    # the web process

    def kill_web(self) -> None:
        self.tried["web killed"] += 1
        before = self.unanswered()
        self.world.web.ended_by(signal.SIGKILL, PATIENCE)
        self._until(lambda: self.unanswered() > before, PATIENCE)
        if self._until(self.world.answers, 60.0):
            self._bitten("web killed", self.unanswered() - before)

    # the database

    def cut_database(self) -> None:
        """For longer than a commit takes, and less than anybody gives up."""
        self.tried["database cut off"] += 1
        before = self._calm()
        with self.takeovers.disturbed():
            self.world.cable.cut()
            self._until(lambda: self._complaints() > before, PATIENCE)
            time.sleep(1.0)
            self.world.cable.mend()
        self._bitten("database cut off", self._complaints() - before)

    def lose_replies(self) -> None:
        """Of three commits, each in a connection that is cut in the moment in which it is answered."""
        self.tried["reply of a commit lost"] += 1
        for _ in range(3):
            before = self.world.cable.cuts
            self.world.cable.cut_at(COMMIT, self._chance.randint(1, 4), "after")
            if self._until(lambda before=before: self.world.cable.cuts > before, PATIENCE):  # type: ignore[misc]
                self._bitten("reply of a commit lost", 1)

    def kill_database(self) -> None:
        self.tried["database killed"] += 1
        before, held = self._calm(), numbers().held
        with self.takeovers.disturbed():
            self.world.postgresql.kill()
            self._until(lambda: self._complaints() > before, PATIENCE)
            self.world.postgresql.start()
        if self._complaints() > before:
            self._bitten("database killed", held)

    def _calm(self) -> int:
        """How often workers have complained about the database so far, once they do so no more."""
        found, quiet = self._complaints(), time.monotonic()
        while time.monotonic() - quiet < CALM:
            time.sleep(0.2)
            if (now := self._complaints()) != found:
                found, quiet = now, time.monotonic()
        return found

    def _complaints(self) -> int:
        return sum(process.count(TROUBLE) for process in self.world.workers)

    def hold_lock(self) -> None:
        """By another process. Nothing is written meanwhile, and all goes on after."""
        assert isinstance(self.world, OneFile)
        self.tried["write lock held"] += 1
        with sqlite3.connect(self.world.database, isolation_level=None, timeout=60) as other, self.takeovers.disturbed():
            other.execute("BEGIN IMMEDIATE")
            before = numbers()
            time.sleep(LOCKED)
            still = numbers().written == before.written
            other.execute("ROLLBACK")
        if still and self._until(lambda: numbers().written > before.written, PATIENCE):
            self._bitten("write lock held", before.held)

    # the broker

    def empty_broker(self) -> None:
        """With hints in it, which takes workers that do not listen for a moment."""
        self.tried["broker emptied"] += 1
        end, redis = time.monotonic() + PATIENCE, self._redis()
        while time.monotonic() < end:
            listening = [each for each in self.world.workers if each.alive and not each.stopped]
            for process in listening:
                process.tell(signal.SIGSTOP)
            self._until(lambda: redis.llen("interlock") > 1, NAP)
            lost = redis.llen("interlock")
            redis.flushall()
            for process in listening:
                process.tell(signal.SIGCONT)
            if lost:
                self._bitten("broker emptied", lost)
                return
            time.sleep(2.5)

    def kill_redis(self) -> None:
        """Runs are started while there is none."""
        self.tried["redis killed"] += 1
        before = numbers().runs
        self.world.redis.terminate()
        self._until(lambda: numbers().runs > before, PATIENCE)
        began = numbers().runs - before
        self.world.redis.start(PATIENCE)
        self._bitten("redis killed", began)

    def repeat_hints(self) -> None:
        """Of all runs, also of those that wait or are over: each one to five times, in any order."""
        from orchestration.tasks import advance_run

        self.tried["hints repeated and shuffled"] += 1
        hints = [run for run in latest(60) for _ in range(self._chance.randint(1, 5))]
        self._chance.shuffle(hints)
        sent = 0
        for run in hints:
            with contextlib.suppress(Exception):
                advance_run.apply_async((run,), retry=False)
                sent += 1
        redis = self._redis()
        if self._until(lambda: redis.llen("interlock") == 0, PATIENCE):
            self._bitten("hints repeated and shuffled", sent)

    def _redis(self) -> Any:
        return Redis.from_url(self.world.redis_url, socket_timeout=5)

    # whether it bit

    def _bitten(self, kind: str, times: int) -> None:
        self.bites[kind] += times

    def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(RedisError):
                if condition():
                    return True
            time.sleep(0.1)
        return False
