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
    for name, ciphertext in Secret.objects.filter(name__in=wanted).values_list("name", "ciphertext") if wanted else ():
        try:
            found[name] = keys.decrypt(ciphertext.encode()).decode()
        except InvalidToken:
            log.error("The secret %s can't be opened: none of the keys in SECRETS_KEY fits. Write it again.", name)
    return found


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEY])
