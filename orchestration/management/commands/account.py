"""Opens an account, or gives one a new one-time password."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from orchestration import accounts
from orchestration.core.errors import Refused
from orchestration.roles import Role


class Command(BaseCommand):
    help = "Opens the account NAME, or finds it, and prints its new one-time password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", type=Role, choices=list(Role), help="viewer for a new account; else left as it is")

    def handle(self, *args: Any, name: str, role: Role | None, **options: Any) -> None:
        try:
            password = accounts.open_account(name, role)
        except Refused as refused:
            raise CommandError(f"No account was opened. {refused.problems[0].message}") from None
        self.stdout.write(f"{name} signs in once with {password}")
