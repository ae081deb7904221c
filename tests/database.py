"""The tests' own database: emptying it between tests."""

from django.apps import apps
from django.db import connection, transaction
from django.test import TransactionTestCase

_KEPT = {"django_content_type", "auth_permission"}
"""What migrations leave, and no test changes."""


def empty() -> None:
    """Empties every table. Django's own way makes each table anew on PostgreSQL (a fifth of a second, written to disk), and then
    all content types and permissions."""
    tables = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed} - _KEPT)
    names = [connection.ops.quote_name(table) for table in tables]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # waits for what is still being written, as SQLite does
            cursor.execute(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE")
        for name in names:
            cursor.execute(f"DELETE FROM {name}")


def use() -> None:
    TransactionTestCase._fixture_teardown = lambda self: empty()  # type: ignore[method-assign]


def let_go() -> None:
    """Ends what other threads of this process left open: a database that is in use can't be dropped."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
