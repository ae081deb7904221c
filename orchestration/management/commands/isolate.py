"""Runs suspects apart: runs that were held by a worker that died. Started by a worker, never by hand."""

import sys
import threading
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from orchestration.executor.engine import Engine


class Command(BaseCommand):
    help = "Runs the runs of workers that died, a few at once, in a process that may die too. Workers start it themselves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", type=int, required=True, help="how many run at once; 1 is alone")

    def handle(self, *args: Any, group: int, **options: Any) -> None:
        orphaned = threading.Event()
        threading.Thread(target=_wait_for_parent, args=(orphaned,), daemon=True).start()
        engine = Engine(name="isolation", group=group).start()
        while engine.working and engine.idle < 3 and not orphaned.is_set():
            time.sleep(0.2)
        engine.stop(grace=5.0)


def _wait_for_parent(orphaned: threading.Event) -> None:
    sys.stdin.read()
    orphaned.set()
