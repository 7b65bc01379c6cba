"""The schema of a SQLite queue: is it ours, is it new enough, and bringing it up to date.

The version is kept in a table: `user_version` belongs to the application that may share the file.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from aqueue.model.errors import NewerSchema, NotAQueue, StoreUnavailable

MIGRATIONS = sorted((Path(__file__).parent / "migrations").glob("*.sql"))
NEWEST = len(MIGRATIONS)
OLDEST_SQLITE = (3, 38, 0)


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the connection's file a queue of the newest version. Raises NotAQueue, NewerSchema, StoreUnavailable."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is too old; 3.38 or later is needed")
    version = _checked_version(connection, path)
    if version is None and not _tables(connection):
        # Only a file without any table takes it; in one that an application made, freed pages stay in the file.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    if version != NEWEST:
        _migrate(connection, path)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again: another process may have done it while this one waited for the lock.
        version = _checked_version(connection, path)
        if version is None:
            connection.execute("CREATE TABLE aqueue_schema (version INTEGER PRIMARY KEY) STRICT")
        for number, migration in enumerate(MIGRATIONS[version or 0 :], start=(version or 0) + 1):
            for statement in _statements(migration.read_text(encoding="utf-8")):
                connection.execute(statement)
            connection.execute("INSERT INTO aqueue_schema (version) VALUES (?)", (number,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _checked_version(connection: sqlite3.Connection, path: Path) -> int | None:
    """The version of the schema; None for a file that may become a queue."""
    tables = _tables(connection)
    if "aqueue_schema" not in tables:
        _refuse_foreign_tables(tables, path)
        return None
    version: int = connection.execute("SELECT coalesce(max(version), 0) FROM aqueue_schema").fetchone()[0]
    if version > NEWEST:
        raise NewerSchema(
            f"{path} was written by a newer aqueue (schema {version}, this one knows {NEWEST}); update aqueue"
        )
    return version


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")}


def _refuse_foreign_tables(tables: set[str], path: Path) -> None:
    for name in sorted(tables):
        if name.lower() == "jobs" or name.lower().startswith("aqueue_"):
            raise NotAQueue(f"{path} has a table {name} that aqueue did not make; use another file")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one at a time: `executescript` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
