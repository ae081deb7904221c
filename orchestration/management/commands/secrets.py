"""Whether stored secrets can be opened, and a new key for them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from orchestration import vault
from orchestration.acts import reach
from orchestration.core.wording import counted, listed
from orchestration.models import Secret


class Command(BaseCommand):
    help = "check: whether the keys in SECRETS_KEY open every secret. rotate: seal all of them with the first of these keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["check", "rotate"])

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        if verb == "rotate":
            sealed = reach.rotate_secrets(by="console")
            self.stdout.write(f"Sealed {counted(len(sealed), 'secret')} with the first key.")
        if lost := vault.lost():
            raise CommandError(
                f"No key in SECRETS_KEY opens {listed(lost, join='and')}. Add the key that did, or write them again; calls that "
                "need them fail with auth until then."
            )
        self.stdout.write(f"Every secret can be opened: {counted(Secret.objects.count(), 'secret')}.")
