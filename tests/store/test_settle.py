"""A run is settled at most once: every race has a test that is named after its loser."""

from dataclasses import replace

import pytest

from aqueue.model import lifecycle
from aqueue.model.ending import Cancelled, Ending, Exited, Interrupted, Lost, Signalled, TimedOut
from aqueue.model.errors import NoSuchJob, WrongState
from aqueue.model.job import Job, State
from aqueue.store import reading, roster, sql
from aqueue.store.protocol import Store

from .harness import DEFAULTS, NOW, Plain, cancel, claim, claimed, decision, enqueue, get, new, retry, settle, state


async def endings(store: Store, job: Job) -> list[str | None]:
    return [run.ending for run in await store.read(lambda: reading.history(job))]


async def test_a_settled_run_is_written_into_the_job_and_into_its_history(store: Store) -> None:
    job = await claimed(store)
    transition = lifecycle.settle(job, Signalled(9), DEFAULTS, NOW, last_line="oops")
    run = sql.EndOfRun(Signalled(9), "killed by SIGKILL: oops", NOW + 1, cpu_seconds=1.25, peak_bytes=4096)
    assert await store.write(lambda: sql.settle([sql.Decision(job, transition, run)], NOW + 3)) == {}
    after = await get(store, "1")
    assert (after.state, after.signal, after.exit_code, after.error) == (State.FAILED, 9, None, transition.error)
    assert (after.run_at, after.updated_at, after.finished_at) == (NOW + 2, NOW + 3, None)
    (row,) = await store.read(lambda: reading.history(job))
    assert (row.ending, row.signal, row.exit_code, row.error) == ("signalled", 9, None, "killed by SIGKILL: oops")
    assert (row.finished_at, row.cpu_seconds, row.peak_bytes) == (NOW + 1, 1.25, 4096)


@pytest.mark.parametrize("first", [Exited(0), Exited(1), Lost("w1"), Interrupted(), Cancelled()])
@pytest.mark.parametrize("second", [Exited(0), Exited(1), Lost("w1"), Interrupted(), Cancelled()])
async def test_the_second_of_two_ends_of_a_run_loses(store: Store, first: Ending, second: Ending) -> None:
    job = await claimed(store)
    assert await settle(store, job, first)
    after = await get(store, "1")
    assert not await settle(store, job, second, now=NOW + 1)
    assert await get(store, "1") == after
    assert await endings(store, job) == [first.kind]


async def test_the_second_of_two_ends_in_one_transaction_loses(store: Store) -> None:
    job = await claimed(store)
    first, second = (decision(job, ending) for ending in (Exited(0), Exited(1)))
    turned = await store.turn([lambda: sql.settle([first], NOW), lambda: sql.settle([second], NOW)])
    assert [len(refused) for refused in turned.outcomes] == [0, 1]
    assert await state(store, "1") is State.COMPLETED


async def test_a_late_settle_of_a_lost_run_loses_to_the_new_run(store: Store) -> None:
    late = await claimed(store)
    assert await settle(store, late, Lost("w1"))
    (current,) = await claim(store, worker="w2", now=NOW + 2)
    assert not await settle(store, late, Exited(0), now=NOW + 3)
    assert await get(store, "1") == current
    assert await endings(store, current) == ["lost", None]
    assert await settle(store, current, Exited(0), now=NOW + 4)


async def test_a_late_settle_of_a_lost_run_loses_to_the_new_run_of_the_same_worker(store: Store) -> None:
    late = await claimed(store)
    await settle(store, late, Interrupted())
    (current,) = await claim(store, worker="w1")
    assert (late.worker, late.attempts) == (current.worker, current.attempts)
    assert not await settle(store, late)
    assert await get(store, "1") == current


async def test_a_rescue_loses_to_the_end_that_came_before_it(store: Store) -> None:
    job = await claimed(store)
    (seen,) = await store.read(lambda: reading.processing_of("w1"))
    assert seen == job
    await settle(store, job, Exited(0))
    assert not await settle(store, seen, Lost("w1"))
    assert await state(store, "1") is State.COMPLETED
    assert await store.read(lambda: reading.processing_of("w1")) == []


async def test_the_slower_of_two_rescuers_loses(store: Store, other: Store) -> None:
    job = await claimed(store)
    assert await settle(other, job, Lost("w1"))
    assert not await settle(store, job, Lost("w1"))
    assert await endings(store, job) == ["lost"]
    assert (await get(store, "1")).attempts == 1


async def test_a_settle_in_the_name_of_another_worker_loses(store: Store) -> None:
    job = await claimed(store)
    assert not await settle(store, replace(job, worker="w2"))
    assert await state(store, "1") is State.PROCESSING


async def test_a_decision_that_did_not_see_the_request_to_cancel_loses_and_is_made_again(store: Store) -> None:
    job = await claimed(store)
    await cancel(store, job)
    refused = await store.write(lambda: sql.settle([decision(job, Exited(1))], NOW))
    assert list(refused) == [job.run_key]
    current = refused[job.run_key]
    assert current is not None
    assert current.cancel_requested
    assert await settle(store, current, Exited(1))
    assert await state(store, "1") is State.CANCELLED
    assert await endings(store, job) == ["exited"]


