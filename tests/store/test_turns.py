"""Transactions: many verbs in one, the wait for the lock, and what a cancelled wait does not stop."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any, cast

import aiosqlite
import pytest

from aqueue.model.errors import DuplicateId, NoSuchJob, StoreBusy, StoreError
from aqueue.model.selection import Filter
from aqueue.store import open_store, reading, sql, stored
from aqueue.store.sqlite import SqliteStore, _Turn
from aqueue.store.statement import Statement, Verb

from .harness import DEFAULTS, ENOUGH, NOW, Plain, enqueue, get, new, opened, plain, python, state

pytestmark = pytest.mark.sqlite

HOLDER = """
import sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO jobs (command) VALUES ('by the holder')")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""


async def test_a_verb_that_is_refused_does_not_disturb_the_others_of_its_turn(store: SqliteStore) -> None:
    await enqueue(store, new(id="taken"))
    turned = await store.turn(
        [
            lambda: sql.enqueue([new(id="a")], DEFAULTS, NOW),
            lambda: sql.enqueue([new(), new(id="taken")], DEFAULTS, NOW),
            lambda: reading.find(["nobody"]),
            lambda: sql.enqueue([new(id="b")], DEFAULTS, NOW),
        ]
    )
    first, second, third, fourth = turned.outcomes
    assert (first.ids, fourth.ids) == (["a"], ["b"])
    assert isinstance(second, DuplicateId)
    assert isinstance(third, NoSuchJob)
    assert [job.id for job in await store.read(lambda: reading.select(Filter(), None))] == ["b", "a", "taken"]


async def test_of_two_verbs_of_one_turn_that_want_the_same_id_the_second_is_refused(store: SqliteStore) -> None:
    asks = [lambda: sql.enqueue([new(id="a")], DEFAULTS, NOW)] * 2
    first, second = (await store.turn(asks)).outcomes
    assert first.ids == ["a"]
    assert isinstance(second, DuplicateId)


async def test_a_turn_that_fails_as_a_whole_changes_nothing_and_the_next_one_works(store: SqliteStore) -> None:
    def broken() -> Verb[None]:
        yield Statement("set", {"key": None, "value": None})

    with pytest.raises(StoreError, match="NOT NULL"):
        await store.turn([lambda: sql.enqueue([new()], DEFAULTS, NOW), broken])
    assert await store.read(reading.counts) == {}
    assert await enqueue(store) == ["1"]


async def test_a_read_sees_one_moment_and_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="read-only"):
        await store.read(lambda: stored.set_setting("timeout", "1"))
    assert await store.read(stored.settings) == {}


async def test_a_turn_says_whether_somebody_else_has_written_since_the_last(
    store: SqliteStore, other: SqliteStore
) -> None:
    async def foreign() -> bool:
        return (await store.turn([lambda: sql.enqueue([new()], DEFAULTS, NOW)])).foreign

    await foreign()
    assert not await foreign()
    await enqueue(other)
    assert await foreign()
    assert not await foreign()


async def test_a_write_waits_for_the_lock_of_another_process_and_then_succeeds(store: SqliteStore) -> None:
    with python(HOLDER, store.url) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert await asyncio.to_thread(holder.stdout.readline) == "held\n"
        with pytest.raises(StoreBusy, match=r"has been locked by another process for 0 s"):
            await store.write(lambda: stored.set_setting("timeout", "1"), patience=0)
        waiting = asyncio.ensure_future(enqueue(store, new("behind it")))
        assert await store.read(reading.counts) == {}
        assert not waiting.done()
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert await asyncio.wait_for(waiting, ENOUGH) == ["2"]
    assert [(await get(store, one)).command for one in "12"] == ["by the holder", "behind it"]


