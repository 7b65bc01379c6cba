"""A look into a queue from outside disturbs nobody."""

import sqlite3
from pathlib import Path

import pytest

from aqueue.store import reading, stored
from aqueue.store.peek import peek
from aqueue.store.protocol import Store

from .harness import Plain, enqueue, new, opens, plain

pytestmark = pytest.mark.sqlite


async def test_a_look_finds_what_was_committed_also_while_another_writes(store: Store, client: Plain) -> None:
    await enqueue(store, new(id="a"))
    client.do("BEGIN IMMEDIATE")
    client.do("INSERT INTO jobs (command) VALUES ('x')")
    assert peek(store.place.database, reading.counts) == {"default": {"pending": 1}}
    client.do("COMMIT")
    assert peek(store.place.database, reading.counts) == {"default": {"pending": 2}}


async def test_a_look_cannot_change_anything(store: Store) -> None:
    assert peek(store.place.database, lambda: stored.set_setting("timeout", "1")) is None
    assert await store.read(stored.settings) == {}


@pytest.mark.parametrize("name", ["a b.db", "100%.db", "a?mode=memory.db", "a#b.db", "\udcff.db"])
async def test_a_look_goes_into_the_file_of_this_name(tmp_path: Path, name: str) -> None:
    await opens(tmp_path / name)
    with plain(tmp_path / name) as client:
        client.do("INSERT INTO jobs (command) VALUES ('x')")
    assert peek(tmp_path / name, reading.counts) == {"default": {"pending": 1}}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_where_no_queue_is_nothing_is_found_and_nothing_made(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("x" * 5000)
    (tmp_path / "empty").touch()
    with sqlite3.connect(tmp_path / "foreign") as foreign:
        foreign.execute("CREATE TABLE jobs (title TEXT)")
    foreign.close()
    before = set(tmp_path.iterdir())
    for name in ("missing", "notes", "empty", "foreign", "notes/x", "."):
        assert peek(tmp_path / name, reading.counts) is None
    assert set(tmp_path.iterdir()) == before


async def test_jobs_are_found_by_how_their_ids_begin(store: Store) -> None:
    await enqueue(store, *(new(id=one) for one in ("b1", "a2", "a", "a1", "B1")), new())
    found = [await store.read(lambda: reading.named_like(one, 3)) for one in ("a", "a1", "z", "1")]  # noqa: B023
    assert [[job.id for job in jobs] for jobs in found] == [["a", "a1", "a2"], ["a1"], [], []]
