"""Runs suspects apart: runs that were held by a worker that died. Started by a worker, never by hand."""

import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from orchestration.executor.engine import Engine

DRAIN = 1.5 if settings.EMBEDDED else 5.0
"""Seconds to bring what it holds to a commit. In the embedded mode its parent, which may answer its calls, waits for it."""


class Command(BaseCommand):
    help = "Runs the runs of workers that died, a few at once, in a process that may die too. Workers start it themselves."
    requires_system_checks: list[str] = []  # the suite makes them; what a dead worker held need not wait for them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", type=int, required=True, help="how many run at once; 1 is alone")

    def handle(self, *args: Any, group: int, **options: Any) -> None:
        engine = Engine(name="isolation", group=group).start()
        orphaned = threading.Event()
        threading.Thread(target=_heed_parent, args=(engine, orphaned), daemon=True).start()
        while engine.working and engine.idle < 3 and not orphaned.is_set():
            time.sleep(0.2)
        engine.stop(grace=DRAIN)


def _heed_parent(engine: Engine, orphaned: threading.Event) -> None:
    """A line: there are suspects. The end: it is gone."""
    for _ in sys.stdin:
        engine.look()
    orphaned.set()
