"""A worker process on the tests' database, to be killed: `python -m tests.engine.worker` with TEST_DATABASE and REACH.

It prints `claiming` once it claims, and stops at SIGTERM. Failpoints come from INTERLOCK_FAILPOINTS.
"""

import os
import signal
import threading


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
    settings.REACH = tuple(os.environ["REACH"].split(","))
    django.setup()
    from orchestration.executor.engine import Engine

    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    engine = Engine(name="victim").start()
    print("claiming", flush=True)
    told.wait()
    engine.stop(grace=3.0)


if __name__ == "__main__":
    main()
