"""`make bench`: what the engine does a second, beside what the same database commits a second, in the same run on this machine.

    python -m tests.bench [sqlite|postgresql] [part …]

Parts are those of `PARTS`. Each database is one of the bench's own with its default durability: a SQLite file as the embedded
mode has it, and a PostgreSQL server that is started for it, so that its CPU is known. Nothing here asserts.
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from tests import services

PARTS = ("proof", "steps", "long", "models", "fan", "workers", "across", "pixel", "canvas")
SERVER_MODE = {"SECRET_KEY": "b" * 50, "SECRETS_KEY": "b" * 43 + "=", "ALLOWED_HOSTS": "localhost,127.0.0.1"}


def main(arguments: Sequence[str]) -> int:
    databases = [name for name in ("sqlite", "postgresql") if name in arguments] or ["sqlite", "postgresql"]
    parts = [name for name in arguments if name in PARTS] or list(PARTS)
    if unknown := [name for name in arguments if name not in (*PARTS, "sqlite", "postgresql")]:
        print(f"There is no {unknown[0]}. Choose from: sqlite, postgresql; {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    codes = [_on(name, parts) for name in databases]
    return max(codes)


def _on(database: str, parts: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as folder:
        environ = {**os.environ, "INTERLOCK_DATA": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
            environ.pop(name, None)
        if database == "sqlite":
            return _measure(parts, environ)
        with services.Postgresql(fsync="on") as server, services.redis() as redis:
            return _measure(parts, {**environ, **SERVER_MODE, "DATABASE_URL": server.url, "REDIS_URL": redis.url})


def _measure(parts: Sequence[str], environ: dict[str, str]) -> int:
    return subprocess.run([sys.executable, "-m", "tests.bench.measure", *parts], env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
