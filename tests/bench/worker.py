"""`python -m tests.bench.worker N`: an engine in a process of its own that claims N runs at most, once it is told to go, and says
when nothing is left to do. It ends with its input."""

import sys

import django

django.setup()

from orchestration.models import Run  # noqa: E402
from tests.bench.floor import floor  # noqa: E402


def main() -> None:
    with floor(capacity=int(sys.argv[1])) as made:
        made.engine.draining = True  # until it is told to go
        print("ready", flush=True)
        sys.stdin.readline()
        made.engine.draining = False
        made.engine.look()
        made.until(lambda: not Run.objects.filter(workflow_id="shared", status__in=Run.LIVE).exists())
        print("done", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
