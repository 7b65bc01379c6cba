"""Moving a queue from one store to another, whatever they are: all that is known of it, or nothing.

The old queue takes no writes while it is read, and the new one is written in one transaction. Rows go as they are: what
follows from them (how many there are of each kind, how much output) is reckoned anew. Workers stay behind, so that none
may live.
"""

import asyncio
import contextlib
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aqueue.model.errors import InvalidInput, NotAQueue, Refused, StoreUnavailable
from aqueue.store.driving import decoded
from aqueue.store.explaining import Locked, explanation
from aqueue.store.opening import open_store
from aqueue.store.place import POSTGRESQL, Place
from aqueue.store.sqlite import sync_and_rename

TABLES = (
    *("jobs", "aqueue_runs", "aqueue_output", "aqueue_events", "aqueue_dependencies"),
    *("aqueue_queues", "aqueue_settings", "aqueue_schedules", "aqueue_minutes"),
)
"""What is moved, in this order."""

ROWS_AT_ONCE = 1000

Row = Sequence[Any]


class Source(Protocol):
    """A queue that is read as it is at one moment, and takes no writes until that is done."""

    async def columns(self, table: str) -> Sequence[str]:
        """The columns of a table that have to be moved."""

    def rows(self, table: str, columns: Sequence[str]) -> AsyncIterator[Sequence[Row]]:
        """The rows of a table, some at a time."""

    async def last_seq(self) -> int:
        """The highest number that was ever given to a job."""


