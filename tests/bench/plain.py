"""What the database does by itself: commits of one row inserted and one updated, with nothing of ours in between."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from django.conf import settings

SECONDS = 1.5


def prepare() -> None:
    with _open() as session:
        session.execute("CREATE TABLE IF NOT EXISTS bench_old (id INTEGER PRIMARY KEY, turn INTEGER)")
        session.execute("CREATE TABLE IF NOT EXISTS bench_new (id INTEGER, turn INTEGER, body TEXT)")
        session.execute("DELETE FROM bench_old")
        for number in range(16):
            session.execute(f"INSERT INTO bench_old VALUES ({number}, 0)")
        session.commit()


def commits(connections: int) -> float:
    """Commits a second on so many connections, for `SECONDS`."""
    ready = threading.Barrier(connections + 1, timeout=30)
    stop = threading.Event()

    def work(number: int) -> int:
        session, turn = _open(), 0
        begin, mark = ("BEGIN IMMEDIATE", "?") if settings.EMBEDDED else ("BEGIN", "%s")
        execute: Callable[..., Any] = session.execute
        ready.wait()
        while not stop.is_set():
            turn += 1
            execute(begin)
            execute(f"INSERT INTO bench_new VALUES ({mark}, {mark}, {mark})", (number, turn, "x" * 500))
            execute(f"UPDATE bench_old SET turn = {mark} WHERE id = {mark}", (turn, number))
            execute("COMMIT")
        session.close()
        return turn

    with ThreadPoolExecutor(connections) as pool:
        futures = [pool.submit(work, number) for number in range(connections)]
        ready.wait()
        began = time.perf_counter()
        threading.Event().wait(SECONDS)
        stop.set()
        done = sum(future.result() for future in futures)
        return done / (time.perf_counter() - began)


def _open() -> Any:
    if not settings.EMBEDDED:
        return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, prepare_threshold=0)
    session = sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=30, isolation_level=None, check_same_thread=False)
    session.execute("PRAGMA journal_mode=WAL")
    session.execute("PRAGMA synchronous=FULL")
    return session
