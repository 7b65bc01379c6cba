"""Schedules with real workers: one alarm, one job a tick, also when workers die and clocks jump."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from faults.harness import ENOUGH, Gate, working

from aqueue.engine import node as node_module
from aqueue.engine.clock import SystemClock, Timer
from aqueue.engine.events import Began, Draining, Event, Settled, Started, Trouble
from aqueue.engine.node import Node, Options
from aqueue.engine.schedules import worked_since
from aqueue.model import lifecycle
from aqueue.model.job import Job, State
from aqueue.model.newjob import NewJob
from aqueue.model.schedule import LATE, NewSchedule
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings
from aqueue.queue import Queue
from aqueue.store import open_store, reading, schedules, sql
from aqueue.store.protocol import Store
from aqueue.store.statement import Verb

E = TypeVar("E", bound=Event)

HOUR = 3600.0
DAY = 24 * HOUR
START = 4_070_912_400.0
"""A full hour."""


class MovableClock(SystemClock):
    """A clock that the test sets. Its timers run on, as the kernel's do; it knows which are armed for when."""

    def __init__(self, start: float) -> None:
        self._ahead = start - time.time()
        self._timers: list[tuple[float, asyncio.TimerHandle]] = []
        self._armed_one = asyncio.Event()

    def now(self) -> float:
        return time.time() + self._ahead

    def set(self, moment: float) -> None:
        self._ahead = moment - time.time()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = asyncio.get_running_loop().call_later(seconds, callback)
        self._timers.append((self.now() + seconds, timer))
        self._armed_one.set()
        return timer

    def call_exactly(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return self.call_later(seconds, callback)

    @property
    def armed(self) -> list[float]:
        """The moments of the timers that are still to come within a day: what is kept for a week has one of its own."""
        now = asyncio.get_running_loop().time()
        coming = [moment for moment, timer in self._timers if not timer.cancelled() and timer.when() > now]
        return [moment for moment in coming if moment < self.now() + DAY]

    async def armed_for(self, moment: float) -> None:
        """Wait until a timer is armed for about this moment."""
        async with asyncio.timeout(ENOUGH):
            while not any(abs(armed - moment) < 1 for armed in self.armed):
                self._armed_one.clear()
                await self._armed_one.wait()


@dataclass
class Worker:
    """A worker in this process, whose clock the test sets."""

    database: Path
    clock: MovableClock
    told: "asyncio.Queue[Event]" = field(default_factory=asyncio.Queue)
    heard: list[Event] = field(default_factory=list)
    on_set: Callable[[], None] = lambda: None

    def set_clock(self, moment: float) -> None:
        """Set it, and tell it as the kernel does."""
        self.clock.set(moment)
        self.on_set()

    async def hear(self, kind: type[E]) -> E:
        async with asyncio.timeout(ENOUGH):
            while True:
                self.heard.append(event := await self.told.get())
                if isinstance(event, kind):
                    return event

    @contextlib.contextmanager
    def watch(self, on_set: Callable[[], None]) -> Iterator[None]:
        self.on_set = on_set
        yield

    @contextlib.asynccontextmanager
    async def at_work(self, **options: Any) -> AsyncIterator[Node]:
        store = await open_store(str(self.database), worker=True)
        node = Node(store, Options(**options), self.told.put_nowait, clock=self.clock)
        task = asyncio.create_task(node.run())
        try:
            await self.hear(Began)
            yield node
            node.interrupt()
            async with asyncio.timeout(ENOUGH):
                await task
        finally:
            task.cancel()
            await store.close()


@pytest.fixture
async def worker(database: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Not yet at work; its clock shows half an hour before START."""
    made = Worker(database, MovableClock(START - HOUR / 2))
    monkeypatch.setattr(node_module, "clock_watched", made.watch)
    return made


@pytest.fixture
async def client(database: Path) -> AsyncIterator[Store]:
    """Another program that uses the queue."""
    store = await open_store(str(database))
    yield store
    await store.close()


async def add(
    client: Store,
    now: float,
    *names: str,
    schedule: str = "@hourly",
    timezone: str = "UTC",
    missed: str = "skip",
    overlap: bool = False,
    **job: Any,
) -> None:
    """Add schedules, all in one transaction."""
    new = [
        NewSchedule.parse(
            name, schedule, {"command": "true", **job}, timezone=timezone, missed=missed, overlap=overlap, now=now
        )
        for name in names
    ]

    def all_of_them() -> Verb[None]:
        for one in new:
            yield from schedules.add(one, now)

    await client.write(all_of_them)


async def all_jobs(client: Store) -> list[Job]:
    """The oldest first."""
    return list(reversed(await client.read(lambda: reading.select(Filter(), None))))


async def jobs_when(client: Store, are_right: Callable[[Sequence[Job]], bool]) -> list[Job]:
    """The jobs, as soon as they are as they should be."""
    changed = asyncio.Event()
    async with asyncio.timeout(3 * ENOUGH):
        with client.doorbell.hung_up(changed.set):
            while not are_right(found := await all_jobs(client)):
                await changed.wait()
                changed.clear()
    return found


def are_completed(count: int) -> Callable[[Sequence[Job]], bool]:
    return lambda jobs: [job.state for job in jobs] == [State.COMPLETED] * count


async def test_a_job_is_started_when_the_time_of_its_schedule_comes(worker: Worker, client: Store) -> None:
    await add(client, worker.clock.now(), "x")
    await client.write(lambda: sql.enqueue([NewJob(command="true")], Settings(), worker.clock.now()))
    async with worker.at_work():
        await worker.hear(Settled)  # from now on its slot waits for a job
        worker.set_clock(START - 0.05)
        job = (await worker.hear(Started)).job
        assert (job.cron, job.run_at) == ("x", START)
        assert job.started_at == job.created_at >= START  # it was claimed in the turn that made it


async def test_a_schedule_that_another_program_adds_is_heard_of(worker: Worker, client: Store) -> None:
    async with worker.at_work():
        assert worker.clock.armed == []  # nothing is waited for without schedules
        await add(client, worker.clock.now(), "x")
        await worker.clock.armed_for(START)
        worker.set_clock(START)
        assert (await worker.hear(Started)).job.run_at == START


async def test_thousands_of_schedules_are_one_alarm(worker: Worker, client: Store) -> None:
    now = worker.clock.now()
    await add(client, now, *(f"daily{n}" for n in range(2500)), schedule="@daily")
    await add(client, now, *(f"half{n}" for n in range(2499)), schedule="30 * * * *")
    await add(client, now, "first")
    async with worker.at_work():
        await worker.clock.armed_for(START)
        assert len(worker.clock.armed) == 1
        worker.set_clock(START)
        assert (await worker.hear(Started)).job.cron == "first"
        await worker.clock.armed_for(START + HOUR / 2)
        assert len([moment for moment in worker.clock.armed if moment > START + LATE]) == 1


async def test_of_a_thousand_that_are_due_at_one_moment_none_is_forgotten(worker: Worker, client: Store) -> None:
    await add(client, worker.clock.now(), *(f"s{n}" for n in range(1000)))
    async with worker.at_work():
        worker.set_clock(START)
        made = await jobs_when(client, lambda jobs: len(jobs) >= 1000)
    assert len({job.cron for job in made}) == len(made) == 1000


async def test_jobs_are_made_while_all_slots_are_busy(worker: Worker, client: Store, gate: Gate) -> None:
    await add(client, worker.clock.now(), "x")
    async with Queue.open(worker.database) as queue, worker.at_work():
        await queue.enqueue(gate.pass_)
        await worker.hear(Started)
        worker.set_clock(START)
        made = await jobs_when(client, lambda jobs: len(jobs) == 2)
        assert (made[1].cron, made[1].state) == ("x", State.PENDING)
        await gate.open()
        assert (await worker.hear(Settled)).job.id == "1"
        assert (await worker.hear(Settled)).job.cron == "x"


async def test_a_worker_that_drains_makes_none(worker: Worker, client: Store, gate: Gate) -> None:
    await add(client, worker.clock.now(), "x", missed="all")
    async with Queue.open(worker.database) as queue, worker.at_work() as node:
        await queue.enqueue(gate.pass_)
        await worker.hear(Started)
        node.drain()
        await worker.hear(Draining)
        worker.set_clock(START)
        await gate.open()
        await worker.hear(Settled)
    assert len(await all_jobs(client)) == 1


@pytest.mark.parametrize(("missed", "ticks"), [("skip", []), ("once", [0]), ("all", [0, 1, 2, 3])])
async def test_a_machine_that_slept_makes_up_for_what_was_missed_one_by_one(
    worker: Worker, client: Store, missed: str, ticks: list[int]
) -> None:
    await add(client, worker.clock.now(), "x", missed=missed)
    async with worker.at_work(concurrency=4):
        await worker.clock.armed_for(START)
        worker.set_clock(START + 3.5 * HOUR)
        run = []
        for _ in ticks:
            run.append((await worker.hear(Started)).job.run_at)
            await worker.hear(Settled)
        await worker.clock.armed_for(START + 4 * HOUR)
    assert run == [START + hour * HOUR for hour in ticks]
    assert len(await all_jobs(client)) == len(ticks)


async def test_a_worker_that_starts_makes_up_for_what_was_missed_also_in_a_burst(worker: Worker, client: Store) -> None:
    await add(client, worker.clock.now(), "once", missed="once")
    await add(client, worker.clock.now(), "all", missed="all")
    await add(client, worker.clock.now(), *(f"skip{n}" for n in range(500)))
    worker.set_clock(START + 2.5 * HOUR)
    async with worker.at_work(burst=True, concurrency=2):
        done = [(await worker.hear(Settled)).job for _ in range(4)]
        await worker.hear(Draining)
    assert sorted((job.cron, job.run_at) for job in done) == [
        *(("all", START), ("all", START + HOUR), ("all", START + 2 * HOUR)),
        ("once", START),
    ]


async def test_what_is_owed_comes_when_another_program_has_ended_the_job_before(worker: Worker, client: Store) -> None:
    await add(client, worker.clock.now(), "x", missed="all", command="exit 1", backoff_base=1000)
    async with worker.at_work():
        await worker.clock.armed_for(START)
        worker.set_clock(START + 1.5 * HOUR)
        first = (await worker.hear(Settled)).job
        assert (first.run_at, [job.state for job in await all_jobs(client)]) == (START, [State.FAILED])
        await client.write(lambda: sql.change([first.id], lambda job: lifecycle.cancel(job, START), START))
        assert (await worker.hear(Started)).job.run_at == START + HOUR


async def test_a_clock_that_is_set_back_makes_no_tick_twice_and_the_next_one_in_time(
    worker: Worker, client: Store
) -> None:
    await add(client, worker.clock.now(), "x")
    async with worker.at_work():
        await worker.clock.armed_for(START)
        worker.set_clock(START)
        await worker.hear(Settled)
        worker.set_clock(START - 3 * HOUR)
        await add(client, worker.clock.now(), "y")
        worker.set_clock(START - 2 * HOUR)  # before the worker's start, but it is there
        assert (await worker.hear(Settled)).job.cron == "y"
        worker.set_clock(START)
        assert (await worker.hear(Settled)).job.cron == "y"
        worker.set_clock(START + HOUR)
        assert {(await worker.hear(Settled)).job.cron for _ in "xy"} == {"x", "y"}
    found = [job.cron for job in await all_jobs(client)]
    assert (found.count("x"), found.count("y")) == (2, 3)


async def test_one_that_cannot_be_read_is_told_once_and_the_others_go_on(worker: Worker, client: Store) -> None:
    await add(client, worker.clock.now(), "bad", "good")
    with contextlib.closing(sqlite3.connect(worker.database)) as plain:
        plain.execute("UPDATE aqueue_schedules SET timezone = 'Mars/Olympus' WHERE name = 'bad'")
        plain.commit()
    async with worker.at_work():
        for hour in range(3):
            worker.set_clock(START + hour * HOUR)
            assert (await worker.hear(Settled)).job.cron == "good"
            await worker.clock.armed_for(START + (hour + 1) * HOUR)
    (trouble,) = [event for event in worker.heard if isinstance(event, Trouble)]
    assert trouble.text.startswith("schedule bad cannot be read: there is no time zone 'Mars/Olympus'")


async def test_a_worker_was_there_since_the_first_of_those_that_live_has_started(database: Path, client: Store) -> None:
    async with working(database) as first:
        async with Queue.open(database) as queue:
            (known,) = await queue.workers()
        assert await worked_since(client, "me", time.time()) == known.started_at
        await first.kill()
        now = time.time()
        assert await worked_since(client, "me", now) == now


@pytest.mark.long
async def test_exactly_one_job_is_made_for_each_tick_by_two_workers_also_when_one_is_killed(
    database: Path, client: Store, tmp_path: Path
) -> None:
    names = [f"s{n}" for n in range(10)]
    gates = [Gate(tmp_path / name) for name in ("one", "other")]
    async with Queue.open(database) as queue, working(database) as first, working(database) as second:
        # Both are busy all the time, so that the jobs of the schedules stay as they were made.
        blockers = [(await queue.enqueue(gate.pass_)).id for gate in gates]
        for worker in (first, second):
            await worker.hear("Started")
        await add(client, time.time(), *names, schedule="* * * * * *", overlap=True)
        before = await jobs_when(client, lambda jobs: len(jobs) >= 32)
        await first.kill()
        made = await jobs_when(client, lambda jobs: len(jobs) >= len(before) + 30)
    for name in names:
        ticks = [job.run_at for job in made if job.cron == name and job.run_at is not None]
        assert len(ticks) >= 5
        assert ticks == [ticks[0] + number for number in range(len(ticks))], "none is left out, none comes twice"
    assert {job.state for job in made if job.id not in blockers} == {State.PENDING}
