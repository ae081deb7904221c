"""Bearer tokens: 256 bits, shown once, of which only the hash is kept."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from orchestration.acts import audit
from orchestration.core.errors import NotFound
from orchestration.core.frozen import dataclass
from orchestration.core.values import clean_text
from orchestration.models import ApiToken
from orchestration.record.columns import as_read
from orchestration.record.trouble import at_once
from orchestration.roles import Role, role_of

PREFIX = "ilk_"
_SHOWN = 8
_USED_EVERY = timedelta(minutes=1)
"""How exactly the last use is known: a write for each request would make readers wait for writers."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks by a token, and what they may: their role, or less where the token was made for less."""

    user: User
    role: Role


def create(*, user: User, by: str, name: str = "", days: int | None = None, role: Role | None = None) -> str:
    """The new token. It is not kept, so it can't be shown again. `role`: the most that it may do."""
    token = PREFIX + secrets.token_urlsafe(32)
    expires = timezone.now() + timedelta(days=days) if days is not None else None
    with transaction.atomic():
        made = ApiToken.objects.create(
            name=(clean_text(name).value or "token")[:100],
            user=user,
            hash=_hash(token),
            prefix=token[:_SHOWN],
            expires=expires,
            role=role or "",
        )
        detail = {"id": made.pk, "name": made.name, "expires": expires.isoformat() if expires else None, "role": made.role}
        audit.write(subject=f"user:{user.get_username()}", verb="create_token", by=by, detail=detail)
    return token


def revoke(*, token: int, by: str) -> None:
    """Ends a token. Raises `NotFound` where there is none that is in force."""
    with transaction.atomic():
        found = ApiToken.objects.select_related("user").filter(pk=token, revoked=None).first()
        if found is None:
            raise NotFound("There is no such token, or it has been revoked already.")
        ApiToken.objects.filter(pk=token).update(revoked=timezone.now())
        detail = {"id": token, "name": found.name}
        audit.write(subject=f"user:{found.user.get_username()}", verb="revoke_token", by=by, detail=detail)


def bearer(token: str) -> Bearer | None:
    """Who this token is, None where it is none, has expired or was revoked, or its user may nothing any more."""
    if not token.startswith(PREFIX) or len(token) > 100:
        return None
    found = _find(_hash(token))
    if found is None:
        return None
    kept, user = found
    now = timezone.now()
    held = role_of(user)
    if held is None or (kept["expires"] is not None and kept["expires"] <= now):
        return None
    if kept["used"] is None or kept["used"] < now - _USED_EVERY:
        with at_once():
            ApiToken.objects.filter(pk=kept["id"]).update(used=now)
    most = Role(kept["role"]) if kept["role"] else held
    return Bearer(user, min(held, most, key=lambda role: role.rank))


_KEPT = ("id", "role", "expires", "used")
_USER = tuple(field.attname for field in User._meta.concrete_fields)
_BOTH = ", ".join([*(f"token.{name}" for name in _KEPT), *(f"person.{name}" for name in _USER)])
_FIND = (
    f"SELECT {_BOTH} FROM orchestration_apitoken AS token JOIN auth_user AS person ON person.id = token.user_id "  # noqa: S608
    "WHERE token.hash = %s AND token.revoked IS NULL"
)


def _find(digest: str) -> tuple[dict[str, Any], User] | None:
    """What is kept of a token that is in force, and whose it is. Each request of a client asks for it, so the statement is not
    put together anew each time."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    user = User.from_db(connection.alias, _USER, as_read(User, _USER, row[len(_KEPT) :]).values())
    return as_read(ApiToken, _KEPT, row), user


def _hash(token: str) -> str:
    # No salt and no slow hash: 256 bits of chance can't be guessed from it.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
