"""Makes a token for the API, and prints it as its last word."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management import BaseCommand, CommandError
from django.utils import timezone

from orchestration.acts import tokens
from orchestration.roles import Role, role_of


class Command(BaseCommand):
    help = "Makes a token that acts for an account, and prints it, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", nargs="?", help="whom it acts for; the only account, or `admin`, where none is named")
        parser.add_argument("--user", help="the same")
        parser.add_argument("--name", default="", help="what it is for, as it is listed")
        parser.add_argument("--days", type=int, help="when it ends; never, where this is not said")
        parser.add_argument(
            "--role", type=Role, choices=list(Role), help="the most that it may do; else all that the account may"
        )

    def handle(
        self, *args: Any, account: str | None, user: str | None, name: str, days: int | None, role: Role | None, **options: Any
    ) -> None:
        found = _account(user or account)
        if role_of(found) is None:
            raise CommandError(f"{found.username} has no role, so a token could do nothing. Give it one with manage.py account.")
        if days is not None and not 0 < days <= 36_500:
            raise CommandError("--days is at least 1.")
        token = tokens.create(user=found, by="console", name=name, days=days, role=role)
        end = f"{timezone.now() + timedelta(days=days):%Y-%m-%d %H:%M} UTC" if days else "it is revoked"
        what = f"The token {name} of {found.username}" if name else f"A token of {found.username}"
        self.stdout.write(f"{what}, good until {end}, shown only now: {token}")


def _account(name: str | None) -> User:
    users = User.objects.filter(is_active=True)
    if name is None:
        found = users.first() if users.count() == 1 else users.filter(username="admin").first()
        if found is None:
            raise CommandError("Say whom the token acts for: manage.py token NAME.")
        return found
    found = users.filter(username=name).first()
    if found is None:
        known = ", ".join(users.order_by("username").values_list("username", flat=True)[:20])
        raise CommandError(f"There is no account {name}. There are: {known or 'none yet; manage.py account opens one'}.")
    return found
