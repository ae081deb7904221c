"""Rows of statements of our own, their values as Django reads them."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import connection


def as_read(model: Any, names: tuple[str, ...], row: Sequence[Any]) -> dict[str, Any]:
    """These columns of `model`, with which the row begins, by name."""
    found = dict(zip(names, row, strict=False))
    for name, column, convert in _converters(connection.vendor, model, names):
        found[name] = convert(found[name], column, connection)
    return found


@cache
def _converters(vendor: str, model: Any, names: tuple[str, ...]) -> list[tuple[str, Any, Callable[..., Any]]]:
    columns = [(name, model._meta.get_field(name).cached_col) for name in names]
    return [(name, column, convert) for name, column in columns for convert in connection.ops.get_db_converters(column)]
