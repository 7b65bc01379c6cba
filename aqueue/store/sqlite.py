"""The store on SQLite: one writer and one reader, each an aiosqlite connection, and one hop a transaction.

A transaction waits for the write lock by trying again, never by SQLite's own busy handler, which sleeps in steps and
starves: a try is one hop, and between tries the event loop is free. Once begun, a transaction runs to its end even if
nobody waits for it any more: cancelling the wait for a thread does not stop the thread.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import os
import secrets
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite

from aqueue.model.errors import AqueueError, InvalidInput, StoreBusy, StoreError, StoreUnavailable
from aqueue.store import schema
from aqueue.store.doorbell import Doorbell
from aqueue.store.driving import decoded, drive, look
from aqueue.store.explaining import Locked, explanation
from aqueue.store.finding import Finding, Verdict
from aqueue.store.place import Place, has_temporary_folder
from aqueue.store.presence import Lobby
from aqueue.store.protocol import CHECKPOINT_BYTES, PATIENCE, Turned, Watcher
from aqueue.store.statement import Ask
from aqueue.store.unhurried import Unhurried
from aqueue.store.watch import watched

T = TypeVar("T")

# For a tenth of a second no longer than a change in slices leaves the lock to others: a step that passes over that
# pause can do so again and again.
_FIRST_WAITS = (0.0, 0.0003, 0.001, 0.002, 0.005, *[0.010] * 10)
_LAST_WAIT = 0.050

# It would log every parameter, and with them what the jobs' environments hold.
logging.getLogger("aiosqlite").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class _Done:
    outcomes: Sequence[Any]
    changed: bool
    data_version: int
    held: float


class _Turn(sqlite3.Connection):
    """A connection whose `execute` also runs a whole turn: a callable, handed to it in place of SQL.

    aiosqlite passes what it is given through to its thread unseen, so one hop between the threads is enough for a
    transaction of many statements: measured, 227 µs against 485 for four hops.
    """

    def execute(self, sql: Any, parameters: Any = (), /) -> Any:
        return _Returned(sql(self)) if callable(sql) else super().execute(sql, parameters)


class _Returned:
    """What a turn returned, in the shape of a cursor."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def fetchall(self) -> Any:
        return self._value


