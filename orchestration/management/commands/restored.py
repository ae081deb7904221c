"""Says that the database was just restored from a backup."""

from typing import Any

from django.core.management import BaseCommand

from orchestration.acts import restored
from orchestration.core.wording import counted


class Command(BaseCommand):
    help = (
        "To be run once when the database was restored from a backup, before any worker starts: refuses writes of the time "
        "that is lost, and has calls asked about that may have been made in it."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        lifted = restored.lift(by="console")
        self.stdout.write(f"{counted(lifted.runs, 'run')} can go on; {lifted.held} were in a worker's hands.")
        if lifted.runs:
            self.stdout.write(
                "What they did after the backup is lost. Before they make a call that can't be undone, a person is asked whether "
                "it has happened; runs that were started after the backup are gone, with all that they did left as it is."
            )
        if lifted.alive:
            self.stderr.write(
                f"{counted(lifted.alive, 'worker')} had a fresh heartbeat. If one ran on the restored database before this, look "
                "at what it sent."
            )
