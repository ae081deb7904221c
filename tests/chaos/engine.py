"""`python -m tests.chaos.engine`: an engine and nothing else, beside others on the embedded mode's file. SIGTERM drains it."""

import os
import signal
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def main() -> None:
    import django

    django.setup()
    from orchestration import tasks
    from orchestration.acts import firing
    from orchestration.executor.engine import Engine

    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    engine = Engine(name="worker", fatal=True, schedules=firing.due).start()
    tasks.use_engine(engine)
    while not told.wait(0.2):  # a signal may wake another thread than this one, which is to handle it
        pass
    engine.stop(grace=20.0)


if __name__ == "__main__":
    main()
