"""A batch of any size is one transaction, and takes no memory before it is written."""

import asyncio
import contextlib
import errno
import json
import tempfile
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aqueue.model.errors import DuplicateId, InvalidInput, StoreUnavailable
from aqueue.model.newjob import Alike, NewJob, OfKinds
from aqueue.queue import Queue
from aqueue.store import batch as batches
from aqueue.store import sql
from aqueue.store.batch import Batch, Chunk
from aqueue.store.enqueueing import enqueue_batch
from aqueue.store.protocol import Store

from .harness import DEFAULTS, ENOUGH, NOW, Plain, enqueue, new, opened, plain

COLUMNS = (
    "custom_id, command, state, queue, priority, max_retries, timeout, run_at, held, created_at, updated_at, tags, env,"
    " cwd, backoff_base, backoff_max, no_retry_on, defer_on, nice, memory"
)


Collect = Callable[..., Batch]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of three jobs, and a file from the second chunk on."""
    monkeypatch.setattr(batches, "JOBS_OF_A_CHUNK", 3)
    monkeypatch.setattr(batches, "CHARACTERS_IN_MEMORY", 20)


@pytest.fixture
def collected() -> Iterator[Collect]:
    with contextlib.ExitStack() as batches:

        def collect(*jobs: NewJob | Alike | OfKinds) -> Batch:
            batch = batches.enter_context(Batch())
            batch.add(jobs, NOW)
            return batch

        yield collect


async def write(store: Store, batch: Batch, *, checked: bool = True) -> list[str]:
    return list((await store.write(lambda: enqueue_batch(batch, DEFAULTS, NOW), checked=checked)).ids)


def test_jobs_that_differ_in_their_commands_alone_are_told_of_once(collected: Collect) -> None:
    (chunk,) = collected(*(new(f"echo {number}", tags=["x"], queue="mail") for number in range(5)))
    assert (chunk.form, chunk.jobs) == (batches.ORDINARY, '["echo 0","echo 1","echo 2","echo 3","echo 4"]')
    common = json.loads(chunk.common)
    assert (common["queue"], common["tags"]) == ("mail", ["x"])
    (held,) = collected(*(new(f"echo {number}", hold=True) for number in range(5)))
    assert (held.form, held.jobs) == (batches.ALIKE, chunk.jobs)
    (same,) = collected(Alike(new(tags=["x"], queue="mail"), [f"echo {number}" for number in range(5)]))
    assert same == chunk


def test_of_others_only_that_is_told_which_is_their_own(collected: Collect) -> None:
    (chunk,) = collected(new("a", queue="mail", priority=1), new("b", queue="mail", priority=2, id="x"))
    common = json.loads(chunk.common)
    assert (chunk.form, common["queue"], "priority" in common) == (batches.EACH, "mail", False)
    assert chunk.jobs == '[[null,"a",{"priority":1}],["x","b",{"priority":2}]]'
    assert chunk.ids() == [None, "x"]


def test_jobs_of_a_few_kinds_are_told_as_each_by_itself(collected: Collect, small: None) -> None:
    kinds = [new(queue="mail", priority=1, unique="k"), new(queue="mail", priority=2), new(queue="mail", hold=True)]
    which, commands = [0, 1, 2, 0, 2, 1, 0], [f"echo {number}" for number in range(7)]
    singly = collected(*(replace(kinds[kind], command=text) for kind, text in zip(which, commands, strict=True)))
    together = collected(OfKinds(kinds, which, commands))
    assert list(map(rows_of, together)) == list(map(rows_of, singly))
    assert [(chunk.place, chunk.count, chunk.keys()) for chunk in together] == [
        (chunk.place, chunk.count, chunk.keys()) for chunk in singly
    ]
    assert list(collected(OfKinds(kinds, [], []))) == []


def rows_of(chunk: Chunk) -> list[dict[str, Any]]:
    """The jobs of a chunk, each with all that it says."""
    common, jobs = json.loads(chunk.common), json.loads(chunk.jobs)
    rows = jobs if chunk.form == batches.EACH else [[None, command, None] for command in jobs]
    return [{"id": job_id, "command": command, **common, **(own or {})} for job_id, command, own in rows]


def test_long_commands_have_chunks_of_their_own(collected: Collect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHARACTERS_OF_A_CHUNK", 10)
    commands = ["a" * 6, "b" * 6, "c" * 20, "d"]
    for batch in (collected(*map(new, commands)), collected(Alike(new(), commands)), collected(Alike(new(), []))):
        assert [(chunk.place, chunk.count) for chunk in batch] == [(0, 2), (2, 1), (3, 1)][: len(batch)]


def test_a_large_batch_lies_in_a_file_that_nobody_else_can_find(small: None, tmp_path: Path) -> None:
    with Batch(tmp_path) as batch:
        batch.add([new(f"echo 'ä\n' {number}") for number in range(10)], NOW)
        assert (len(batch), [chunk.count for chunk in batch]) == (10, [3, 3, 3, 1])
        assert list(batch) == list(batch)
        assert list(tmp_path.iterdir()) == []
        batch.add([new("one more")], NOW)
        assert [chunk.count for chunk in batch] == [3, 3, 3, 1, 1]


def test_where_no_file_can_be_kept_that_is_said(small: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with Batch(tmp_path) as batch, pytest.raises(StoreUnavailable) as caught:
        batch.add([new("echo")] * 20, NOW)
    assert str(caught.value) == f"cannot keep so many jobs in {tmp_path}: No space left on device"


def test_a_batch_takes_no_memory() -> None:
    def jobs() -> Iterator[Alike]:
        for number in range(300):
            yield Alike(job, [f"echo {number} {'x' * 100}" for number in range(number, number + 500)])

    job = new()
    with Batch() as batch:
        tracemalloc.start()
        try:
            batch.add(jobs(), NOW)
            assert sum(chunk.count for chunk in batch) == 150_000
            assert tracemalloc.get_traced_memory()[1] < 2.5 * batches.CHARACTERS_IN_MEMORY
        finally:
            tracemalloc.stop()


async def test_ids_come_in_the_order_of_the_jobs_over_all_chunks(small: None, store: Store, collected: Collect) -> None:
    jobs: list[NewJob | Alike] = [new("a"), new("b", id="x"), Alike(new(), ["c", "d", "e", "f"]), new("g", id="y")]
    assert await write(store, collected(*jobs)) == ["1", "x", "3", "4", "5", "6", "y"]
    assert [row[0] for row in plainly(store, "SELECT command FROM jobs ORDER BY seq")] == list("abcdefg")


def plainly(store: Store, statement: str) -> list[tuple[Any, ...]]:
    with plain(store.url) as client:
        return client.rows(statement)


@pytest.mark.parametrize("place", range(2, 9))
async def test_an_id_that_is_there_twice_is_refused_with_its_place(
    small: None, store: Store, client: Plain, collected: Collect, place: int
) -> None:
    with pytest.raises(DuplicateId, match=r"^the id a is there twice$") as caught:
        await write(store, collected(*(new(id="a" if number in {1, place} else f"x{number}") for number in range(9))))
    assert caught.value.place == place
    assert client.value("SELECT count(*) FROM jobs") == 0


@pytest.mark.parametrize("place", range(9))
async def test_an_id_that_another_job_has_is_refused_with_its_place(
    small: None, store: Store, client: Plain, collected: Collect, place: int
) -> None:
    await write(store, collected(new(id="a")))
    with pytest.raises(DuplicateId, match=r"^a job with the id a exists already$") as caught:
        await write(store, collected(*(new(id="a" if number == place else None) for number in range(9))))
    assert caught.value.place == place
    assert client.value("SELECT count(*) FROM jobs") == 1


async def test_while_the_jobs_come_in_others_can_write(store: Store, client: Plain) -> None:
    def slowly() -> Iterator[NewJob]:
        yield new("a")
        client.do("INSERT INTO jobs (command) VALUES ('in between')")
        yield new("b")

    assert (await Queue(store, {}).enqueue_many(slowly())).ids == ["2", "3"]


async def test_a_batch_that_breaks_off_enqueues_nothing(small: None, store: Store, client: Plain) -> None:
    def broken() -> Iterator[NewJob]:
        yield from [new()] * 10
        raise InvalidInput("no more")

    with pytest.raises(InvalidInput, match="no more"):
        await Queue(store, {}).enqueue_many(broken())
    assert client.value("SELECT count(*) FROM jobs") == 0


async def test_how_many_are_written_is_told_while_it_goes_on(small: None, store: Store, collected: Collect) -> None:
    told: list[int] = []
    enqueued = await Queue(store, {}).enqueue_batch(collected(*[new()] * 8), told.append)
    assert len(enqueued.ids) == 8
    assert told == [3, 6, 8]


class Slow(Batch):
    """Waits after its first chunk."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in super().__iter__():
            yield chunk
            self.begun.set()
            assert self.go_on.wait(ENOUGH)


