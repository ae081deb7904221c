"""Removes runs that ended long ago, and events that nobody has taken."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from orchestration.acts import prune
from orchestration.acts.prune import Pruned
from orchestration.core.errors import Refused
from orchestration.core.wording import counted, listed
from orchestration.record.removal import Busy


class Command(BaseCommand):
    help = "Removes runs that ended long ago, with all that was stored of them; a tombstone of each remains. Workers may go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, required=True, help="runs that ended longer ago than that")
        parser.add_argument("--workflow", help="of this workflow alone")
        parser.add_argument("--keep-failed", action="store_true", help="runs that failed stay")
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")

    def handle(self, *args: Any, days: int, workflow: str | None, keep_failed: bool, dry_run: bool, **options: Any) -> None:
        try:
            gone = prune.prune(
                days=days, by="console", workflow=workflow, keep_failed=keep_failed, dry_run=dry_run, progress=self._progress
            )
        except Refused as refused:
            raise CommandError(refused.problems[0].message) from None
        except Busy as busy:
            raise CommandError(f"{busy} The runs are gone; run it again for what they alone had stored.") from None
        if dry_run:
            self.stdout.write(f"Would remove {_told(gone)}, and what nothing else stands on.")
        else:
            self.stdout.write(f"Removed {_told(gone)}, and {counted(gone.blobs, 'large value')} that nothing else stood on.")

    def _progress(self, so_far: Pruned) -> None:
        self.stderr.write(f"{counted(so_far.runs, 'run')}, {counted(so_far.blobs, 'large value')} …")


def _told(gone: Pruned) -> str:
    rows = {"step record": gone.records, "call": gone.calls, "escalation": gone.escalations, "event": gone.events}
    return f"{counted(gone.runs, 'run')} with {listed([counted(number, what) for what, number in rows.items()], join='and')}"
