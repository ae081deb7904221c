"""One, two and four workers over one database: durable tool steps a second, taken from the middle of what they did."""

import subprocess
import sys
from contextlib import ExitStack

from django.conf import settings
from django.db import connection

from orchestration import tasks
from orchestration.acts import runs
from orchestration.models import Run, StepRecord
from tests.bench.floor import STEPS, Deaf, chain, definition
from tests.bench.table import row
from tests.engine.publishing import publish

RUNS = 600
PATIENCE = 600


def main() -> None:
    if settings.EMBEDDED:
        return  # one process is all that there is
    publish(definition("shared", *chain(lambda _: {"type": "tool", "tool": "nothing", "input": {}}, STEPS)))
    alone = 0.0
    for count in (1, 2, 4):
        rate = _rate(count)
        alone = alone or rate
        name = f"durable tool steps, {count} worker{'s' if count > 1 else ''}"
        row(name, f"{rate:,.0f} /s", f"{rate / alone:.2f} of one" if count > 1 else f"{RUNS} runs at once")


def _rate(count: int) -> float:
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.bench.worker", str(RUNS // count)]
        workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        for worker in workers:
            stack.callback(_end, worker)
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
        tasks.use_engine(Deaf())  # type: ignore[arg-type]
        ids = [runs.start(workflow="shared", input={}, by="bench") for _ in range(RUNS)]
        tasks.use_engine(None)
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
    assert not Run.objects.filter(id__in=ids).exclude(status="succeeded").exists()
    times = list(StepRecord.objects.filter(run__in=ids).order_by("finished").values_list("finished", flat=True))
    connection.close()
    low, high = len(times) // 5, len(times) * 4 // 5
    return (high - low) / (times[high] - times[low]).total_seconds()


def _end(worker: "subprocess.Popen[str]") -> None:
    assert worker.stdin is not None
    worker.stdin.close()
    worker.wait(PATIENCE)
