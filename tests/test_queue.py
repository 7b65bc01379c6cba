"""The Python API: what a program does with a queue."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

import aqueue
from aqueue import Job, Queue
from aqueue.model import lifecycle
from aqueue.model.ending import Ending, Exited, error_of
from aqueue.model.errors import CannotFinish, DuplicateId, InvalidInput, InvalidSetting, NoSuchJob, WrongState
from aqueue.model.ids import Ids
from aqueue.model.job import State
from aqueue.model.newjob import NewJob
from aqueue.model.settings import Settings
from aqueue.model.unique import Enqueued
from aqueue.queue import Filter
from aqueue.store import line, open_store, sql
from aqueue.store.protocol import Store

Waiting = Callable[..., Awaitable[asyncio.Task[Sequence[Job]]]]
"""Begins to wait for jobs; returns when that has looked at them and listens."""

SUCCESS = Exited(0)
ENOUGH = 10.0
"""Seconds after which a test gives up waiting: nothing here depends on how fast anything is."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "queue.db"


@pytest.fixture
async def queue(database: Path) -> AsyncIterator[Queue]:
    async with Queue.open(database) as queue:
        yield queue


class Somebody:
    """Plays the worker, on a connection of its own, as another process has one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def claim(self) -> Job:
        (job,) = (await self._store.write(lambda: line.claim("w1", [0], time.time()))).jobs
        return job

    async def settle(self, job: Job, ending: Ending = SUCCESS) -> None:
        now = time.time()
        run = sql.EndOfRun(ending, error_of(ending, ""), now)
        decision = sql.Decision(job, lifecycle.settle(job, ending, Settings(), now), run)
        assert not await self._store.write(lambda: sql.settle([decision], now))

    async def work(self, ending: Ending = SUCCESS) -> None:
        await self.settle(await self.claim(), ending)


@pytest.fixture
async def somebody(queue: Queue) -> AsyncIterator[Somebody]:
    store = await open_store(queue.url)
    yield Somebody(store)
    await store.close()


@pytest.fixture
def hung_up(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when somebody has begun to listen to the doorbell of the queue."""
    hung, hang_up = asyncio.Event(), queue._store.doorbell.hung_up

    @contextlib.contextmanager
    def hung_up_and_told(on_ring: Callable[[], None]) -> Iterator[None]:
        with hang_up(on_ring):
            hung.set()
            yield

    monkeypatch.setattr(queue._store.doorbell, "hung_up", hung_up_and_told)
    return hung


@pytest.fixture
async def waiting(queue: Queue, hung_up: asyncio.Event) -> Waiting:
    async def waiting(*ids: str) -> asyncio.Task[Sequence[Job]]:
        task = asyncio.create_task(queue.wait(*ids, timeout=ENOUGH))
        await asyncio.wait_for(hung_up.wait(), ENOUGH)
        await queue.newest_event()  # one reader, first come first served: the first look of the wait is over
        assert not task.done()
        return task

    return waiting


async def test_a_unique_key_gives_the_job_that_has_it(queue: Queue) -> None:
    first = await queue.enqueue("true", id="a", unique="k", priority=5)
    assert await queue.enqueue("false", unique="k") == first
    jobs = [NewJob(command="x"), NewJob(command="y", unique="k")]
    assert await queue.enqueue_many(jobs) == Enqueued(Ids(["2", "a"]), frozenset({1}))
    assert (await queue.edit("a", unique=None)).unique is None
    assert (await queue.enqueue("false", unique="k")).id == "3"


async def test_a_job_after_another_waits_for_it(queue: Queue) -> None:
    await queue.enqueue("true", id="a", hold=True)
    child = await queue.enqueue("true", id="b", after=["a"])
    assert (child.state, child.after) == (State.BLOCKED, ("a",))
    with pytest.raises(NoSuchJob, match="no such job: nobody"):
        await queue.enqueue("true", after_any=["nobody"])
    with pytest.raises(CannotFinish, match="job b waits for job a, which is held"):
        await queue.wait("b")
    family = await queue.chain(child)
    assert [kin.id for kin in family.above.kin] == ["a"]
    assert (await queue.edit("b", after=[])).state is State.PENDING