class Target(Protocol):
    """An empty queue that is filled in one transaction."""

    async def is_empty(self) -> bool:
        """Whether nothing is in it and nothing was said of it."""

    async def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Put rows into a table."""

    async def finish(self, last_seq: int) -> None:
        """Reckon what follows from the rows. Nothing counts before the end of the block."""


async def move(source: str, target: str) -> Mapping[str, int]:
    """Move a queue; returns how many rows of each table that were.

    Raises Refused where a worker lives or the new queue is not empty, and StoreError; then nothing was changed.
    """
    if source == target:
        raise InvalidInput("a queue cannot be moved to where it is")
    if not source.startswith(POSTGRESQL) and not Path(source).is_file():
        raise NotAQueue(f"there is no queue at {source}")
    old_place, _ = await _check_rests(source)
    new_place, title = await _check_rests(target)
    if old_place == new_place:
        raise InvalidInput(f"{title}: a queue cannot be moved to where it is")
    async with reading(source) as old, writing(target) as new:
        if not await new.is_empty():
            raise Refused(f"the queue at {title} is not empty")
        return await copy(old, new)


async def back_up(url: str, path: Path) -> None:
    """Copy a queue on a server to a new file, while it goes on being used. Raises StoreUnavailable if it is there."""
    if os.path.lexists(path):
        raise StoreUnavailable(f"{path} exists already")
    part = Place(f"{path}.{secrets.token_hex(4)}.part", shared=False)
    try:
        part.create()
        try:
            await _check_rests(str(part.database))
            async with reading(url, still=False) as old, writing(str(part.database)) as new:
                await copy(old, new)
            with contextlib.closing(sqlite3.connect(part.database, isolation_level=None)) as raw:
                raw.execute("PRAGMA journal_mode = DELETE")
            await asyncio.to_thread(sync_and_rename, part.database, path)
        finally:
            part.database.unlink(missing_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error


async def copy(old: Source, new: Target) -> Mapping[str, int]:
    """Copy all that has to be moved."""
    moved = {}
    for table in TABLES:
        columns, moved[table] = await old.columns(table), 0
        async for rows in old.rows(table, columns):
            await new.add(table, columns, rows)
            moved[table] += len(rows)
    await new.finish(await old.last_seq())
    return moved


async def _check_rests(url: str) -> tuple[Path, str]:
    """Bring the queue up to date, and refuse it while workers live.

    Returns what tells it from others, however its address is spelled, and what it is called for people.
    """
    store = await open_store(url)
    try:
        if living := sorted(await store.living()):
            raise Refused(f"{', '.join(living)} work on {store.title}; stop them first: aqueue worker stop")
        return store.place.database.resolve(), store.title
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def reading(url: str, *, still: bool = True) -> AsyncIterator[Source]:
    """The queue at this path or address, for reading; where it need not be still, others may write meanwhile."""
    if url.startswith(POSTGRESQL):
        from aqueue.store.postgres import moving

        async with moving.reading(url, still=still) as server:
            yield server
        return
    async with _transaction(Path(url)) as file:
        yield file


@contextlib.asynccontextmanager
async def writing(url: str) -> AsyncIterator[Target]:
    """The queue at this path or address, for writing; what was written counts at the end of the block."""
    if url.startswith(POSTGRESQL):
        from aqueue.store.postgres import moving

        async with moving.writing(url) as server:
            yield server
        return
    async with _transaction(Path(url)) as file:
        await file.take_off_triggers()
        yield file


class File:
    """A SQLite queue in a transaction that nobody else can write beside."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self._triggers: list[str] = []

    async def _done(self, statement: str, *parameters: Any) -> list[Row]:
        return await asyncio.to_thread(lambda: self._raw.execute(statement, parameters).fetchall())

    async def columns(self, table: str) -> Sequence[str]:
        """The columns of a table that have to be moved: not those that follow from others."""
        return [row[1] for row in await self._done(f"PRAGMA table_info({table})")]

    async def rows(self, table: str, columns: Sequence[str]) -> AsyncIterator[Sequence[Row]]:
        """The rows of a table, some at a time."""
        cursor = self._raw.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2")  # noqa: S608 - ours
        with contextlib.closing(cursor):
            while rows := await asyncio.to_thread(cursor.fetchmany, ROWS_AT_ONCE):
                yield rows

    async def last_seq(self) -> int:
        """The highest number that was ever given to a job."""
        rows = await self._done("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'")
        return int(rows[0][0]) if rows else 0

    async def is_empty(self) -> bool:
        """Whether nothing is in it and nothing was said of it."""
        return not any([await self._done(f"SELECT 1 FROM {table} LIMIT 1") for table in TABLES])  # noqa: S608

    async def take_off_triggers(self) -> None:
        """They are for what happens, and this has happened."""
        for name, text in await self._done(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND"
            " (tbl_name = 'jobs' OR tbl_name LIKE 'aqueue\\_%' ESCAPE '\\')"
        ):
            self._triggers.append(text)
            await self._done(f"DROP TRIGGER {name}")

    async def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Put rows into a table."""
        marks = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of ours
        await asyncio.to_thread(self._raw.executemany, insert, rows)

    async def finish(self, last_seq: int) -> None:
        """Reckon what follows from the rows."""
        await self._done("DELETE FROM aqueue_counts")
        await self._done(
            "INSERT INTO aqueue_counts (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state"
        )
        await self._done(
            "UPDATE aqueue_output_size SET bytes = (SELECT coalesce(sum(length(data)), 0) FROM aqueue_output)"
        )
        await self._done("DELETE FROM sqlite_sequence WHERE name = 'jobs'")
        await self._done("INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', ?)", last_seq)
        for text in self._triggers:
            await self._done(text)


@contextlib.asynccontextmanager
async def _transaction(path: Path) -> AsyncIterator[File]:
    try:
        raw = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
        raw.text_factory = decoded
        with contextlib.closing(raw):
            raw.execute("PRAGMA synchronous = FULL")
            await asyncio.to_thread(raw.execute, "BEGIN IMMEDIATE")
            try:
                yield File(raw)
            except BaseException:
                raw.execute("ROLLBACK")
                raise
            await asyncio.to_thread(raw.execute, "COMMIT")
    except sqlite3.Error as error:
        explained = explanation(error, path)
        if isinstance(explained, Locked):
            raise StoreUnavailable(f"{path} is being written by another process") from error
        raise explained from error
