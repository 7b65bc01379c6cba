"""Opening a queue: what is made, what is shared, and what is refused without a byte being changed."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from aqueue.model.errors import InvalidInput, NewerSchema, NotAQueue, StoreError, StoreUnavailable
from aqueue.model.selection import Filter
from aqueue.store import open_store, place, reading, schema
from aqueue.store.sqlite import SqliteStore

from .harness import Plain, enqueue, get, new, opened, opened_file, opens, plain

pytestmark = pytest.mark.sqlite


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("share", "file", "folder"), [("", 0o600, 0o700), ("group", 0o660, 0o770)])
async def test_the_file_and_the_folders_that_are_made_have_the_mode_that_is_meant(
    tmp_path: Path, share: str, file: int, folder: int
) -> None:
    database = tmp_path / "a" / "b" / "queue.db"
    async with opened(database, environ={"AQUEUE_SHARE": share}) as store:
        await enqueue(store)
        assert [_mode(path) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [folder, folder]
        assert [_mode(path) for path in database.parent.iterdir()] == [file] * 3


async def test_a_new_file_is_in_wal_mode_and_gives_freed_pages_back(store: SqliteStore, client: Plain) -> None:
    assert client.value("PRAGMA journal_mode") == "wal"
    assert client.value("PRAGMA auto_vacuum") == 2
    assert client.value("PRAGMA user_version") == 0
    assert client.rows("SELECT version FROM aqueue_schema") == [(number,) for number in range(1, schema.NEWEST + 1)]


async def test_what_was_written_is_there_when_it_is_opened_again(database: Path) -> None:
    for expected in ("1", "2"):
        async with opened(database) as store:
            assert await enqueue(store) == [expected]


async def test_only_a_worker_may_wait_for_the_disk_less_often(database: Path) -> None:
    levels = []
    for worker in (False, True):
        async with opened_file(database, worker=worker) as store:
            assert store._writer is not None
            levels += [row[0] for row in await store._writer.execute_fetchall("PRAGMA synchronous")]
    assert levels == [2, 1]


async def test_several_open_a_new_file_at_the_same_moment(database: Path) -> None:
    async def open_and_enqueue() -> None:
        async with opened(database) as store:
            await enqueue(store)

    await asyncio.gather(*(open_and_enqueue() for _ in range(8)))
    with plain(database) as client:
        assert client.value("SELECT count(*) FROM jobs") == 8


async def test_the_file_of_an_application_is_shared_and_its_tables_stay(database: Path) -> None:
    database.touch(0o600)
    with plain(database) as client:
        client.do("CREATE TABLE jobs_of_mine (x)")
        client.do("INSERT INTO jobs_of_mine VALUES (5)")
        client.do("PRAGMA user_version = 42")
        async with opened(database) as store:
            await enqueue(store)
        assert client.rows("SELECT * FROM jobs_of_mine") == [(5,)]
        assert client.value("PRAGMA user_version") == 42


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE TABLE jobs (id)",
        "CREATE TABLE Jobs (id)",
        "CREATE VIEW jobs AS SELECT 1",
        "CREATE TABLE aqueue_counts (a)",
        "CREATE TABLE AQUEUE_of_mine (a)",
    ],
)
async def test_a_foreign_table_of_our_names_is_refused_and_not_a_byte_changes(database: Path, foreign: str) -> None:
    database.touch(0o600)
    with plain(database) as client:
        client.do(foreign)
    before = database.read_bytes()
    with pytest.raises(NotAQueue, match=r"has a table \w+ that aqueue did not make"):
        await opens(database)
    assert database.read_bytes() == before
    assert list(database.parent.iterdir()) == [database]


async def test_a_file_of_a_newer_version_is_refused_with_a_sentence_that_says_so(database: Path) -> None:
    await opens(database)
    with plain(database) as client:
        client.do("INSERT INTO aqueue_schema VALUES (?)", schema.NEWEST + 1)
    before = database.read_bytes()
    with pytest.raises(
        NewerSchema, match=r"written by a newer aqueue \(schema \d+, this one knows \d+\); update aqueue"
    ):
        await opens(database)
    assert database.read_bytes() == before


def _a_folder(path: Path) -> None:
    path.mkdir()


def _a_text(path: Path) -> None:
    path.write_text("This is no database, but it is longer than the header of one would be. " * 10)
    path.chmod(0o600)


def _inside_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


BAD_PLACES: list[tuple[Callable[[Path], None], type[StoreError], str]] = [
    (_a_folder, NotAQueue, "is a folder; name a file in it"),
    (_a_text, NotAQueue, "is not a SQLite database"),
    (_inside_a_file, StoreUnavailable, "cannot make"),
]


@pytest.mark.parametrize(("make", "error", "sentence"), BAD_PLACES)
async def test_a_place_that_is_none_is_refused_with_a_sentence(
    tmp_path: Path, make: Callable[[Path], None], error: type[StoreError], sentence: str
) -> None:
    (folder := tmp_path / "folder").mkdir()
    make(folder / "queue.db")
    with pytest.raises(error, match=sentence):
        await opens(folder / "queue.db")


async def test_where_nothing_may_be_made_there_is_no_queue() -> None:
    with pytest.raises(StoreUnavailable, match=r"^cannot make /proc/self/queue.db: "):
        await opens(Path("/proc/self/queue.db"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
async def test_a_read_only_file_is_refused_with_a_sentence(database: Path) -> None:
    await opens(database)
    database.chmod(0o400)
    with pytest.raises(StoreUnavailable, match="read-only"):
        await opens(database)


@pytest.mark.parametrize("url", ["mysql://localhost/q", "sqlite:///x", "a\0b"])
async def test_a_path_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        await open_store(url)


async def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInput) as caught:
        await open_store("mysql://me:secret@host/q")
    assert str(caught.value).startswith("mysql://…: ")
    assert "secret" not in str(caught.value)


def test_without_a_path_it_is_that_of_the_environment_or_the_users_own() -> None:
    assert place.default_database({"AQUEUE_DB": "x.db", "HOME": "/h"}) == "x.db"
    assert place.default_database({"XDG_DATA_HOME": "/d", "HOME": "/h"}) == "/d/aqueue/queue.db"
    assert place.default_database({"XDG_DATA_HOME": "relative", "HOME": "/h"}) == "/h/.local/share/aqueue/queue.db"
    assert place.default_database({"AQUEUE_DB": "", "HOME": "/h"}) == "/h/.local/share/aqueue/queue.db"


async def test_only_the_group_can_be_shared_with(database: Path) -> None:
    with pytest.raises(InvalidInput, match="AQUEUE_SHARE is 'world'; only group is known"):
        await opens(database, environ={"AQUEUE_SHARE": "world"})
    assert not database.exists()


def test_a_migration_is_cut_at_the_ends_of_its_statements_and_not_within_triggers() -> None:
    script = """
        -- A comment; with a semicolon.
        CREATE TABLE a (x TEXT DEFAULT ';');
        CREATE TRIGGER t AFTER INSERT ON a
        BEGIN
            UPDATE a SET x = 1;
            DELETE FROM a;
        END;
        CREATE INDEX i ON a (x);
    """
    statements = list(schema._statements(script))
    assert [statement.split("CREATE ")[1].split()[0] for statement in statements] == ["TABLE", "TRIGGER", "INDEX"]


def test_no_statement_of_a_migration_is_left_over() -> None:
    for migration in schema.MIGRATIONS:
        script = migration.read_text(encoding="utf-8")
        assert "".join(schema._statements(script)).rstrip() == script.rstrip()


async def test_a_migration_that_fails_leaves_nothing_behind(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = database.with_name("0002_broken.sql")
    broken.write_text("CREATE TABLE aqueue_half (x);\nCREATE TABLE jobs (x);\n")
    await opens(database)
    monkeypatch.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS, broken])
    monkeypatch.setattr(schema, "NEWEST", schema.NEWEST + 1)
    with pytest.raises(StoreError, match="table jobs already exists"):
        await opens(database)
    monkeypatch.undo()
    async with opened(database) as store:
        assert await enqueue(store, new(id="a")) == ["a"]
        assert await get(store, "a")
    with plain(database) as client:
        assert client.rows("SELECT name FROM sqlite_schema WHERE name = 'aqueue_half'") == []


async def test_a_copy_is_a_queue_of_its_own(store: SqliteStore, tmp_path: Path) -> None:
    await enqueue(store, new("a"))
    await store.backup(tmp_path / "copy.db")
    await enqueue(store, new("b"))
    async with opened(tmp_path / "copy.db") as copy:
        assert [job.command for job in await copy.read(lambda: reading.select(Filter(), None))] == ["a"]
    with pytest.raises(StoreUnavailable, match="exists already"):
        await store.backup(tmp_path / "copy.db")


def test_the_sqlite_of_this_python_is_new_enough() -> None:
    assert sqlite3.sqlite_version_info >= schema.OLDEST_SQLITE
