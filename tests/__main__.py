"""`make test`: the suite on SQLite, and what depends on the database on PostgreSQL too. `python -m tests [arguments of pytest]`.

With DATABASE_URL set the whole suite runs on that server alone. Where PostgreSQL can neither be found nor started, that is said
in one sentence, which is a failure where CI=true.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests import services
from tests.browser import in_ci

NOTHING_COLLECTED = 5


class Pass(NamedTuple):
    """One run of pytest: `words` for its line in the summary."""

    name: str
    code: int
    words: str
    seconds: float


def run(name: str, arguments: Sequence[str], database: str | None) -> Pass:
    print(f"\n── {name}", flush=True)
    environ = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    if database:
        environ["DATABASE_URL"] = database
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
        code = subprocess.run(command, env=environ, check=False).returncode
        return Pass(name, code, _words(report), time.monotonic() - began)


def _words(report: Path) -> str:
    """As "801 passed, 2 skipped"."""
    if not report.exists():
        return "nothing ran"
    found = ElementTree.parse(report).getroot()[0].attrib
    counts = {name: int(found[key]) for name, key in (("failed", "failures"), ("errors", "errors"), ("skipped", "skipped"))}
    counts["passed"] = int(found["tests"]) - sum(counts.values())
    return (
        ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "errors", "skipped") if counts[name]) or "nothing ran"
    )


def main(arguments: Sequence[str]) -> int:
    given = services.given("DATABASE_URL")
    passes = [] if given else [run("On SQLite", arguments, None)]
    try:
        with services.postgresql() as found:
            if given:
                passes.append(run("On the PostgreSQL of DATABASE_URL", arguments, found.url))
            else:
                name = f"What depends on the database, on PostgreSQL ({found.origin})"
                passes.append(run(name, ["--database-only", *arguments], found.url))
    except services.Missing as missing:
        passes.append(Pass("On PostgreSQL", 1 if given or in_ci() else 0, f"not run. {missing}", 0.0))
    print()
    for each in passes:
        print(f"{each.name}: {each.words} ({each.seconds:.0f} s)")
    codes = {each.code for each in passes}
    if codes == {NOTHING_COLLECTED}:
        return NOTHING_COLLECTED
    return max(codes - {NOTHING_COLLECTED})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
