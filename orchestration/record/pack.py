"""How a value stands in a row: its JSON text, or `@` and the hash of a blob where that is longer than `INLINE` characters.

`@` begins no JSON text, so the two can't be confused. Packing is pure; who packs hands the blobs to the same commit.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models.functions import Substr

from orchestration.core import values
from orchestration.models import Blob

INLINE = 4_000


def pack(value: Any, blobs: dict[str, str]) -> str:
    """The packed form of a clean value; its blob, if it needs one, is added to `blobs`."""
    return pack_text(values.dump(value), blobs)


def pack_text(text: str, blobs: dict[str, str]) -> str:
    if len(text) <= INLINE:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    blobs[digest] = text
    return f"@{digest}"


def unpack(packed: str | None, blobs: Mapping[str, str]) -> Any:
    """The value. `blobs` must hold the blob where it is one: see `missing`."""
    if packed is None:
        return None
    return values.load(blobs[packed[1:]] if packed.startswith("@") else packed)


def missing(packed: Iterable[str | None]) -> set[str]:
    """The hashes of the blobs that these stand for."""
    return {text[1:] for text in packed if text and text.startswith("@")}


def fetch(hashes: Iterable[str]) -> dict[str, str]:
    """These blobs, read from the database."""
    wanted = set(hashes)
    return dict(Blob.objects.filter(hash__in=wanted).values_list("hash", "body")) if wanted else {}


def openings(hashes: Iterable[str], length: int) -> dict[str, str]:
    """How these blobs begin, read from the database."""
    wanted = set(hashes)
    found = Blob.objects.filter(hash__in=wanted).annotate(opening=Substr("body", 1, length))
    return dict(found.values_list("hash", "opening")) if wanted else {}


def unpack_all(packed: Iterable[str | None]) -> list[Any]:
    """Several packed values with one read of what blobs they need."""
    texts = list(packed)
    blobs = fetch(missing(texts))
    return [unpack(text, blobs) for text in texts]


def keep(blobs: Mapping[str, str]) -> None:
    """Writes blobs in the caller's transaction. Those that are there already are the same."""
    Blob.objects.bulk_create([Blob(hash=digest, body=body) for digest, body in blobs.items()], ignore_conflicts=True)
