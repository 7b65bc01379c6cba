"""Pruning: what goes, what stays, and that the file becomes smaller, however much belongs to one job."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aqueue.model.ending import Exited
from aqueue.model.job import State
from aqueue.model.selection import Filter
from aqueue.store import printed, pruning, reading
from aqueue.store.printed import Piece, Printed, Stream
from aqueue.store.protocol import Store, Turned
from aqueue.store.pruning import Expired
from aqueue.store.statement import Ask
from aqueue.store.sweep import SPARE_PAGES, Sweep, _first

from .harness import ENOUGH, NOW, Plain, claim, claimed, enqueue, new, opened, plain, python, retry, settle, state

ALL: Mapping[State, float] = {State.COMPLETED: NOW + 99, State.DEAD: NOW + 99, State.CANCELLED: NOW + 99}
FAILED = Exited(1)


async def finish(store: Store, ending: Exited, at: float, count: int = 1) -> list[str]:
    """So many jobs that ended like this; their ids."""
    ids = await enqueue(store, *[new(max_retries=0) for _ in range(count)])
    for job in await claim(store, count):
        await settle(store, job, ending, now=at)
    return list(ids)


async def prune(store: Store, before: Mapping[State, float] = ALL) -> int:
    return await Sweep(store, rest=0).remove(before)


async def left(store: Store) -> list[str]:
    return [job.id for job in await store.read(lambda: reading.select(Filter(), None))]


async def put_out(store: Store, seq: int, *pieces: bytes) -> None:
    batch = [Printed(seq, 1, [Piece(Stream.STDOUT, n << 20, NOW, data)]) for n, data in enumerate(pieces)]
    await store.write(lambda: printed.add(batch, 10**9))


def after_each_slice(store: Store, monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    commit = store.turn

    async def turn(asks: Sequence[Ask[Any]]) -> Turned:
        turned = await commit(asks)
        do()
        return turned

    monkeypatch.setattr(store, "turn", turn)


async def test_a_finished_job_goes_when_it_has_finished_by_then(store: Store) -> None:
    await finish(store, Exited(0), NOW)
    await finish(store, Exited(0), NOW + 1)
    assert await prune(store, {State.COMPLETED: NOW - 1}) == 0
    assert await prune(store, {State.COMPLETED: NOW}) == 1
    assert await left(store) == ["2"]


async def test_each_state_has_its_own_time_and_those_without_one_stay(store: Store) -> None:
    await finish(store, Exited(0), NOW)
    await finish(store, FAILED, NOW)
    assert await prune(store, {State.COMPLETED: NOW}) == 1
    assert await state(store, "2") is State.DEAD
    assert await prune(store, {State.DEAD: NOW}) == 1


async def test_all_that_belongs_to_a_job_goes_with_it_and_the_counts_are_those_of_the_rows(
    store: Store, client: Plain
) -> None:
    await finish(store, Exited(0), NOW)
    await put_out(store, 1, b"printed")
    await prune(store)
    for table in ("jobs", "aqueue_runs", "aqueue_events", "aqueue_output"):
        assert client.value(f"SELECT count(*) FROM {table}") == 0
    assert client.value("SELECT bytes FROM aqueue_output_size") == 0
    assert await store.read(reading.counts) == {}


async def test_what_is_not_finished_stays(store: Store) -> None:
    await claimed(store)
    await enqueue(store, new(), new(delay=10), new(hold=True))
    assert await prune(store) == 0
    assert await left(store) == ["4", "3", "2", "1"]


async def test_a_job_that_is_retried_before_its_slice_comes_stays(store: Store) -> None:
    job = await claimed(store, new(max_retries=0))
    await settle(store, job, FAILED)
    (chosen,) = await store.read(lambda: pruning.expired(State.DEAD, NOW, 10))
    await retry(store, job)
    assert await store.write(lambda: pruning.remove([chosen.seq], State.DEAD, NOW)) == 0
    await store.write(lambda: pruning.thin(chosen.seq, State.DEAD, NOW, 100))
    assert len(await store.read(lambda: reading.history(job))) == 1


async def test_a_job_that_others_wait_for_is_spared_and_keeps_no_timer_running(store: Store, client: Plain) -> None:
    await finish(store, Exited(0), NOW)
    await finish(store, Exited(0), NOW + 1)
    client.do("INSERT INTO jobs (command, state, after) VALUES ('child', 'blocked', '[\"1\"]')")
    client.do("INSERT INTO aqueue_dependencies (child, parent, on_any, standing) VALUES (3, 1, 0, 'closed')")
    assert await store.read(partial(pruning.oldest, list(ALL))) == {State.COMPLETED: NOW + 1}
    assert await store.read(partial(pruning.count, ALL)) == 1
    assert await prune(store) == 1
    assert await left(store) == ["3", "1"]
    client.do("DELETE FROM aqueue_dependencies")
    assert await prune(store) == 1


async def test_what_could_go_is_counted_without_removing_it(store: Store) -> None:
    await finish(store, Exited(0), NOW, count=3)
    await finish(store, FAILED, NOW, count=2)
    assert await store.read(partial(pruning.count, ALL)) == 5
    assert await store.read(partial(pruning.count, {State.DEAD: NOW})) == 2
    assert len(await left(store)) == 5


async def test_the_oldest_of_each_state_is_told(store: Store) -> None:
    await finish(store, Exited(0), NOW + 2)
    await finish(store, Exited(0), NOW + 1)
    await finish(store, FAILED, NOW + 3)
    oldest = await store.read(partial(pruning.oldest, [State.COMPLETED, State.DEAD, State.CANCELLED]))
    assert oldest == {State.COMPLETED: NOW + 1, State.DEAD: NOW + 3}


async def test_the_oldest_go_first_and_output_makes_a_job_as_many_rows_as_it_costs(store: Store) -> None:
    await finish(store, Exited(0), NOW + 1)
    await finish(store, Exited(0), NOW)
    await put_out(store, 1, b"x" * 2560)
    young, old = Expired(1, 5 + 11), Expired(2, 5)
    assert await store.read(lambda: pruning.expired(State.COMPLETED, NOW + 1, 100)) == [old, young]


@pytest.mark.parametrize(
    ("rows", "most", "taken"),
    [([5, 5, 5], 100, 3), ([5, 5, 5], 10, 2), ([5, 5, 5], 1, 1), ([50, 5], 10, 1), ([5, 50, 5], 10, 1)],
)
def test_a_slice_has_the_first_jobs_that_fit_and_at_least_one(rows: Sequence[int], most: int, taken: int) -> None:
    chosen = [Expired(seq, count) for seq, count in enumerate(rows)]
    assert _first(chosen, most) == (list(range(taken)), sum(rows[:taken]))


@pytest.mark.sqlite
async def test_a_job_to_which_more_belongs_than_a_slice_may_hold_goes_in_several(
    store: Store, client: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await claimed(store)
    await settle(store, job)
    await put_out(store, job.seq, *[b"x" * 65536] * 8)
    many = "WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 1500) INSERT INTO"
    client.do(f"{many} aqueue_runs (job, run, attempt, worker, slot, started_at) SELECT 1, n, 1, 'w1', 0, 0 FROM n")
    client.do(f"{many} aqueue_events (job, at, was, state, run, attempt) SELECT 1, 0, 'failed', 'failed', n, 1 FROM n")
    slices: list[list[int]] = []

    def look() -> None:
        tables = ("jobs", "aqueue_output", "aqueue_events", "aqueue_runs")
        slices.append([client.value(f"SELECT count(*) FROM {table}") for table in tables])

    after_each_slice(store, monkeypatch, look)
    assert await prune(store) == 1
    assert len(slices) > 3
    assert [row[0] for row in slices[:-1]] == [1] * (len(slices) - 1)
    assert slices[-1] == [0, 0, 0, 0]
    assert slices == sorted(slices, reverse=True)


async def fill(store: Store, jobs: int = 4) -> None:
    """Finished jobs with so much output that their pages are more than are kept spare."""
    for job_id in await finish(store, Exited(0), NOW, count=jobs):
        await put_out(store, int(job_id), *[os.urandom(1 << 20)] * 2)


@pytest.mark.sqlite
async def test_freed_pages_go_back_to_the_file_system_but_for_some_that_new_jobs_will_use(
    store: Store, client: Plain
) -> None:
    await fill(store)
    sweep = Sweep(store, rest=0)
    await sweep.remove(ALL)
    assert client.value("PRAGMA freelist_count") == SPARE_PAGES
    await sweep.finish()
    assert store.place.wal.stat().st_size == 0
    assert store.place.database.stat().st_size == client.value("PRAGMA page_count") * 4096
    before = store.place.database.stat().st_size
    await sweep.give_back(0)
    await sweep.finish()
    assert client.value("PRAGMA freelist_count") == 0
    assert before - store.place.database.stat().st_size >= SPARE_PAGES * 4096
    assert sweep.given_back > 8 << 20


@pytest.mark.sqlite
async def test_a_file_that_an_application_made_keeps_its_pages_and_uses_them_again(database: Path) -> None:
    with plain(database) as application:
        application.do("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        async with opened(database) as store:
            await fill(store)
            size = application.value("PRAGMA page_count")
            sweep = Sweep(store, rest=0)
            assert await sweep.remove(ALL) == 4
            await sweep.give_back(0)
            assert sweep.given_back == 0
            await fill(store)
            assert application.value("PRAGMA page_count") <= size


async def test_too_much_output_goes_with_the_oldest_first(store: Store, client: Plain) -> None:
    one, two, three = map(int, await finish(store, Exited(0), NOW, count=3))
    for seq in (three, two, one):
        await put_out(store, seq, *[b"x"] * printed.DROPPED_AT_ONCE)
    await Sweep(store, rest=0).drop_output(printed.DROPPED_AT_ONCE + 1)
    kept = [(three, printed.DROPPED_AT_ONCE)]
    assert client.rows("SELECT job, count(*) FROM aqueue_output GROUP BY job") == kept
    assert len(await left(store)) == 3


async def test_where_nothing_can_go_nothing_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await finish(store, Exited(0), NOW)
    monkeypatch.setattr(store, "turn", None)
    sweep = Sweep(store, rest=0)
    assert await sweep.remove({State.COMPLETED: NOW - 1}) == 0
    await sweep.drop_output(1 << 30)
    await sweep.give_back(0)
    await sweep.finish()


@pytest.mark.sqlite
async def test_while_a_worker_lives_no_other_brings_the_wal_home(store: Store, other: Store) -> None:
    await enqueue(store)
    with other.lobby.present("w1"):
        await store.checkpoint_when_large(0)
        assert store.place.wal.stat().st_size > 0
    await store.checkpoint_when_large(0)
    assert store.place.wal.stat().st_size == 0


@pytest.mark.sqlite
async def test_one_sweeps_at_a_time_and_who_dies_lets_others_sweep(store: Store, other: Store) -> None:
    with store.lobby.sweeping() as first, other.lobby.sweeping() as second:
        assert (first, second) == (True, False)
    with python(SWEEPER, store.url) as sweeper:
        assert sweeper.stdout is not None
        assert await asyncio.to_thread(sweeper.stdout.readline) == "True\n"
        with store.lobby.sweeping() as mine:
            assert not mine
        sweeper.kill()
        sweeper.wait()
        with store.lobby.sweeping() as mine:
            assert mine


SWEEPER = """
import sys
from aqueue.store.place import Place
from aqueue.store.presence import Lobby
with Lobby(Place(sys.argv[1], shared=False)).sweeping() as first:
    print(first, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.sqlite
async def test_a_commit_of_another_that_a_slice_has_seen_is_told(store: Store, other: Store) -> None:
    told: list[None] = []
    await finish(store, Exited(0), NOW)
    await Sweep(store, rest=0, on_foreign=lambda: told.append(None)).remove(ALL)
    assert told == []
    await finish(other, Exited(0), NOW)
    await Sweep(store, rest=0, on_foreign=lambda: told.append(None)).remove(ALL)
    assert told == [None]


async def test_a_sweep_that_is_cancelled_has_done_whole_slices(
    store: Store, client: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    await finish(store, Exited(0), NOW, count=200)
    slice_done = asyncio.Event()
    after_each_slice(store, monkeypatch, slice_done.set)
    sweeping = asyncio.ensure_future(Sweep(store, rest=10_000).remove(ALL))
    await asyncio.wait_for(slice_done.wait(), ENOUGH)
    sweeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweeping
    assert 0 < client.value("SELECT count(*) FROM jobs") < 200
    found = client.rows("SELECT state, count(*) FROM jobs GROUP BY state")
    assert client.rows("SELECT state, n FROM aqueue_counts WHERE n <> 0") == found
