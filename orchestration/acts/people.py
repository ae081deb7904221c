"""Opening accounts, giving roles, and taking access away. Only admins; somebody always stays one."""

from django.contrib.auth.models import User
from django.db import transaction

from orchestration import accounts
from orchestration.acts import audit
from orchestration.core.errors import NotFound, Problem, Refused
from orchestration.roles import Role, role_of


def invite(*, username: str, role: Role, by: str) -> str:
    """Opens an account and returns its one-time password, which is not kept. Raises `Refused` for a name that can't be one, or
    is somebody's."""
    with transaction.atomic():
        accounts.check_new_name(username)
        password = accounts.open_account(username, role)
        audit.write(subject=f"user:{username}", verb="invite", by=by, detail={"role": role.value})
    return password


def renew_password(*, username: str, by: str) -> str:
    """A new one-time password for who lost theirs; it ends their sessions. Returns it; it is not kept. Raises `NotFound`."""
    with transaction.atomic():
        _find(username)
        password = accounts.open_account(username)
        audit.write(subject=f"user:{username}", verb="renew_password", by=by)
    return password


def set_role(*, username: str, role: Role, by: str) -> None:
    """Raises `NotFound`, and `Refused` where nobody would be left to give roles."""
    with transaction.atomic():
        person = _find(username)
        before = role_of(person)
        if before is role:
            return
        if before is Role.ADMIN:
            _keep_one_admin(person)
        accounts.give_role(person, role)
        detail = {"role": role.value, "before": before.value if before else None}
        audit.write(subject=f"user:{username}", verb="set_role", by=by, detail=detail)


def set_active(*, username: str, active: bool, by: str) -> None:
    """Locks an account out, its tokens included, or lets it in again. What the person did stays theirs. Raises as `set_role`."""
    with transaction.atomic():
        person = _find(username)
        if person.is_active == active:
            return
        if not active and role_of(person) is Role.ADMIN:
            _keep_one_admin(person)
        person.is_active = active
        person.save(update_fields=["is_active"])
        audit.write(subject=f"user:{username}", verb="let_in" if active else "lock_out", by=by)


def _find(username: str) -> User:
    found = User.objects.select_for_update().filter(username=username).first()
    if found is None:
        raise NotFound(f"There is no account {username[:60]}.")
    return found


def _keep_one_admin(person: User) -> None:
    others = User.objects.filter(is_active=True).exclude(pk=person.pk)
    if not others.filter(is_superuser=True).exists() and not others.filter(groups__name=Role.ADMIN).exists():
        message = f"{person.username} is the only admin. Make somebody else one first, or nobody could give roles any more."
        raise Refused(Problem("last_admin", message, "role"))