@pytest.mark.sqlite
async def test_nobody_who_has_given_up_enqueues_anything(small: None, store: Store, client: Plain) -> None:
    with Slow() as batch:
        batch.add([new()] * 10, NOW)
        enqueuing = asyncio.create_task(Queue(store, {}).enqueue_batch(batch))
        assert await asyncio.to_thread(batch.begun.wait, ENOUGH)
        enqueuing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await enqueuing
    batch.go_on.set()
    await store.write(lambda: sql.enqueue([new("the next one")], DEFAULTS, NOW))
    assert client.rows("SELECT command FROM jobs") == [("the next one",)]


@pytest.mark.sqlite
async def test_the_schema_checks_again_after_a_batch_that_was_checked(store: Store, collected: Collect) -> None:
    job = NewJob(command=" ")
    await write(store, collected(job))
    with pytest.raises(Exception, match="CHECK constraint failed"):
        await write(store, collected(job), checked=False)
    with pytest.raises(DuplicateId):
        await write(store, collected(new(id="a"), new(id="a")))
    with pytest.raises(Exception, match="CHECK constraint failed"):
        await store.write(lambda: sql.enqueue([job], DEFAULTS, NOW))


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,9}", fullmatch=True)
CODES = st.lists(st.integers(1, 255), max_size=3)
MOMENTS = st.floats(NOW - 1e6, NOW + 1e6)
KEYS: dict[str, st.SearchStrategy[Any]] = {
    "queue": NAMES,
    "priority": st.integers(-(2**63), 2**63 - 1) | st.integers(0, 1),
    "max_retries": st.integers(0, 10),
    "timeout": st.none() | st.just("none") | st.floats(0.001, 1e9),
    "run_at": MOMENTS | st.sampled_from(["+1h", "18:00", "2030-01-31"]),
    "hold": st.booleans(),
    "tags": st.lists(TEXTS, max_size=3),
    "env": st.dictionaries(TEXTS.filter(lambda name: "=" not in name), TEXTS, max_size=2),
    "cwd": TEXTS,
    "backoff_base": st.floats(0, 1e6, exclude_min=True),
    "backoff_max": st.floats(0.001, 1e9),
    "no_retry_on": CODES,
    "defer_on": CODES,
    "nice": st.integers(-20, 19),
    "memory": st.integers(2**20, 2**63 - 1),
}
JOBS = st.fixed_dictionaries({"command": TEXTS.filter(lambda text: bool(text.strip()))}, optional=KEYS)


