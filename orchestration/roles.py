"""Who may do what: four roles, each of which may all that the one before it may. They are stored as Django's groups.

A viewer looks. An operator starts runs, answers escalations and steps in. A designer edits and publishes workflows. An admin
keeps accounts, providers, secrets and tools; a superuser is an admin.
"""

from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import connection


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    DESIGNER = "designer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, other: "Role") -> bool:
        """Whether this role may what `other` may."""
        return self.rank >= other.rank


def role_of(user: AbstractBaseUser | AnonymousUser | None) -> Role | None:
    """The highest role of a person; None for one who has none, is not signed in or not active. One query a request and user."""
    if not isinstance(user, User) or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    held = [Role(name) for name in group_names(user) if name in set(Role)]
    return max(held, key=lambda role: role.rank, default=None)


def allows(user: AbstractBaseUser | AnonymousUser | None, role: Role) -> bool:
    """Whether this person may what `role` may."""
    held = role_of(user)
    return held is not None and held.covers(role)


_GROUPS = "SELECT name FROM auth_group JOIN auth_user_groups ON auth_group.id = group_id WHERE user_id = %s"


def group_names(user: User) -> tuple[str, ...]:
    """Names of the groups of a person, read once for each user object, which lives as long as one request."""
    names: tuple[str, ...] | None = getattr(user, "_group_names", None)
    if names is None:
        with connection.cursor() as cursor:
            cursor.execute(_GROUPS, [user.pk])
            names = tuple(name for (name,) in cursor.fetchall())
        user._group_names = names  # type: ignore[attr-defined]
    return names
