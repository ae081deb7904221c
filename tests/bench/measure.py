"""One database's figures: `python -m tests.bench.measure part …`, in an environment that `tests.bench` has made."""

import importlib
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402


def main(parts: list[str]) -> None:
    call_command("migrate", verbosity=0, interactive=False)
    print(f"\n{connection.display_name}", flush=True)
    for part in parts:
        began = time.perf_counter()
        importlib.import_module(f"tests.bench.{part}").main()
        print(f"{'':46}{time.perf_counter() - began:>16.0f} s for {part}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
