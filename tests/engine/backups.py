"""A backup of the tests' database, and its restore: on PostgreSQL a copy by the server, on SQLite one of the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection


class Backup:
    """Whoever is connected while it is taken or restored, is so no longer. The copy is gone at the end."""

    def __init__(self, folder: Path) -> None:
        self._name = str(connection.settings_dict["NAME"])
        self._copy = f"{self._name}_backup" if connection.vendor == "postgresql" else str(folder / "backup.sqlite3")

    def __enter__(self) -> "Backup":
        self._over(self._copy, self._name)
        return self

    def __exit__(self, *_: object) -> None:
        if connection.vendor == "postgresql":
            with _server() as server:
                server.execute(f'DROP DATABASE IF EXISTS "{self._copy}" WITH (FORCE)')

    def restore(self) -> None:
        self._over(self._name, self._copy)

    def _over(self, to: str, of: str) -> None:
        connection.close()
        if connection.vendor == "postgresql":
            with _server() as server:
                server.execute(f'DROP DATABASE IF EXISTS "{to}" WITH (FORCE)')
                server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [of])
                server.execute(f'CREATE DATABASE "{to}" TEMPLATE "{of}"')
            return
        source, target = sqlite3.connect(of), sqlite3.connect(to)
        with target:
            source.backup(target)
        source.close()
        target.close()


@contextmanager
def _server() -> Iterator["psycopg.Connection[Any]"]:
    """A session beside the tests' database, which may be made anew from here."""
    settings = connection.settings_dict
    names = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    given = {key: settings[name] for key, name in names.items() if settings[name]}
    with psycopg.connect(dbname="postgres", autocommit=True, **given) as session:
        yield session