async def test_the_public_names_are_those_of_the_readme() -> None:
    assert sorted(aqueue.__all__) == ["Filter", "Job", "Queue", "__version__"]
    assert (aqueue.Queue, aqueue.Job, aqueue.Filter) == (Queue, Job, Filter)
    with pytest.raises(AttributeError, match="Nonsense"):
        aqueue.Nonsense  # noqa: B018


async def test_enqueue_returns_the_job_as_it_is_kept(queue: Queue) -> None:
    job = await queue.enqueue("echo hi", id="job1", priority=5, timeout="1m", tags=["a"], env={"A": "1"})
    assert (job.id, job.command, job.state, job.priority, job.timeout) == ("job1", "echo hi", State.PENDING, 5, 60.0)
    assert job == await queue.get("job1")


async def test_what_was_enqueued_outlives_the_queue_object(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue("true")
    async with Queue.open(str(database)) as queue:
        assert (await queue.get("1")).command == "true"


async def test_the_environment_names_the_queue_where_no_path_does(tmp_path: Path) -> None:
    environ = {"AQUEUE_DB": str(tmp_path / "named.db"), "AQUEUE_MAX_RETRIES": "9"}
    async with Queue.open(environ=environ) as queue:
        assert queue.url == environ["AQUEUE_DB"]
        assert (await queue.enqueue("true")).max_retries == 9


async def test_bad_input_enqueues_nothing(queue: Queue) -> None:
    with pytest.raises(InvalidInput, match=r"^priority: "):
        await queue.enqueue("true", priority="high")
    with pytest.raises(InvalidInput, match=r"^unknown key 'colour'"):
        await queue.enqueue("true", colour="blue")
    assert (await queue.status()).total == 0


async def test_an_id_is_taken_once(queue: Queue) -> None:
    await queue.enqueue("true", id="a")
    with pytest.raises(DuplicateId):
        await queue.enqueue("true", id="a")
    with pytest.raises(DuplicateId):
        await queue.enqueue_many([NewJob(command="true", id=one) for one in ("b", "c", "b")])
    assert (await queue.status()).total == 1


async def test_ten_thousand_jobs_are_enqueued_at_once_and_listed(queue: Queue) -> None:
    ids = (await queue.enqueue_many(NewJob(command=f"echo {number}") for number in range(10_000))).ids
    assert (ids[0], ids[-1], len(ids)) == ("1", "10000", 10_000)
    assert [job.id for job in await queue.list(limit=2)] == ["10000", "9999"]
    assert len(await queue.list()) == 10_000
    assert (await queue.status()).counts[State.PENDING] == 10_000


async def test_a_list_can_be_filtered(queue: Queue) -> None:
    await queue.enqueue("a", tags=["x"])
    await queue.enqueue("b", queue="mail", hold=True)
    assert [job.command for job in await queue.list(Filter(state=State.SCHEDULED))] == ["b"]
    assert [job.command for job in await queue.list(Filter(tag="x"))] == ["a"]


async def test_status_counts_every_state_and_queue_and_names_the_next_moment(queue: Queue) -> None:
    job = await queue.enqueue("a", delay=60)
    await queue.enqueue("b", queue="mail")
    status = await queue.status()
    assert status.counts == {**dict.fromkeys(State, 0), State.SCHEDULED: 1, State.PENDING: 1}
    counts = {name: queue.counts for name, queue in status.queues.items()}
    assert counts == {"default": {State.SCHEDULED: 1}, "mail": {State.PENDING: 1}}
    assert (status.total, status.workers, status.next_run_at) == (2, [], job.run_at)


async def test_a_job_that_is_not_there_is_named(queue: Queue) -> None:
    await queue.enqueue("true")
    for asked in (queue.get("9"), queue.find(["1", "9"]), queue.cancel("1", "9"), queue.why("9"), queue.wait("9")):
        with pytest.raises(NoSuchJob, match=r"^no such job: 9$"):
            await asked
    assert (await queue.get("1")).state is State.PENDING


async def test_the_verbs_go_through_the_life_of_a_job(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue("true", max_retries=0)
    assert [(job.state, job.held) for job in await queue.hold("1")] == [(State.SCHEDULED, True)]
    assert [(job.state, job.held) for job in await queue.release("1")] == [(State.PENDING, False)]
    await somebody.work(Exited(7))
    assert (await queue.get("1")).state is State.DEAD
    (job,) = await queue.retry("1")
    assert (job.state, job.attempts, job.exit_code) == (State.PENDING, 0, 7)
    (job,) = await queue.cancel("1")
    assert (job.state, job.error) == (State.CANCELLED, "cancelled")
    assert [(run.run, run.exit_code) for run in await queue.runs(job)] == [(1, 7)]
    assert [job.id for job in await queue.remove("1")] == ["1"]
    assert await queue.list() == []


async def test_a_running_job_is_asked_to_end_and_cannot_be_removed_or_edited(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue("true")
    running = await somebody.claim()
    (job,) = await queue.cancel("1")
    assert (job.state, job.cancel_requested, job.run) == (State.PROCESSING, True, running.run)
    for asked in (queue.remove("1"), queue.edit("1", command="false"), queue.hold("1"), queue.retry("1")):
        with pytest.raises(WrongState, match=r"^job 1 is processing"):
            await asked


async def test_a_verb_changes_all_of_its_jobs_or_none(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue_many([NewJob(command="true")] * 3)
    await somebody.work()
    with pytest.raises(WrongState, match=r"^job 1 is completed"):
        await queue.cancel("2", "1", "3")
    assert [job.state for job in await queue.cancel("3", "2", "3")] == [State.CANCELLED] * 2


async def test_an_edit_is_checked_like_a_new_job(queue: Queue) -> None:
    await queue.enqueue("true")
    job = await queue.edit("1", command="false", priority=5, delay=60)
    assert (job.command, job.priority, job.state) == ("false", 5, State.SCHEDULED)
    for changes in ({"command": ""}, {"id": "a"}, {"hold": 1}, {"colour": 1}):
        with pytest.raises(InvalidInput):
            await queue.edit("1", **changes)


async def test_an_edit_holds_and_releases(queue: Queue) -> None:
    await queue.enqueue("true")
    job = await queue.edit("1", hold=True, delay=60)
    assert (job.state, job.held, job.run_at) == (State.SCHEDULED, True, None)
    assert (await queue.edit("1", hold=True, priority=5)).held
    job = await queue.edit("1", hold=False)
    assert (job.state, job.held, job.priority) == (State.PENDING, False, 5)
    assert (await queue.edit("1", hold=False)).state is State.PENDING
    await queue.cancel("1")
    with pytest.raises(WrongState, match="job 1 is cancelled and cannot be held"):
        await queue.edit("1", hold=True)


async def test_an_edit_takes_off_what_a_job_has_of_its_own(queue: Queue) -> None:
    own = {"backoff_base": 3, "backoff_max": "5m", "no_retry_on": [1], "defer_on": [2], "tags": ["a"], "timeout": 9}
    await queue.enqueue("true", **own)
    job = await queue.edit("1", backoff_base="none", backoff_max="none", no_retry_on=[], defer_on=[], timeout="none")
    assert (job.backoff_base, job.backoff_max, job.no_retry_on, job.defer_on, job.timeout) == (None, None, (), (), None)
    assert job.tags == ("a",)


async def test_wait_returns_at_once_what_has_finished(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue("true")
    await somebody.work()
    assert [job.state for job in await queue.wait("1", timeout=ENOUGH)] == [State.COMPLETED]


async def test_no_bell_is_left_hanging_by_a_wait_that_is_over(
    queue: Queue, somebody: Somebody, waiting: Waiting
) -> None:
    await queue.enqueue("true")
    task = await waiting("1")
    await somebody.work()
    await task
    assert not list(Path(queue.url + ".d").iterdir())


async def test_a_change_that_comes_while_nobody_looks_is_not_missed(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue("true")
    seen = []
    async with asyncio.timeout(ENOUGH), contextlib.aclosing(queue.watch("1")) as looks:
        async for (job,) in looks:
            seen.append(job.state)
            if job.is_finished:
                break
            await somebody.work()
            await queue.get("1")  # the bell has been heard by now
    assert seen == [State.PENDING, State.COMPLETED]


async def test_wait_is_woken_when_another_process_settles_the_last_of_the_jobs(
    queue: Queue, somebody: Somebody, waiting: Waiting
) -> None:
    await queue.enqueue_many([NewJob(command="true", max_retries=0)] * 2)
    task = await waiting("1", "2")
    await somebody.work()
    await somebody.work(Exited(3))
    assert [(job.id, job.state) for job in await task] == [("1", State.COMPLETED), ("2", State.DEAD)]


async def test_wait_goes_on_through_retries_by_hand_and_otherwise(
    queue: Queue, somebody: Somebody, waiting: Waiting
) -> None:
    await queue.enqueue("true", max_retries=5)
    task = await waiting("1")
    await somebody.work(Exited(1))
    await queue.retry("1")
    assert not task.done()
    await somebody.work()
    assert [job.run for job in await task] == [2]


async def test_wait_gives_up_after_its_timeout(queue: Queue) -> None:
    await queue.enqueue("true")
    with pytest.raises(TimeoutError):
        await queue.wait("1", timeout=0.01)
    assert not list(Path(queue.url + ".d").iterdir())


async def test_waiting_for_a_held_job_would_never_end(queue: Queue) -> None:
    await queue.enqueue("true", hold=True)
    with pytest.raises(CannotFinish, match="job 1 is held; release it first"):
        await queue.wait("1", timeout=ENOUGH)


async def test_a_wait_ends_when_its_job_is_held_meanwhile(queue: Queue, waiting: Waiting) -> None:
    await queue.enqueue("true")
    task = await waiting("1")
    await queue.hold("1")
    with pytest.raises(CannotFinish):
        await task


async def test_a_wait_ends_when_its_job_is_removed_meanwhile(queue: Queue, waiting: Waiting) -> None:
    await queue.enqueue("true")
    task = await waiting("1")
    await queue.remove("1")
    with pytest.raises(NoSuchJob, match=r"^no such job: 1$"):
        await task


async def test_why_says_why_a_job_does_not_run(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue("true")
    assert await queue.why("1") == "no worker runs; start one with `aqueue worker`"
    await somebody.work()
    assert await queue.why("1") == "it has completed"


async def test_events_tell_each_transition_in_order(queue: Queue, somebody: Somebody) -> None:
    await queue.enqueue("true", id="a")
    await queue.enqueue("true")
    await somebody.work()
    assert [(event.was, event.state) async for event in queue.events("a")] == [
        (None, State.PENDING),
        (State.PENDING, State.PROCESSING),
        (State.PROCESSING, State.COMPLETED),
    ]
    newest = await queue.newest_event()
    assert [event.event async for event in queue.events()] == list(range(1, newest + 1))
    assert [event.event async for event in queue.events(after=newest)] == []


async def test_settings_are_stored_with_the_queue_and_the_environment_beats_them(database: Path) -> None:
    async with Queue.open(database, environ={"AQUEUE_TIMEOUT": "5"}) as queue:
        assert await queue.set_setting("max-retries", " 7 ") == "max_retries"
        await queue.set_setting("timeout", "1m")
        assert await queue.stored_settings() == {"max_retries": "7", "timeout": "60"}
        assert (await queue.settings()).timeout == 5.0
        job = await queue.enqueue("true")
        assert (job.max_retries, job.timeout) == (7, 5.0)
        assert await queue.unset_setting("timeout")
        assert not await queue.unset_setting("timeout")
        with pytest.raises(InvalidSetting):
            await queue.set_setting("colour", "blue")
        with pytest.raises(InvalidSetting):
            await queue.set_setting("timeout", "soon")
        assert await queue.stored_settings() == {"max_retries": "7"}


async def test_what_is_fixed_at_enqueue_is_not_changed_by_a_later_setting(queue: Queue) -> None:
    await queue.enqueue("true")
    await queue.set_setting("max_retries", "9")
    assert ((await queue.get("1")).max_retries, (await queue.enqueue("true")).max_retries) == (3, 9)


async def test_a_sound_queue_is_found_sound(queue: Queue) -> None:
    await queue.enqueue("true")
    assert {finding.verdict.value for finding in await queue.examine()} == {"ok"}
