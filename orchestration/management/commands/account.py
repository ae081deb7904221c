"""Opens an account, or gives one a new one-time password."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from orchestration import accounts
from orchestration.roles import Role


class Command(BaseCommand):
    help = "Opens the account NAME, or finds it, and prints its new one-time password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", type=Role, choices=list(Role), help="viewer for a new account; else left as it is")

    def handle(self, *args: Any, name: str, role: Role | None, **options: Any) -> None:
        password = accounts.open_account(name, role)
        self.stdout.write(f"{name} signs in once with {password}")
