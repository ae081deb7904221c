"""`make test`: the suite on SQLite, and what depends on the database on PostgreSQL too. `python -m tests [arguments of pytest]`.

The suite runs in parts, the longest first and three at once, since each waits half of the time. The first is shown as it runs,
the others at their end. Without arguments a short chaos run follows. What is calm gives way to all of that, and takes what it
leaves of the processors.
With DATABASE_URL set the whole suite runs on that server alone. Where PostgreSQL can neither be found nor started, that is said
in one sentence, which is a failure where CI=true.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests import services
from tests.browser import in_ci
from tests.chaos import INVALID, MISSING, PASSED

NOTHING_COLLECTED = 5
AT_ONCE = 3
SLOWEST = ("--durations=6", "--durations-min=8")
"""What is told of each part, as CI has an end of patience."""
_NOT_PASSED_ON = ("DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
"""With the second, each of some hundred processes that tests start would compile all of the code again."""


class Part(NamedTuple):
    """`yields`: it takes but little of a processor that another wants."""

    name: str
    part: str
    database: str | None = None
    yields: bool = False


class Pass(NamedTuple):
    """What became of a part: `words` for its line in the summary, `said` what it printed and nobody has seen yet."""

    name: str
    code: int
    words: str
    seconds: float = 0.0
    said: str = ""


def run(part: Part, arguments: Sequence[str], shown: bool) -> Pass:
    environ = {key: value for key, value in os.environ.items() if key not in _NOT_PASSED_ON}
    if part.database:
        environ["DATABASE_URL"] = part.database
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", f"--part={part.part}", *SLOWEST, *arguments]
        if shown:
            print(f"\n── {part.name}", flush=True)
        if part.yields:
            command = ["nice", "-n", "19", *command]
        pipes = {} if shown else {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, env=environ, check=False, text=True, **pipes)  # type: ignore[call-overload]
        return Pass(part.name, done.returncode, _words(report), time.monotonic() - began, done.stdout or "")


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


def _all(parts: Sequence[Part], arguments: Sequence[str]) -> list[Pass]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [_told(future) for future in [pool.submit(run, part, arguments, part is parts[0]) for part in parts]]


def _told(future: Future[Pass]) -> Pass:
    done = future.result()
    if done.said:
        print(f"\n── {done.name}\n{done.said}", flush=True)
    return done


def chaos() -> Pass:
    """A deployment of its own, beside which nothing runs that does not give way: how long it takes depends on that."""
    print("\n── Chaos", flush=True)
    began = time.monotonic()
    for _ in range(2):  # an invalid one proves nothing either way
        code = subprocess.run([sys.executable, "-m", "tests.chaos"], check=False).returncode
        if code != INVALID:
            break
    if code == MISSING and not in_ci():
        return Pass("Chaos", 0, "not run")
    words = {PASSED: "passed", INVALID: "invalid, as not every fault has bitten"}.get(code, "failed")
    return Pass("Chaos, on PostgreSQL and Redis", code, words, time.monotonic() - began)


def main(arguments: Sequence[str]) -> int:
    given = services.given("DATABASE_URL")
    missing: list[Pass] = []
    with ExitStack() as servers:
        calm = Part("What is calm, on SQLite", "calm", yields=True)
        parts = [] if given else [Part("On SQLite", "rest"), Part("In a browser, on SQLite", "browser")]
        try:
            found = servers.enter_context(services.postgresql())
            if given:
                name = "on the PostgreSQL of DATABASE_URL"
                parts = [Part(f"Here, {name}", "rest", found.url), Part(f"In a browser, {name}", "browser", found.url)]
                calm = Part(f"What is calm, {name}", "calm", found.url, yields=True)
            else:
                parts.insert(1, Part(f"What depends on the database, on PostgreSQL ({found.origin})", "database", found.url))
                parts.append(Part("Deployments, on PostgreSQL", "server", found.url))
        except services.Missing as why:
            missing = [Pass("On PostgreSQL", 1 if given or in_ci() else 0, f"not run. {why}")]
        beside = servers.enter_context(ThreadPoolExecutor(1)).submit(run, calm, arguments, False)
        passes = _all(parts, arguments) + missing
        if not arguments and not any(each.code for each in passes):
            passes.append(chaos())
        passes.append(_told(beside))
    print()
    for each in passes:
        print(f"{each.name}: {each.words} ({each.seconds:.0f} s)")
    codes = {each.code for each in passes}
    if codes == {NOTHING_COLLECTED}:
        return NOTHING_COLLECTED
    return max(codes - {NOTHING_COLLECTED})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
