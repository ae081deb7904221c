"""What the sample service was told to do, in a small SQLite file, so that a killed process forgets none of it."""

import json
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from orchestration.core.frozen import dataclass

_TABLE = "CREATE TABLE IF NOT EXISTS done (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT, body TEXT NOT NULL)"
_INDEX = "CREATE UNIQUE INDEX IF NOT EXISTS once ON done (kind, key)"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done. Numbers count up over all kinds."""

    number: int
    body: dict[str, Any]


class Store:
    """Safe to share between threads. `file` is made where it is missing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, kind: str, body: dict[str, Any]) -> Deed:
        """Does it, whether or not it was done before."""
        return self._insert(kind, None, body)

    def once(self, kind: str, key: str, body: dict[str, Any]) -> Deed:
        """Does it unless it was done under this key; then gives what was done first. Without a key it is always new."""
        return (self._find(kind, key) if key else None) or self._insert(kind, key or None, body)

    def away(self, name: str, times: int) -> bool:
        """True the first `times` times that `name` is asked for, then False once, and so on."""
        with self._lock:
            self._asked[name] += 1
            return self._asked[name] % (times + 1) != 0

    def _find(self, kind: str, key: str) -> Deed | None:
        with self._lock, closing(self._open()) as connection:
            row = connection.execute("SELECT number, body FROM done WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return Deed(row[0], json.loads(row[1])) if row else None

    def _insert(self, kind: str, key: str | None, body: dict[str, Any]) -> Deed:
        with self._lock, closing(self._open()) as connection, connection:
            added = connection.execute(
                "INSERT INTO done (kind, key, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (kind, key, json.dumps(body))
            )
            number = added.lastrowid if added.rowcount else None
        if number is None:  # another request of the same key was faster
            found = self._find(kind, key or "")
            assert found is not None
            return found
        return Deed(number, body)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=5)
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        return connection
