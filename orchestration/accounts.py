"""Accounts with one-time passwords: the first account of a fresh install, and those that an admin opens on the console.

A one-time password signs in once and then asks for one's own. That it is still in use is kept as membership in the group
`ONE_TIME`, so that Django's user table stays as it is.
"""

import re
import secrets

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User
from django.db import transaction

from orchestration.core.errors import Problem, Refused
from orchestration.roles import Role, group_names

ONE_TIME = "one-time password"
FIRST_NAME = "admin"
_NAME = re.compile(r"[\w.@+-]{1,150}\Z")


def check_new_name(username: str) -> None:
    """Raises `Refused` for a name that can't be one, or that is somebody's, in capitals or not."""
    if not _NAME.match(username):
        message = "A name has 1 to 150 letters, digits and @ . + - _, without spaces."
        raise Refused(Problem("bad_name", message, "username"))
    if taken := User.objects.filter(username__iexact=username).values_list("username", flat=True).first():
        raise Refused(Problem("name_taken", f"There is an account {taken} already.", "username"))


def open_account(username: str, role: Role | None = None) -> str:
    """Opens the account, or finds it, and returns its new one-time password. A role that is given replaces the one it had;
    a new account without one may look only. Raises `Refused` where a new one can't be called so."""
    password = secrets.token_urlsafe(12)
    with transaction.atomic():
        if not User.objects.filter(username=username).exists():
            check_new_name(username)
        user, fresh = User.objects.get_or_create(username=username)
        user.set_password(password)
        if role is not None or fresh:
            _give(user, role or Role.VIEWER)
        user.save()
        user.groups.add(_group(ONE_TIME))
    return password


def open_first_account() -> str | None:
    """The one-time password of the account `admin`, where there was no account at all; else None."""
    if User.objects.exists():
        return None
    return open_account(FIRST_NAME, Role.ADMIN)


def unused_first_account() -> str | None:
    """The name of the only account, where nobody has signed in to it yet: its password may have been missed."""
    users = list(User.objects.only("username", "last_login")[:2])
    return users[0].username if len(users) == 1 and users[0].last_login is None else None


def must_change_password(user: AbstractBaseUser | AnonymousUser) -> bool:
    return isinstance(user, User) and ONE_TIME in group_names(user)


def own_password_chosen(user: User) -> None:
    """The one-time password has done its work."""
    user.groups.remove(*Group.objects.filter(name=ONE_TIME))


def give_role(user: User, role: Role) -> None:
    """Replaces whatever role the person had."""
    with transaction.atomic():
        _give(user, role)
        user.save()


def _give(user: User, role: Role) -> None:
    user.is_superuser = user.is_staff = role is Role.ADMIN
    user.groups.remove(*Group.objects.filter(name__in=list(Role)))
    user.groups.add(_group(role))


def _group(name: str) -> Group:
    return Group.objects.get_or_create(name=name)[0]
