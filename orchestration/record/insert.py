"""New rows, all or none. PostgreSQL takes them, and their commit, in one round trip: statements that come together are one
transaction there, where the caller has none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import connection, models, transaction

from orchestration.models import Blob

_Statement = tuple[str, list[Any]]


def insert(rows: Sequence[models.Model], blobs: Mapping[str, str]) -> None:
    """Writes these rows in their order, and the blobs before them, of which those that are there already are the same. A key that
    the database makes is not read back. Raises what the database raises; nothing is written then."""
    statements = [*_blobs(blobs), *map(_row, rows)]
    with _whole(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("; ".join(sql for sql, _ in statements), [value for _, values in statements for value in values])
        else:
            for sql, values in statements:
                cursor.execute(sql, values)


@contextmanager
def _whole() -> Iterator[None]:
    if connection.vendor == "postgresql" and not connection.in_atomic_block:
        yield
    else:
        with transaction.atomic():
            yield


def _blobs(blobs: Mapping[str, str]) -> Iterable[_Statement]:
    sql = f"INSERT INTO {Blob._meta.db_table} (hash, body) VALUES (%s, %s) ON CONFLICT (hash) DO NOTHING"
    return ((sql, [digest, blobs[digest]]) for digest in sorted(blobs))


def _row(row: models.Model) -> _Statement:
    model: Any = type(row)
    sql, columns = _insertion(model)
    return sql, [field.get_db_prep_save(getattr(row, field.attname), connection) for field in columns]


@cache
def _insertion(model: Any) -> tuple[str, tuple[Any, ...]]:
    """The statement for a row, and the fields that it has the values of."""
    columns = tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))
    names = ", ".join(f'"{field.column}"' for field in columns)
    return f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({', '.join(['%s'] * len(columns))})", columns
