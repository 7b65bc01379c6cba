"""The pruner of a worker: when it sweeps, and that jobs and their space are really gone then."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from faults.harness import ENOUGH, enqueue, working
from store.harness import NOW, cancel, claimed, get, new, opened, settle
from store.harness import enqueue as add

from aqueue.engine.clock import Timer
from aqueue.engine.events import Event, Trouble, TroubleOver
from aqueue.engine.pruner import AT_MOST_EVERY, SHORTEST_PAUSE, Pruner
from aqueue.engine.troubles import Troubles
from aqueue.model.errors import StoreBusy, StoreUnavailable
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings
from aqueue.queue import Queue
from aqueue.store import reading
from aqueue.store.protocol import Store, Turned

HOUR = 3600.0


class StillClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = NOW
        self._timers: dict[object, tuple[float, Callable[[], None]]] = {}

    def now(self) -> float:
        return self.moment

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timers, key = self._timers, object()

        class Once:
            def cancel(self) -> None:
                timers.pop(key, None)

        timers[key] = (self.moment + seconds, callback)
        return Once()

    def call_exactly(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return self.call_later(seconds, callback)

    @property
    def armed(self) -> list[float]:
        return [moment - NOW for moment, _ in self._timers.values()]

    def move(self, to: float) -> None:
        """Move it, and let ring what is due then."""
        self.moment = NOW + to
        for key, (moment, callback) in list(self._timers.items()):
            if moment <= self.moment:
                del self._timers[key]
                callback()


class Pruning:
    """A pruner on a real store with a clock that stands still."""

    def __init__(self, store: Store) -> None:
        self.clock = StillClock()
        self.settings = Settings(keep_completed=HOUR, keep_cancelled=2 * HOUR)
        self.told: list[Event] = []
        self.pruner = Pruner(store, self.clock, lambda: self.settings, Troubles(self.told.append), lambda: None)

    async def sweep(self, at: float = 0) -> list[float]:
        """Sweep at this moment; returns for which moments it has armed the clock then."""
        self.clock.moment = NOW + at
        await self.pruner.sweep()
        return self.clock.armed

    def stir(self, at: float = 0) -> list[float]:
        """Let jobs finish at this moment; returns for which moments it has armed the clock then."""
        self.clock.moment = NOW + at
        self.pruner.stir()
        return self.clock.armed


@pytest.fixture
async def store(database: Path) -> AsyncIterator[Store]:
    async with opened(database, worker=True) as store:
        yield store


@pytest.fixture
def pruning(store: Store) -> Pruning:
    return Pruning(store)


async def completed(store: Store, at: float = 0) -> str:
    job = await claimed(store)
    await settle(store, job, now=NOW + at)
    return job.id


async def cancelled(store: Store) -> str:
    (job_id,) = await add(store, new(hold=True))
    await cancel(store, await get(store, job_id))
    return job_id


async def left(store: Store) -> set[str]:
    return {job.id for job in await store.read(lambda: reading.select(Filter(), None))}


async def test_where_nothing_can_expire_there_is_no_timer(store: Store, pruning: Pruning) -> None:
    assert await pruning.sweep() == []
    await add(store, new())
    assert await pruning.sweep() == []
    await completed(store)
    pruning.settings = Settings(keep_completed=None, keep_cancelled=None)
    assert await pruning.sweep() == []
    assert pruning.stir() == []


async def test_one_timer_is_armed_for_the_next_that_may_go(store: Store, pruning: Pruning) -> None:
    first, second = await completed(store), await completed(store, at=100)
    third = await cancelled(store)
    assert await pruning.sweep() == [HOUR]
    assert await pruning.sweep(at=HOUR) == [HOUR + 100]
    assert await left(store) == {second, third}
    assert await pruning.sweep(at=HOUR + 100) == [2 * HOUR]
    assert await pruning.sweep(at=2 * HOUR) == []
    assert await left(store) == set()
    assert first not in await left(store)


async def test_what_finishes_is_heard_without_reading_and_once_a_sweep(store: Store, pruning: Pruning) -> None:
    assert await pruning.sweep() == []
    assert pruning.stir(at=5) == [HOUR + 5]
    assert pruning.stir(at=6) == [HOUR + 5]
    assert await pruning.sweep(at=7) == []
    assert pruning.stir(at=8) == [HOUR + 8]


async def test_what_finishes_brings_a_later_timer_forward(store: Store, pruning: Pruning) -> None:
    await cancelled(store)
    assert await pruning.sweep(at=-10) == [2 * HOUR]
    assert pruning.stir(at=0) == [HOUR]


async def test_it_sweeps_at_most_once_a_minute(store: Store, pruning: Pruning) -> None:
    for moment in (0, 1, 2):
        await completed(store, at=moment)
    assert await pruning.sweep() == [HOUR]
    assert await pruning.sweep(at=HOUR) == [HOUR + AT_MOST_EVERY]
    assert await pruning.sweep(at=HOUR + AT_MOST_EVERY) == []
    assert await left(store) == set()


@pytest.mark.parametrize(("keep", "pause"), [(0, SHORTEST_PAUSE), (5, 5), (HOUR, AT_MOST_EVERY)])
async def test_what_is_kept_for_a_short_time_does_not_stay_for_a_minute(
    store: Store, pruning: Pruning, keep: float, pause: float
) -> None:
    pruning.settings = Settings(keep_completed=keep, keep_dead=HOUR)
    await completed(store, at=-keep)
    await completed(store, at=-keep + 0.1)
    assert await pruning.sweep() == [pause]


async def test_what_finishes_during_a_sweep_is_not_forgotten(
    store: Store, pruning: Pruning, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = store.read

    async def stirred_read(ask: Any) -> Any:
        found = await read(ask)
        pruning.pruner.stir()
        return found

    monkeypatch.setattr(store, "read", stirred_read)
    assert await pruning.sweep() == [HOUR]


async def test_of_several_workers_one_sweeps_and_the_others_look_again_later(store: Store, pruning: Pruning) -> None:
    await completed(store, at=-HOUR)
    with store.lobby.sweeping():
        assert await pruning.sweep() == [AT_MOST_EVERY]
    assert await left(store) == {"1"}
    assert await pruning.sweep() == []
    assert await left(store) == set()


async def test_what_cannot_be_removed_is_told_once_and_tried_again(
    store: Store, pruning: Pruning, monkeypatch: pytest.MonkeyPatch
) -> None:
    await completed(store, at=-HOUR)

    async def full(_: Any) -> Turned:
        raise StoreUnavailable("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(store, "turn", full)
        assert await pruning.sweep() == [AT_MOST_EVERY]
        assert await pruning.sweep(at=AT_MOST_EVERY) == [2 * AT_MOST_EVERY]
    text = "cannot remove what has been kept for long enough: no space left"
    assert pruning.told == [Trouble(text)]
    assert await pruning.sweep() == []
    assert pruning.told == [Trouble(text), TroubleOver(text)]


async def test_who_has_the_lock_for_long_is_no_trouble(
    store: Store, pruning: Pruning, monkeypatch: pytest.MonkeyPatch
) -> None:
    await completed(store, at=-HOUR)

    async def busy(_: Any) -> Turned:
        raise StoreBusy("locked")

    monkeypatch.setattr(store, "turn", busy)
    assert await pruning.sweep() == [AT_MOST_EVERY]
    assert pruning.told == []


OFTEN = {"pruner.AT_MOST_EVERY": 0.05}
"""So that tests need not wait for a minute."""


async def until_empty(queue: Queue) -> None:
    async with asyncio.timeout(ENOUGH):
        async for _ in queue.changes():
            if not (await queue.status()).total:
                return


async def test_a_worker_removes_what_has_been_kept_for_long_enough(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("keep_completed", "0.2s")
        await enqueue(database, "echo hi", "true")
        async with working(database, set=OFTEN) as worker:
            await until_empty(queue)
            assert [event async for event in queue.events()] == []
            await enqueue(database, "true")
            await until_empty(queue)
            await worker.stop()


async def test_a_change_of_what_is_kept_reaches_a_running_worker_at_once(database: Path) -> None:
    async with Queue.open(database) as queue:
        done, dead = await enqueue(database, "true", "false", max_retries=0)
        async with working(database) as worker:
            await queue.wait(done, dead)
            await queue.set_setting("keep_dead", "0")
            async for _ in queue.changes():
                if [job.id for job in await queue.list()] == [done]:
                    break
            await queue.set_setting("keep-completed", "0")
            await until_empty(queue)
            await worker.stop()


async def test_what_was_cancelled_from_elsewhere_goes_too(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("keep_cancelled", "0")
        async with working(database, set=OFTEN) as worker:
            (job,) = await enqueue(database, "true", hold=True)
            await queue.cancel(job)
            await until_empty(queue)
            await worker.stop()


@pytest.mark.long
async def test_the_file_becomes_smaller_while_the_worker_works(database: Path) -> None:
    ids = await enqueue(database, *["head -c 1000000 /dev/urandom"] * 12)
    async with working(database, set=OFTEN) as worker, Queue.open(database) as queue:
        await queue.wait(*ids)
        before = database.stat().st_size + database.with_name("queue.db-wal").stat().st_size
        await queue.set_setting("keep_completed", "0")
        await until_empty(queue)
        async with asyncio.timeout(ENOUGH):
            while True:
                if database.stat().st_size < before / 2:
                    break
                await asyncio.sleep(0.005)  # nobody rings for that
        await worker.stop()
    assert before > 12_000_000


async def test_less_output_in_all_reaches_a_running_worker_at_once(database: Path) -> None:
    ids = await enqueue(database, *["head -c 100000 /dev/zero"] * 3)
    async with working(database) as worker, Queue.open(database) as queue:
        await queue.wait(*ids)
        await queue.set_setting("output_total", "0")
        async with asyncio.timeout(ENOUGH):
            async for _ in queue.changes():
                if not [piece for job in await queue.find(ids) async for piece in queue.output(job, 1)]:
                    break
        await worker.stop()
