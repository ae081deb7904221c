"""`python -m tests.mutants [part of a name]`: makes each mutant in a copy of the tree, and sees its tests fail.

First the copies are as they are, and every selection must pass. Two at a time; one where DATABASE_URL names a server.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import INVALID
from tests.mutants import CHAOS, MUTANTS, Mutant
from tests.repo import tree

PATIENCE = 600.0
"""Seconds that one selection may take."""
PASSED, FAILED = 0, 1
"""Pytest's exit codes where the tests ran. With any other the verdict is open: it was killed, or found no tests."""


def main() -> int:
    part = " ".join(sys.argv[1:])
    vendor = "postgresql" if os.environ.get("DATABASE_URL") else "sqlite"
    chosen = [mutant for mutant in MUTANTS if part in mutant.name and mutant.on in ("", vendor)]
    jobs = [(mutant, tests) for mutant in chosen for tests in mutant.tests if tests != CHAOS or vendor == "postgresql"]
    if not jobs:
        print(f"There is no mutant of {vendor} with {part!r} in its name.")
        return 2
    with ThreadPoolExecutor(2 if vendor == "sqlite" else 1) as pool:
        selections = list(dict.fromkeys(tests for _, tests in jobs))
        wrong = [
            (tests, told) for tests, (code, told) in zip(selections, pool.map(_run, selections), strict=True) if code != PASSED
        ]
        for tests, told in wrong:
            print(f"FAILS UNBROKEN  {tests}\n{told}")
        if wrong:
            return 1
        verdicts = list(pool.map(_judge, *zip(*jobs, strict=True)))
    print(f"{sum(verdicts)} of {len(jobs)} caught.")
    return 0 if all(verdicts) else 1


def _judge(mutant: Mutant, tests: str) -> bool:
    """Whether the mutant is caught by these tests."""
    code, told = _run(tests, lambda folder: _patch(folder, mutant))
    caught = (FAILED, INVALID) if tests == CHAOS else (FAILED,)
    verdict = "MISSED" if code == PASSED else "caught" if code in caught else f"STOPPED ({code})"
    print(f"{verdict}  {mutant.name}: {tests}\n{told}", flush=True)
    return code in caught


def _patch(folder: Path, mutant: Mutant) -> None:
    file = folder / mutant.file
    text = file.read_text(encoding="utf-8")
    for old, new in mutant.changes:
        assert text.count(old) == 1, f"{mutant.file} does not hold this once: {old}"
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def _run(tests: str, prepare: Callable[[Path], None] = lambda folder: None) -> tuple[int, str]:
    """Pytest's exit code on a copy of the tree, and why it failed, in a few lines."""
    with _copy() as folder:
        prepare(folder)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
        if tests == CHAOS:
            command = [sys.executable, "-m", "tests.chaos"]
        environment = {**os.environ, "CI": "true", "MACHINE_SHRINK": "no", "MACHINE_EXAMPLES": "400", "COLUMNS": "160"}
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            return -1, "        it did not end"
    telling = ("E   ", "FAILED", "ERROR ", "WRONG")
    why = [line for line in done.stdout.splitlines() if line.startswith(telling) or "DID NOT BITE" in line]
    last = done.stdout.strip().splitlines()[-1:]
    return done.returncode, "\n".join(f"        {line[:200]}" for line in dict.fromkeys([*why[:1], *why[-1:], *last]))


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="interlock-mutant-") as name:
        folder = Path(name)
        for file in tree.files():
            target = folder / file.relative_to(tree.ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)
        yield folder


if __name__ == "__main__":
    sys.exit(main())
