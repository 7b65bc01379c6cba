"""A look into a queue from outside: nothing is made or brought up to date, nobody is waited for, nothing is told."""

import contextlib
import sqlite3
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from aqueue.model.errors import AqueueError
from aqueue.store.driving import decoded, look
from aqueue.store.place import POSTGRESQL
from aqueue.store.statement import Ask

T = TypeVar("T")


def peek(database: Path | str, ask: Ask[T]) -> T | None:
    """What a verb that only reads finds there; None if there is no queue, or none that can be read at this moment."""
    if str(database).startswith(POSTGRESQL):
        return _peek_at_server(str(database), ask)
    database = Path(database)
    uri = f"file:{quote(bytes(database.absolute()))}?mode=rw"  # with any other mode, SQLite may make files
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)) as raw:
            raw.execute("PRAGMA query_only = ON")
            raw.row_factory = sqlite3.Row
            raw.text_factory = decoded
            return look(raw, ask)
    except (sqlite3.Error, AqueueError, OSError, ValueError):
        return None


def _peek_at_server(url: str, ask: Ask[T]) -> T | None:
    try:
        from aqueue.store.postgres.peeking import peek
    except ModuleNotFoundError:
        return None
    return peek(url, ask)