async def test_a_cancellation_loses_to_a_success(store: Store) -> None:
    job = await cancel(store, await claimed(store))
    assert (job.state, job.cancel_requested) == (State.PROCESSING, True)
    assert await settle(store, job, Exited(0))
    assert await state(store, "1") is State.COMPLETED


async def test_a_cancellation_loses_to_an_end_that_came_before_it(store: Store) -> None:
    job = await claimed(store)
    await settle(store, job)
    with pytest.raises(WrongState, match="job 1 is completed and cannot be cancelled"):
        await cancel(store, job)


async def test_a_retry_loses_to_a_cancellation_that_was_asked_for_during_the_run(store: Store) -> None:
    await cancel(store, await claimed(store))
    current = await get(store, "1")
    assert await settle(store, current, TimedOut(1.0))
    assert await state(store, "1") is State.CANCELLED
    assert await claim(store, now=NOW + 100) == []


async def test_a_request_to_cancel_is_forgotten_by_the_next_run(store: Store) -> None:
    job = await cancel(store, await claimed(store))
    orders = await store.read(lambda: roster.orders("w1"))
    assert {(seq, run) for seq, run in orders.cancels} == {(job.seq, 1)}
    await settle(store, job, Cancelled())
    await retry(store, job)
    (job,) = await claim(store)
    assert (job.run, job.cancel_requested) == (2, False)
    assert not (await store.read(lambda: roster.orders("w1"))).cancels


async def test_a_late_settle_loses_to_a_retry_by_hand(store: Store) -> None:
    late = await claimed(store)
    await settle(store, late, Lost("w1"))
    assert (await retry(store, late)).state is State.PENDING
    assert not await settle(store, late, Exited(0))
    job = await get(store, "1")
    assert (job.state, job.attempts, job.run) == (State.PENDING, 0, 1)


async def test_a_settle_loses_to_the_removal_of_its_job(store: Store, client: Plain) -> None:
    job = await claimed(store)
    client.do("DELETE FROM jobs")
    assert await store.write(lambda: sql.settle([decision(job, Exited(0))], NOW)) == {job.run_key: None}
    assert client.value("SELECT count(*) FROM aqueue_runs") == 0


async def test_a_removal_loses_to_a_claim(store: Store) -> None:
    await claimed(store)
    with pytest.raises(WrongState, match="job 1 is processing and cannot be removed"):
        await store.write(lambda: sql.remove(["1"], lifecycle.check_removable))
    assert await state(store, "1") is State.PROCESSING


async def test_a_verb_loses_to_the_removal_of_its_job(store: Store) -> None:
    job = await claimed(store)
    await settle(store, job)
    await store.write(lambda: sql.remove(["1"], lifecycle.check_removable))
    with pytest.raises(NoSuchJob, match="no such job: 1"):
        await retry(store, job)


async def test_a_verb_on_several_ids_of_which_one_is_unknown_changes_nothing(store: Store) -> None:
    await enqueue(store, new(), new())
    with pytest.raises(NoSuchJob, match="no such job: 9"):
        await store.write(lambda: sql.change(["1", "9", "2"], lambda job: lifecycle.cancel(job, NOW), NOW))
    assert [await state(store, one) for one in "12"] == [State.PENDING, State.PENDING]


async def test_a_verb_on_several_ids_of_which_one_is_refused_changes_nothing(store: Store) -> None:
    await settle(store, await claimed(store))
    await enqueue(store)
    with pytest.raises(WrongState):
        await store.write(lambda: sql.change(["2", "1"], lambda job: lifecycle.cancel(job, NOW), NOW))
    assert await state(store, "2") is State.PENDING


async def test_of_many_ends_those_that_are_not_lost_are_all_accepted(store: Store) -> None:
    await enqueue(store, *(new() for _ in range(50)))
    jobs = await claim(store, 50)
    stale = [replace(job, run=9) for job in jobs[::2]]
    refused = await store.write(lambda: sql.settle([decision(job, Exited(0)) for job in [*stale, *jobs[1::2]]], NOW))
    assert set(refused) == {job.run_key for job in stale}
    assert [await state(store, job.id) for job in jobs[:2]] == [State.PROCESSING, State.COMPLETED]


async def test_the_history_is_numbered_over_the_whole_life_and_a_retry_leaves_it(store: Store) -> None:
    job = await claimed(store, new(max_retries=0))
    await settle(store, job, Exited(7))
    retried = await retry(store, job)
    assert (retried.attempts, retried.exit_code, retried.error) == (0, 7, "exit code 7")
    (job,) = await claim(store)
    await settle(store, job)
    runs = await store.read(lambda: reading.history(job))
    assert [(run.run, run.attempt, run.exit_code) for run in runs] == [(1, 1, 7), (2, 1, 0)]
