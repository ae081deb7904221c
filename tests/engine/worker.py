"""A worker process on the tests' database, to be killed: `python -m tests.engine.worker [group]` with TEST_DATABASE and REACH.

It prints `claiming` once it claims, and stops at SIGTERM after at most GRACE seconds, or when its standard input closes: the
test that started it is gone. Failpoints come from INTERLOCK_FAILPOINTS. With QUIET
it neither beats nor sweeps after the first time.
"""

import os
import signal
import sys
import threading


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.engine.worker_settings"
    import django

    django.setup()
    from orchestration.executor import sweep
    from orchestration.executor.engine import Engine

    if os.environ.get("QUIET"):
        sweep.BEAT = sweep.EVERY = 3600.0
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    engine = Engine(name="victim", group=int(sys.argv[1]) if len(sys.argv) > 1 else 0).start()
    print("claiming", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), told.set()), daemon=True).start()
    while not told.wait(0.2):  # a signal may wake another thread than this one, which is to handle it
        pass
    engine.stop(grace=float(os.environ.get("GRACE", "3")))


if __name__ == "__main__":
    main()
