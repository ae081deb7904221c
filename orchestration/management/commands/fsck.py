"""Checks the invariants on the database as it is, and says which row breaks which. Changes nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from orchestration import fsck
from orchestration.core.wording import counted
from orchestration.models import Run, StepRecord


class Command(BaseCommand):
    help = "Checks that no run is lost, doubled or stuck and that the record is whole. Read-only; exit code 1 where it is not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--ledger", type=Path, help="a file of JSON lines {key, body}: the effects as the other side saw them"
        )

    def handle(self, *args: Any, ledger: Path | None, **options: Any) -> None:
        found = 0
        for finding in fsck.check(ledger):
            found += 1
            self.stdout.write(str(finding))
        held = f"{counted(Run.objects.count(), 'run')} and {counted(StepRecord.objects.count(), 'step record')}"
        if found:
            raise CommandError(f"{found} breach{'es' if found > 1 else ''} in {held}.")
        self.stdout.write(f"Sound: {held} keep every invariant.")
