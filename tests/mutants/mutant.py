"""What a mutant is."""

from dataclasses import dataclass

MACHINE = "tests/engine/test_machine.py"
MEETINGS = "tests/engine/test_meetings.py"
CHAOS = "tests/chaos/__main__.py"
"""Not a selection of pytest's, but a run of `make chaos`, which fails or is invalid. On PostgreSQL."""


@dataclass(frozen=True)
class Mutant:
    """`old` in `file` becomes `new`; each of `tests` (pytest's selections) must fail then, and pass before. `more` of the same
    kind, where one line of defence stands behind another. `on`: the database that it is about, "" for both."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    more: tuple[tuple[str, str], ...] = ()
    on: str = ""

    @property
    def changes(self) -> tuple[tuple[str, str], ...]:
        return ((self.old, self.new), *self.more)
