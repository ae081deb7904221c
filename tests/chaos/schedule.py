"""When which fault is done. The short form does each kind once, in an order in which each can bite, on a slow machine too; the
long one goes on by chance, two at a time, until its time is over."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from tests.chaos.faults import BODIES, ON_SQLITE, Faults

Fault = Callable[[], None]
_PAUSE = (1.0, 8.0)


def short(faults: Faults, rest: Callable[[], None]) -> None:
    """Two workers fall out at once, which leaves one to notice; meanwhile the others' faults. Then the database's. What has not
    bitten is tried once more. From `rest` on nothing new is started, and another worker falls out, with more in its hands."""
    if faults.kinds == ON_SQLITE:
        _beside(faults.stop_worker, faults.kill_worker)
        faults.hold_lock()
        _beside(faults.end_worker, faults.kill_web)
    else:
        faults.empty_broker()
        _beside(faults.stop_worker, faults.kill_worker, _row(faults.repeat_hints, faults.kill_redis, faults.kill_web))
        _beside(faults.end_worker, _row(faults.lose_replies, faults.cut_database, faults.kill_database))
    for kind, fault in faults.by_kind().items():
        if not faults.bites[kind]:
            fault()
    rest()
    faults.kill_worker()


def long(faults: Faults, seconds: float, seed: int) -> None:
    """Each kind once, then whatever comes: one thing after the other to processes, and beside that to stores."""
    until = time.monotonic() + seconds
    kinds = faults.by_kind()
    bodies = [fault for kind, fault in kinds.items() if kind in BODIES]
    stores = [fault for kind, fault in kinds.items() if kind not in BODIES]
    _beside(partial(_by_chance, bodies, until, Random(f"{seed}/0")), partial(_by_chance, stores, until, Random(f"{seed}/1")))


def _by_chance(kinds: Sequence[Fault], until: float, chance: Random) -> None:
    for fault in chance.sample(list(kinds), len(kinds)):
        fault()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(chance.uniform(*_PAUSE), left))
        chance.choice(list(kinds))()


def _row(*faults: Fault) -> Fault:
    def do() -> None:
        for fault in faults:
            fault()

    return do


def _beside(*faults: Fault) -> None:
    """All at once; returns once all are through. Raises what one of them raised."""
    raised: list[BaseException] = []

    def do(fault: Fault) -> None:
        from django.db import connection

        try:
            fault()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(fault,), daemon=True) for fault in faults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