class SqliteStore(Unhurried):
    """A queue in one SQLite file. Made by :func:`open_sqlite`."""

    def __init__(self, place: Place, *, worker: bool) -> None:
        super().__init__()
        self.place = place
        self.url = self.title = str(place.database)
        self.folder = place.database.parent
        self._worker = worker
        self._writer: aiosqlite.Connection | None = None
        self._reader: aiosqlite.Connection | None = None
        self.doorbell = Doorbell(place)
        self.lobby = Lobby(place)
        self._opening = asyncio.Lock()
        self._data_version = 0

    def now(self) -> float:
        """The machine's time."""
        return time.time()

    async def living(self) -> frozenset[str]:
        """The workers that live."""
        return frozenset(filter(self.lobby.is_alive, self.lobby.seen()))

    def watched(self, watcher: Watcher) -> contextlib.AbstractContextManager[None]:
        """Tell the watcher, in the running loop, until the end of the block. The -wal and the lobby should exist."""
        return watched(self.place, watcher)

    def examined(self) -> Sequence[Finding]:
        """What is to be said of the file's place, and of the versions."""
        on = f", on {self.place.kind}" if self.place.kind else ""
        seen = f"{self.place.database}, mode {stat.S_IMODE(self.place.database.stat().st_mode):04o}{on}"
        warnings = self.place.warnings()
        return [
            Finding("place", Verdict.WARNING if warnings else Verdict.OK, "; ".join([seen, *warnings])),
            Finding("versions", Verdict.OK, f"schema {schema.NEWEST}, SQLite {sqlite3.sqlite_version}"),
        ]

    async def open(self) -> None:
        """Open the writer, which makes or updates the schema."""
        self.place.prepare()
        self._writer = await self._connect()
        await self._patiently(self._writer, self._prepare_writer, PATIENCE)

    async def _disconnect(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                with self._explained():
                    await connection.close()
        self._reader = self._writer = None
        self.doorbell.close()

    async def write(self, ask: Ask[T], *, patience: float = PATIENCE, checked: bool = False) -> T:
        """Run one verb in a transaction of its own, on the disk when this returns. Raises what the verb raises.

        `checked` says that whatever the verb writes has been checked by the model: then the schema need not do it
        once more, value by value, which for many new rows is nearly half of all work.
        """
        turned = await self.to_its_end(self._turn([ask], patience, checked=checked))
        return cast("T", turned.only)

    async def turn(self, asks: Sequence[Ask[Any]], *, patience: float = PATIENCE) -> Turned:
        """Run verbs in one transaction, commit it, and ring.

        A verb that raises an AqueueError changes nothing and does not disturb the others. Raises StoreError when
        the transaction as a whole could not be had: then nothing has changed. `patience` is how many seconds to
        wait for the write lock; it may be infinite.
        """
        return await self.to_its_end(self._turn(asks, patience))

    async def _turn(self, asks: Sequence[Ask[Any]], patience: float, *, checked: bool = False) -> Turned:
        transact = functools.partial(_transact_unchecked if checked else _transact, asks=asks)
        done = await self._patiently(self._opened_writer, transact, patience)
        if done.changed:
            self.doorbell.ring()
        foreign, self._data_version = done.data_version != self._data_version, done.data_version
        return Turned(done.outcomes, foreign, done.held)

    async def read(self, ask: Ask[T]) -> T:
        """Run a verb that only reads, in a transaction of its own: it sees one moment of the store."""
        reader = await self.to_its_end(self._opened_reader())
        return await self.to_its_end(self._patiently(reader, functools.partial(look, ask=ask), PATIENCE))

    async def backup(self, path: Path) -> None:
        """Copy the queue as it is at this moment, by SQLite's own backup, while it goes on being used.

        The copy gets its name when it is whole and on the disk. Raises StoreUnavailable if that name is taken.
        """
        if os.path.lexists(path):
            raise StoreUnavailable(f"{path} exists already")
        reader = await self.to_its_end(self._opened_reader())
        copy = Place(f"{path}.{secrets.token_hex(4)}.part", shared=self.place.shared)
        try:
            copy.create()
            try:
                copying = self._patiently(reader, functools.partial(_backup, target=copy.database), PATIENCE)
                await self.to_its_end(copying)
                sync_and_rename(copy.database, path)
            finally:
                copy.database.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error

    async def checkpoint_when_large(self, most: int = CHECKPOINT_BYTES) -> None:
        """Bring the -wal home when it is larger than that, or soon leaves no room for that.

        Only a worker's writer does this; another's only while no worker lives. SQLite before 3.51.3 can corrupt the
        file when a second checkpoint starts right after one that finished while another connection commits; TRUNCATE
        holds the write lock meanwhile, and it is never done twice in a row. https://sqlite.org/wal.html#walresetbug
        """
        with contextlib.suppress(OSError):
            if self.place.wal.stat().st_size <= min(most, _room_beside(self.place.wal)):
                return
            if not self._worker and await self.living():
                return
            with contextlib.suppress(Locked), self._explained():  # where it is locked, the next time will do
                await self.to_its_end(_hop(self._opened_writer, _checkpoint))

    @property
    def _opened_writer(self) -> aiosqlite.Connection:
        if self._writer is None:
            raise StoreError(f"{self.url} is not open")
        return self._writer

    async def _opened_reader(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._reader is None:
                reader = await self._connect()
                await self._patiently(reader, self._prepare_reader, PATIENCE)
                self._reader = reader
        return self._reader

    async def _connect(self) -> aiosqlite.Connection:
        try:
            with self._explained():
                return await aiosqlite.connect(self.place.database, factory=_Turn, isolation_level=None, timeout=0)
        except RuntimeError as error:  # "can't start new thread"
            raise StoreUnavailable(f"cannot open {self.place.database}: {error}") from error

    def _prepare_writer(self, raw: sqlite3.Connection) -> None:
        raw.row_factory = sqlite3.Row
        raw.text_factory = decoded
        schema.prepare(raw, self.place.database)
        # A settle that a power cut undoes costs a rerun; an enqueue that was acknowledged must not be undone.
        raw.execute(f"PRAGMA synchronous = {'NORMAL' if self._worker else 'FULL'}")
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        _spare_the_disk(raw)

    def _prepare_reader(self, raw: sqlite3.Connection) -> None:
        raw.row_factory = sqlite3.Row
        raw.text_factory = decoded
        raw.execute("PRAGMA query_only = ON")
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        _spare_the_disk(raw)

    async def _patiently(
        self, connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T], patience: float
    ) -> T:
        clock = asyncio.get_running_loop().time
        end = clock() + patience
        for wait in _waits():
            is_last = self._closing  # and not when it has failed: the lock may just have been let go
            try:
                with self._explained():
                    return await _hop(connection, work)
            except Locked:
                if is_last or clock() + wait > end:
                    raise StoreBusy(
                        f"{self.place.database} has been locked by another process for {patience:g} s"
                    ) from None
                await asyncio.sleep(wait)
        raise AssertionError("the waits never end")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explanation(error, self.place.database) from error
        except UnicodeEncodeError as error:
            raise InvalidInput("a text must be valid UTF-8") from error


async def open_sqlite(path: str, *, shared: bool, anywhere: bool = False, worker: bool) -> SqliteStore:
    """Open the queue in this file, making it if need be."""
    store = SqliteStore(Place(path, shared=shared, anywhere=anywhere), worker=worker)
    try:
        await store.to_its_end(store.open())
    except BaseException:
        await store.close()
        raise
    return store


def _spare_the_disk(raw: sqlite3.Connection) -> None:
    """Where nothing but the queue's own folder can be written, SQLite keeps in memory what it would put aside."""
    if not has_temporary_folder(os.environ):
        raw.execute("PRAGMA temp_store = MEMORY")


def _waits() -> Iterator[float]:
    yield from _FIRST_WAITS
    while True:
        yield _LAST_WAIT


def _room_beside(path: Path) -> int:
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def _checkpoint(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _backup(raw: sqlite3.Connection, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
        try:
            raw.backup(copy)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
        # One file, which can be moved anywhere: the first to open it as a queue brings the -wal back.
        copy.execute("PRAGMA journal_mode = DELETE")


def sync_and_rename(written: Path, final: Path) -> None:
    """Give what was written its name when it is on the disk."""
    _sync(written)
    written.rename(final)
    _sync(final.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _hop(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    return cast("T", await connection.execute_fetchall(cast("str", work)))


def _transact(raw: sqlite3.Connection, asks: Sequence[Ask[Any]]) -> _Done:
    outcomes: dict[int, Any] = {}
    changes = raw.total_changes
    while True:
        raw.execute("BEGIN IMMEDIATE")
        begun = time.perf_counter()
        try:
            # Moved by the commits of others only. Read under the write lock, so that no commit slips in between.
            data_version = raw.execute("PRAGMA data_version").fetchone()[0]
            failed = _run_all(raw, asks, outcomes)
            raw.execute("ROLLBACK" if failed else "COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        if not failed:
            results = [outcomes[place] for place in range(len(asks))]
            return _Done(results, raw.total_changes != changes, data_version, time.perf_counter() - begun)


def _transact_unchecked(raw: sqlite3.Connection, asks: Sequence[Ask[Any]]) -> _Done:
    raw.execute("PRAGMA ignore_check_constraints = ON")
    try:
        return _transact(raw, asks)
    finally:
        raw.execute("PRAGMA ignore_check_constraints = OFF")


def _run_all(raw: sqlite3.Connection, asks: Sequence[Ask[Any]], outcomes: dict[int, Any]) -> bool:
    """Run the verbs that have not failed yet; says whether one failed now, which spoils the transaction."""
    for place, ask in enumerate(asks):
        if isinstance(outcomes.get(place), AqueueError):
            continue
        try:
            outcomes[place] = drive(raw, ask)
        except AqueueError as error:
            outcomes[place] = error
            return True
    return False
