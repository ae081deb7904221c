"""Bearer tokens: 256 bits, shown once, of which only the hash is kept."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from orchestration.acts import audit
from orchestration.core.errors import NotFound
from orchestration.core.frozen import dataclass
from orchestration.core.values import clean_text
from orchestration.models import ApiToken
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
    found = ApiToken.objects.select_related("user").filter(hash=_hash(token), revoked=None).first()
    now = timezone.now()
    if found is None or (found.expires is not None and found.expires <= now):
        return None
    held = role_of(found.user)
    if held is None:
        return None
    if found.used is None or found.used < now - _USED_EVERY:
        with at_once():
            ApiToken.objects.filter(pk=found.pk).update(used=now)
    most = Role(found.role) if found.role else held
    return Bearer(found.user, min(held, most, key=lambda role: role.rank))


def _hash(token: str) -> str:
    # No salt and no slow hash: 256 bits of chance can't be guessed from it.
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
