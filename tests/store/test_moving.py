"""A queue that moves is the same queue, and one that cannot move is where it was."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from server import server

from aqueue.model.ending import Exited
from aqueue.model.errors import InvalidInput, NotAQueue, Refused, StoreUnavailable
from aqueue.model.rate import Rate
from aqueue.model.schedule import NewSchedule
from aqueue.model.selection import Filter
from aqueue.queue import Queue
from aqueue.store import history, moving, printed, queues, reading, schedules, stored
from aqueue.store.examine import examine
from aqueue.store.moving import move
from aqueue.store.printed import Piece, Printed, Stream

from .harness import NOW, cancel_all, claim, enqueue, hold, new, opened, opens, remove, retry_all, settle

DEATH = Exited(1)


@pytest.fixture
def url() -> str:
    return server().url(schema=server().schema())


@pytest.fixture
async def full(tmp_path: Path) -> str:
    """A queue with something of everything."""
    path = tmp_path / "full.db"
    async with opened(path) as store:
        await enqueue(
            store,
            new("echo ä", id="a", tags=["t", "ü"], env={"B": "2", "A": "1\n"}, timeout=1.5, no_retry_on=[64]),
            new("false", id="b", max_retries=0, queue="mail", priority=-3),
            new(after=["a"], after_any=["b"]),
            new(hold=True, unique="k"),
            new(delay=1e6),
            new("gone"),
        )
        for job in await claim(store, 3):
            piece = Piece(Stream.STDERR, 0, NOW, b"\0\xff out")
            await store.write(partial(printed.add, [Printed(job.seq, job.run, [piece])], 1 << 30))
            await settle(store, job, DEATH if job.id == "b" else Exited(0))
        await enqueue(store, new("after a dead one", after=["b"]))
        await enqueue(store, new(), new())
        await cancel_all(store, "8")
        await remove(store, "9")
        await store.write(lambda: queues.limit("mail", 2))
        await store.write(lambda: queues.rate("fast", Rate(3, 1.0), NOW))
        await store.write(lambda: queues.pause("slow", paused=True))
        await store.write(lambda: stored.set_setting("timeout", "5"))
        nightly = NewSchedule.parse(
            "nightly", "@daily", {"command": "true"}, timezone="UTC", missed="all", overlap=False, now=NOW
        )
        await store.write(lambda: schedules.add(nightly, NOW))
    return str(path)


async def everything(where: str) -> dict[str, Any]:
    """All that can be known of a queue, but for the numbers of its events."""
    async with opened(where) as store:
        jobs = await store.read(lambda: reading.select(Filter(), None))
        return {
            "jobs": jobs,
            "runs": [await store.read(partial(reading.history, job)) for job in jobs],
            "output": [await store.read(partial(printed.read, job.seq, 1, 0, 10)) for job in jobs],
            "events": [replace(one, event=0) for one in await store.read(lambda: history.events(0, 1000))],
            "counts": await store.read(reading.counts),
            "queues": await store.read(queues.queues),
            "settings": await store.read(stored.settings),
            "schedules": await store.read(schedules.schedules),
            "size": await store.read(lambda: printed.is_too_much(20)),
            "findings": [one for one in await examine(store, {}) if one.what not in {"place", "versions", "integrity"}],
        }


async def test_a_queue_moves_to_a_server_and_back_with_all_its_history(full: str, url: str, tmp_path: Path) -> None:
    before = await everything(full)
    assert len(before["jobs"]) == 8
    moved = await move(full, url)
    assert (moved["jobs"], moved["aqueue_runs"], moved["aqueue_schedules"]) == (8, 3, 1)
    assert await everything(url) == before
    back, again = str(tmp_path / "back.db"), server().url(schema=server().schema())
    await move(url, back)
    assert await everything(back) == before
    await move(url, again)
    assert await everything(again) == before


@pytest.mark.parametrize("to", ["server", "file"])
async def test_a_queue_that_has_moved_goes_on(full: str, url: str, tmp_path: Path, to: str) -> None:
    there = url if to == "server" else str(tmp_path / "there.db")
    if to == "server":
        await move(full, url)
    else:
        await move(full, url)
        await move(url, there)
    async with opened(there) as store:
        newest = await store.read(history.newest_event)
        (number,) = await enqueue(store, new(unique="other"))
        assert number == "10", "a number is never used twice"
        assert [event.job for event in await store.read(lambda: history.events(newest, 10))] == ["10"]
        await retry_all(store, "b")
        await hold(store, "10")
        assert {one.verdict for one in await examine(store, {})} == {"ok"}
        counts = await store.read(reading.counts)
        assert sum(sum(of.values()) for of in counts.values()) == 9


async def test_nothing_moves_where_something_is(full: str, url: str) -> None:
    async with opened(url) as store:
        await enqueue(store, new("here"))
    before = await everything(url)
    with pytest.raises(Refused, match="is not empty"):
        await move(full, url)
    assert await everything(url) == before
    with pytest.raises(InvalidInput):
        await move(full, full)
    for one, other in ((url, url.replace("postgresql:", "postgres:")), (full, f"{Path(full).parent}/./full.db")):
        with pytest.raises(InvalidInput, match="where it is"):
            await move(one, other)
    with pytest.raises(NotAQueue):
        await move(f"{full}.not", url)


async def test_nothing_moves_while_a_worker_lives(full: str, url: str) -> None:
    async with opened(full) as store:
        with store.lobby.present("w1"), pytest.raises(Refused, match=r"^w1 work on .*; stop them first"):
            await move(full, url)


@pytest.mark.parametrize("to", ["server", "file"])
async def test_a_move_that_fails_in_the_middle_leaves_nothing(
    full: str, url: str, tmp_path: Path, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    there = url if to == "server" else str(tmp_path / "there.db")
    if to == "file":
        await move(full, url)
    before = await everything(full)
    with monkeypatch.context() as patch:
        if to == "server":
            from aqueue.store.postgres.moving import Server

            patch.setattr(Server, "finish", fail)
        else:
            patch.setattr(moving.File, "finish", fail)
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await move(full if to == "server" else url, there)
    async with opened(there) as store:
        assert await store.read(reading.counts) == {}
        assert await enqueue(store, new()) == ["1"]
    assert await everything(full) == before


async def test_what_is_enqueued_meanwhile_waits_and_is_not_lost_by_anybody(full: str, url: str) -> None:
    await move(full, url)
    other = server().url(schema=server().schema())
    await opens(other)
    async with opened(url) as store:
        async with moving.reading(url) as old, moving.writing(other) as there:
            writing = asyncio.ensure_future(enqueue(store, new("late")))
            await moving.copy(old, there)
            assert not writing.done()
        await writing
    assert len((await everything(other))["jobs"]) == 8


async def test_a_queue_on_a_server_is_backed_up_to_a_file_while_it_is_used(full: str, url: str, tmp_path: Path) -> None:
    await move(full, url)
    async with Queue.open(url) as queue:
        await queue.backup(tmp_path / "copy.db")
        with pytest.raises(StoreUnavailable, match="exists already"):
            await queue.backup(tmp_path / "copy.db")
    assert await everything(str(tmp_path / "copy.db")) == await everything(full)
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []
