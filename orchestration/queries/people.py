"""Who has an account, and what they may."""

from datetime import datetime

from django.contrib.auth.models import User

from orchestration.accounts import ONE_TIME
from orchestration.core.frozen import dataclass
from orchestration.roles import Role


@dataclass(frozen=True, slots=True)
class Person:
    """`one_time`: they have not chosen a password of their own yet."""

    username: str
    role: Role | None
    active: bool
    one_time: bool
    joined: datetime
    last_login: datetime | None


def people() -> tuple[Person, ...]:
    """By name. Two queries."""
    return tuple(_person(user) for user in User.objects.order_by("username").prefetch_related("groups"))


def _person(user: User) -> Person:
    groups = {group.name for group in user.groups.all()}
    held = [role for role in Role if role in groups]
    role = Role.ADMIN if user.is_superuser else max(held, key=lambda role: role.rank, default=None)
    return Person(user.username, role, user.is_active, ONE_TIME in groups, user.date_joined, user.last_login)
