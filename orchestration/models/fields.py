"""Column kinds that several tables share."""

from typing import Any

import uuid_utils
from django.db import models

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def new_id() -> str:
    """26 characters, ordered by time to the millisecond, unguessable after that (UUIDv7 in Crockford's base 32)."""
    number = uuid_utils.uuid7().int
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


class IdField(models.CharField):
    """A primary key from `new_id`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 26, "primary_key": True, "default": new_id, "editable": False, **options})


class PackedField(models.TextField):
    """A JSON value as text: the value itself, or `@` and the hash of the blob that holds it (see `record/pack`).

    Text, not the database's own JSON: the same bytes on every database, and nothing is parsed that nobody reads.
    """