@settings(max_examples=60)
@given(st.lists(JOBS, min_size=1, max_size=8), st.booleans())
@example([{"command": "\u3000x\x1c", "cwd": "\x01", "tags": ["\x85"]}], True)
@example([{"command": "a", "max_retries": 0}, {"command": "b"}], False)
@example([{"command": "a", "timeout": None}, {"command": "b"}, {"command": "c", "timeout": 5}], False)
@example([{"command": "a", "tags": ["x"]}, {"command": "b", "env": {"A": "1"}}], False)
@pytest.mark.long
def test_a_batch_leaves_what_its_jobs_would_leave_one_by_one_and_the_schema_finds_nothing_wrong(
    wanted: list[dict[str, Any]], named: bool
) -> None:
    jobs = [new(**keys, id=f"x{number}" if named else None) for number, keys in enumerate(wanted)]
    with tempfile.TemporaryDirectory() as folder:
        together, alone = asyncio.run(_both_ways(Path(folder), jobs))
    assert together == alone


async def _both_ways(folder: Path, jobs: list[NewJob]) -> list[list[tuple[Any, ...]]]:
    async with opened(folder / "together.db") as together, opened(folder / "alone.db") as alone:
        await together.write(lambda: sql.enqueue(jobs, DEFAULTS, NOW), checked=True)
        for job in jobs:
            await enqueue(alone, job)
        return [plainly(store, f"SELECT {COLUMNS} FROM jobs ORDER BY seq") for store in (together, alone)]
