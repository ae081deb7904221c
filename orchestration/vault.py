"""Secrets at rest: encrypted in the table, decrypted for the moment of a call, never logged and never shown.

Values are sealed with the first key of SECRETS_KEY and opened with whichever fits, so that keys can be rotated. Who writes
one goes through `acts.reach.put_secret`, which leaves an act.
"""

import logging
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from orchestration.models import Secret

log = logging.getLogger(__name__)


def put(name: str, value: str) -> None:
    """Writes the secret, or replaces it."""
    Secret.objects.update_or_create(name=name, defaults={"ciphertext": _keys().encrypt(value.encode()).decode()})


def resolve(names: Iterable[str]) -> dict[str, str]:
    """The values of these secrets. What there is not, or what no key opens any more, is absent."""
    wanted = set(names)
    keys = _keys()
    found = {}
    for name, text in Secret.objects.filter(name__in=wanted).values_list("name", "ciphertext") if wanted else ():
        value = _opened(keys, text)
        if value is None:
            log.error("The secret %s can't be opened: none of the keys in SECRETS_KEY fits. Write it again.", name)
        else:
            found[name] = value.decode()
    return found


def lost() -> tuple[str, ...]:
    """The names of those that no key opens any more."""
    return tuple(name for name, text in _sealed() if not opens(text))


def opens(text: str) -> bool:
    """Whether a key of now opens what was sealed so."""
    return _opened(_keys(), text) is not None


def rotate() -> tuple[str, ...]:
    """Seals with the first key what another one had sealed; the names of those. What no key opens stays as it is, and so does
    what somebody writes at this moment: that is sealed with the first key already."""
    first, keys = Fernet(settings.SECRETS_KEY[0]), _keys()
    sealed = []
    for name, text in _sealed():
        if _opened(first, text) is None and (value := _opened(keys, text)) is not None:
            Secret.objects.filter(name=name, ciphertext=text).update(ciphertext=first.encrypt(value).decode())
            sealed.append(name)
    return tuple(sealed)


def _sealed() -> list[tuple[str, str]]:
    return list(Secret.objects.order_by("name").values_list("name", "ciphertext"))


def _opened(keys: Fernet | MultiFernet, text: str) -> bytes | None:
    try:
        return keys.decrypt(text.encode())
    except InvalidToken:
        return None


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEY])