async def test_who_is_out_of_patience_gets_an_error_and_has_changed_nothing(store: SqliteStore, client: Plain) -> None:
    client.do("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"locked by another process for 0\.05 s"):
        await store.write(lambda: sql.enqueue([new()], DEFAULTS, NOW), patience=0.05)
    client.do("ROLLBACK")
    assert await store.read(reading.counts) == {}


class Gate:
    """Keeps the thread of the writer in the middle of a verb until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = threading.Event()
        self._loop = asyncio.get_running_loop()

    def enqueue(self) -> Verb[None]:
        yield from sql.enqueue([new("behind the gate")], DEFAULTS, NOW)
        self._loop.call_soon_threadsafe(self.reached.set)
        self._open.wait(ENOUGH)

    def open(self) -> None:
        self._open.set()


async def test_a_write_whose_caller_has_gone_still_commits_and_close_waits_for_it(database: Path) -> None:
    async with opened(database) as store:
        gate = Gate()
        writing = asyncio.ensure_future(store.write(gate.enqueue))
        await asyncio.wait_for(gate.reached.wait(), ENOUGH)
        await cancelled(writing)
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        assert not closing.done()
        gate.open()
        await asyncio.wait_for(closing, ENOUGH)
    with plain(database) as client:
        assert client.rows("SELECT command, state FROM jobs") == [("behind the gate", "pending")]


async def test_a_write_whose_caller_has_gone_goes_on_waiting_for_the_lock_and_close_with_it(database: Path) -> None:
    async with opened(database) as store:
        with plain(database) as client:
            client.do("BEGIN IMMEDIATE")
            writing = asyncio.ensure_future(enqueue(store, new("behind the lock")))
            await store.read(reading.counts)  # by the time that this is answered, the other has tried at least once
            await cancelled(writing)
            closing = asyncio.ensure_future(store.close())
            await asyncio.sleep(0)
            client.do("ROLLBACK")
            await asyncio.wait_for(closing, ENOUGH)
            assert client.rows("SELECT command FROM jobs") == [("behind the lock",)]


async def test_a_write_whose_caller_has_gone_still_rings(store: SqliteStore, other: SqliteStore) -> None:
    rung = asyncio.Event()
    with other.doorbell.hung_up(rung.set):
        gate = Gate()
        writing = asyncio.ensure_future(store.write(gate.enqueue))
        await asyncio.wait_for(gate.reached.wait(), ENOUGH)
        await cancelled(writing)
        gate.open()
        await asyncio.wait_for(rung.wait(), ENOUGH)


async def cancelled(waiting: asyncio.Future[Any]) -> None:
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_reader_is_not_kept_waiting_by_a_writer(store: SqliteStore) -> None:
    await enqueue(store)
    gate = Gate()
    writing = asyncio.ensure_future(store.write(gate.enqueue))
    await asyncio.wait_for(gate.reached.wait(), ENOUGH)
    assert await state(store, "1") == "pending"
    gate.open()
    await asyncio.wait_for(writing, ENOUGH)


async def test_a_store_is_closed_by_one_who_is_cancelled_before_and_meanwhile(database: Path) -> None:
    before = set(threading.enumerate())
    store = await open_store(str(database))
    await store.read(reading.counts)
    threads = set(threading.enumerate()) - before

    async def close() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()  # as Ctrl-C does, while nobody listens
        asyncio.get_running_loop().call_soon(task.cancel)
        await store.close()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(close())
    assert len(threads) == 2
    for thread in threads:
        thread.join(ENOUGH)
        assert not thread.is_alive()


async def test_a_closed_store_says_so_and_leaves_no_thread(database: Path) -> None:
    before = set(threading.enumerate())
    store = await open_store(str(database))
    await store.read(reading.counts)
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2
    await store.close()
    await store.close()
    for thread in threads:
        thread.join(ENOUGH)
        assert not thread.is_alive()
    with pytest.raises(StoreError, match="is not open"):
        await enqueue(store)


async def test_aiosqlite_passes_a_callable_through_to_its_thread_in_one_hop(database: Path) -> None:
    returned = object()
    seen: list[tuple[type[sqlite3.Connection], bool]] = []

    def turn(raw: sqlite3.Connection) -> object:
        seen.append((type(raw), threading.current_thread() is threading.main_thread()))
        return returned

    async with aiosqlite.connect(database, factory=_Turn) as connection:
        queued = connection._tx.qsize()
        assert await connection.execute_fetchall(cast("str", turn)) is returned
        assert connection._tx.qsize() == queued
    assert seen == [(_Turn, False)]


async def test_a_turn_is_one_transaction_however_many_verbs_it_has(store: SqliteStore) -> None:
    told: list[str] = []
    assert store._writer is not None
    await store._writer.set_trace_callback(told.append)
    await store.turn([lambda: sql.enqueue([new()], DEFAULTS, NOW)] * 3)
    assert [text for text in told if text.startswith(("BEGIN", "COMMIT", "ROLLBACK"))] == ["BEGIN IMMEDIATE", "COMMIT"]


async def test_the_worker_brings_a_large_wal_home_and_nobody_else(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aqueue.store.sqlite.CHECKPOINT_BYTES", 200_000)
    async with opened(database, worker=True) as store:
        await enqueue(store, *(new() for _ in range(100)))
        small = store.place.wal.stat().st_size
        await store.checkpoint_when_large()
        assert store.place.wal.stat().st_size == small
        await enqueue(store, *(new("x" * 1000) for _ in range(3000)))
        assert store.place.wal.stat().st_size > 200_000
        await store.checkpoint_when_large()
        assert store.place.wal.stat().st_size == 0
