"""Headers of requests as people write them: what one may hold, and which give a credential away.

A credential stands in a secret, which is encrypted, and named as `${secrets.name}` where it is used. Written out it would be
stored in clear and shown to everybody who may read the account, the tool or the definition.
"""

import re
from collections.abc import Iterator, Mapping

from orchestration.core.errors import Problem

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_SCHEME = re.compile(r"(bearer|basic|digest|token)\s+\S", re.IGNORECASE)
_ALWAYS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "cookie")
_WORDS = frozenset(
    (
        "authorization",
        "authentication",
        "auth",
        "token",
        "key",
        "apikey",
        "secret",
        "password",
        "passwd",
        "credential",
        "credentials",
    )
)
_OTHER_KEYS = frozenset(("idempotency", "cache"))
_SHORT = 8
"""A shorter text is no credential, as in `X-Token-Limit: 500`; those in `_ALWAYS` are of any length."""


def problems(headers: Mapping[str, str], path: str) -> Iterator[Problem]:
    """What is wrong with each. `path` is where they stand."""
    for name, value in headers.items():
        if not _NAME.match(name):
            message = "A header's name is of letters, digits and signs such as -, 100 at most, without spaces."
            yield Problem("bad_header", message, f"{path}.{name[:60]}")
        elif not value.isprintable() or value != value.strip():
            message = f"{name} has to be one line of printable text, without spaces around it."
            yield Problem("bad_header", message, f"{path}.{name}")
    yield from literal_credentials(headers, path)


def literal_credentials(headers: Mapping[str, str], path: str) -> Iterator[Problem]:
    for name, value in headers.items():
        if gives_away(name, value):
            message = f"{name} looks like a credential, which would be stored and shown as it is. "
            message += "Write it as a secret, and name that here: ${secrets.name}."
            yield Problem("literal_credential", message, f"{path}.{name[:60]}")


def gives_away(name: str, value: str) -> bool:
    """Whether the fixed text of a header looks like a credential, by its name or its scheme."""
    if "${" in value or not value.strip():
        return False
    lower = name.lower()
    words = set(re.split(r"[^a-z0-9]+", lower))
    by_name = bool(words & _WORDS) and not words & _OTHER_KEYS and len(value) >= _SHORT
    return lower in _ALWAYS or by_name or _SCHEME.match(value) is not None
