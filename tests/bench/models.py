"""Many runs of three calls that take a second each, over HTTP to a model server in a process of its own. The ideal is three
seconds."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from django.conf import settings
from django.db import connection

from orchestration.models import Provider
from tests.bench.floor import chain, definition, floor, memory
from tests.bench.table import row
from tests.engine.publishing import publish

SIZES = (200, 1_000)


@contextmanager
def slow_model() -> Iterator[str]:
    """host:port of a server whose model takes a second."""
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.slow"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait()


class Watch:
    """The most connections to the database and the most memory that were seen, looked at ten times a second."""

    def __enter__(self) -> "Watch":
        self.connections, self.megabytes = 0, 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            self.megabytes = max(self.megabytes, memory())
            self.connections = max(self.connections, _connections())
        connection.close()


def _connections() -> int:
    """Those of this process, but the one that asks."""
    if settings.EMBEDDED:
        return sum(file.path.endswith(".sqlite3") for file in psutil.Process().open_files())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        return int(cursor.fetchone()[0])


def main() -> None:
    ask = {
        "type": "llm", "model": "main", "prompt": "Count.", "max_input_tokens": 100, "max_output_tokens": 50, "timeout": "60s",
        "output": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}},
    }  # fmt: skip
    with slow_model() as place:
        settings.REACH = (place,)
        account = {"protocol": "openai", "base_url": f"http://{place}/v1", "default_model": "m"}
        Provider.objects.update_or_create(name="bench", defaults=account)
        publish(definition("models", *chain(lambda _: ask, 3), models={"main": {"provider": "bench", "model": "m"}}))
        with floor() as engine:
            engine.time("models", 5)
            for count in SIZES:
                with Watch() as watch:
                    took = engine.time("models", count)
                figures = f"{watch.connections} connections, {watch.megabytes:.0f} MB"
                row(f"{count:,} runs of three one-second calls", f"{took:.2f} s", f"{took / 3:.2f} of the ideal; {figures}")
