"""How allauth works here: accounts are opened by admins, never by strangers."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed
from django.http import HttpRequest

from orchestration.accounts import own_password_chosen


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """None is sent: no part of this product rests on mail."""


def connect() -> None:
    """Has a chosen password end the one-time one. Called once, when Django is ready."""
    password_changed.connect(_on_password_changed, dispatch_uid="own_password_chosen")


def _on_password_changed(user: Any, **_: Any) -> None:
    own_password_chosen(user)
