"""The line: what is due is promoted, and claimed in order."""

from functools import partial

import pytest

from aqueue.model.ending import Exited, Interrupted
from aqueue.model.job import State
from aqueue.store import line, reading
from aqueue.store.protocol import Store

from .harness import NOW, Plain, claim, claimed, commands, enqueue, get, hold, new, settle, state


async def next_run_at(store: Store) -> float | None:
    return await store.read(reading.next_run_at)


async def test_the_line_is_ordered_by_priority_then_by_due_time_then_by_number(store: Store) -> None:
    await enqueue(
        store,
        new("late", run_at=NOW - 1),
        new("early", run_at=NOW - 9),
        new("low", priority=-1, run_at=NOW - 99),
        new("high", priority=5),
        new("early, too", run_at=NOW - 9),
    )
    assert await commands(store) == ["high", "early", "early, too", "late", "low"]


async def test_a_claim_takes_as_many_as_there_are_slots_and_gives_each_its_slot(store: Store) -> None:
    await enqueue(store, new("a"), new("b", priority=1), new("c"))
    got = await store.write(lambda: line.claim("w1", [4, 2], NOW))
    assert [(job.command, job.slot) for job in got.jobs] == [("b", 4), ("a", 2)]
    assert got.next_run_at is None
    assert await commands(store) == ["c"]


async def test_a_claimed_job_knows_its_run_its_attempt_its_worker_and_its_slot(store: Store, client: Plain) -> None:
    await enqueue(store)
    (job,) = await claim(store, worker="w1", now=NOW + 1)
    assert (job.state, job.run, job.attempts, job.worker, job.slot) == (State.PROCESSING, 1, 1, "w1", 0)
    assert (job.started_at, job.updated_at, job.finished_at) == (NOW + 1, NOW + 1, None)
    assert job == await get(store, "1")
    (run,) = await store.read(lambda: reading.history(job))
    assert (run.run, run.attempt, run.worker, run.slot) == (1, 1, "w1", 0)
    assert (run.started_at, run.finished_at, run.ending) == (NOW + 1, None, None)


async def test_no_job_is_claimed_twice(store: Store, other: Store) -> None:
    await enqueue(store, *(new(str(number)) for number in range(10)))
    first, second = await commands(store, 6), await commands(other, 6)
    assert (len(first), sorted(first + second)) == (6, [str(number) for number in range(10)])
    assert await commands(store) == []


@pytest.mark.sqlite
async def test_an_empty_claim_writes_nothing(store: Store) -> None:
    await enqueue(store, new(delay=5), new(hold=True))
    await claimed(store, new(priority=9))
    before = store.place.wal.read_bytes()
    for _ in range(3):
        assert await claim(store) == []
    assert store.place.wal.read_bytes() == before
    assert len(before) > 0


async def test_a_claim_that_finds_too_few_says_when_to_look_again(store: Store) -> None:
    await enqueue(store, new(delay=5), new(delay=3), new(hold=True), new())
    assert (await store.write(lambda: line.claim("w1", [0], NOW))).next_run_at is None
    assert (await store.write(lambda: line.claim("w1", [0], NOW))).next_run_at == NOW + 3


async def test_a_scheduled_job_is_claimed_at_its_time_and_not_before(store: Store) -> None:
    await enqueue(store, new("5", delay=5), new("3", delay=3), new("held", hold=True))
    assert await commands(store, now=NOW + 2.999) == []
    assert await commands(store, now=NOW + 3) == ["3"]
    assert await commands(store, now=NOW + 100) == ["5"]
    assert await state(store, "3") is State.SCHEDULED


async def test_what_is_due_is_pending_even_if_no_slot_is_left_for_it(store: Store) -> None:
    await enqueue(store, new(delay=1), new(delay=2), new(delay=9))
    await claim(store, 1, now=NOW + 3)
    assert [await state(store, one) for one in "123"] == [State.PROCESSING, State.PENDING, State.SCHEDULED]


async def test_a_failed_job_waits_for_its_retry_and_is_still_failed_when_it_is_due(store: Store) -> None:
    await settle(store, await claimed(store), Exited(1))
    await enqueue(store, new("first", priority=1))
    assert await next_run_at(store) == NOW + 2
    assert await commands(store, 1, now=NOW + 2) == ["first"]
    assert await state(store, "1") is State.FAILED
    assert await next_run_at(store) is None
    (job,) = await claim(store, now=NOW + 2)
    assert (job.id, job.run, job.attempts) == ("1", 2, 2)


async def test_an_interrupted_job_goes_back_to_its_place_in_the_line(store: Store) -> None:
    job = await claimed(store, new("first"), new("second"))
    assert await settle(store, job, Interrupted(), now=NOW + 50)
    await enqueue(store, new("third"), now=NOW + 50)
    (job, *_) = await claim(store, 3, now=NOW + 50)
    assert (job.command, job.run, job.attempts) == ("first", 2, 1)
    runs = await store.read(lambda: reading.history(job))
    assert [(run.run, run.attempt, run.ending) for run in runs] == [(1, 1, "interrupted"), (2, 1, None)]


async def test_what_is_held_is_neither_claimed_nor_waited_for(store: Store) -> None:
    await enqueue(store, new(), new(delay=1))
    for job_id in "12":
        assert (await hold(store, job_id)).held
    assert await next_run_at(store) is None
    assert await commands(store, now=NOW + 100) == []


async def test_more_jobs_than_are_promoted_at_once_are_all_claimed(store: Store) -> None:
    many = line.PROMOTE_AT_ONCE + 10
    await enqueue(store, *(new(delay=1) for _ in range(many)))
    first = await store.write(lambda: line.claim("w1", range(many), NOW + 1))
    assert (len(first.jobs), first.next_run_at) == (line.PROMOTE_AT_ONCE, NOW + 1)
    second = await store.write(lambda: line.claim("w1", range(many), NOW + 1))
    assert (len(second.jobs), second.next_run_at) == (10, None)


async def test_a_job_can_say_how_many_are_before_it(store: Store) -> None:
    await enqueue(store, new(), new(priority=1), new(run_at=NOW - 1), new(delay=5), new())
    jobs = [await get(store, one) for one in "1235"]
    ahead = [await store.read(partial(reading.ahead, job)) for job in jobs]
    assert ahead == [2, 0, 1, 3]


async def test_the_line_is_worked_off_when_nothing_is_pending_processing_or_failed(store: Store) -> None:
    await enqueue(store, new(delay=5), new(hold=True))
    assert await store.read(reading.is_worked_off)
    job = await claimed(store, new(max_retries=1))
    assert not await store.read(reading.is_worked_off)
    await settle(store, job, Exited(1))
    assert not await store.read(reading.is_worked_off)
    (job,) = await claim(store, now=NOW + 2)
    await settle(store, job, Exited(1))
    assert await store.read(reading.is_worked_off)
