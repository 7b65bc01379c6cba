"""Verbs on all that match, where jobs wait for others or have a unique key: who stands against whom is told."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from aqueue import Queue
from aqueue.model.errors import Awaited, KeyHeld, NoSuchJob, ParentEnded
from aqueue.model.job import State
from aqueue.model.newjob import NewJob
from aqueue.queue import Filter, Outcome
from aqueue.store.slices import Pace


@pytest.fixture
async def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Queue]:
    """A queue of which two jobs are done at a time."""
    monkeypatch.setattr("aqueue.selection.Pace", _Small)
    async with Queue.open(tmp_path / "queue.db") as queue:
        yield queue


class _Small(Pace):
    def __init__(self) -> None:
        super().__init__(2)

    def took(self, seconds: float) -> None:
        """It stays as it is."""


def job(job_id: str, *after: str, **more: str) -> NewJob:
    return NewJob(command="true", id=job_id, after=after, unique=more.get("unique"))


CHAIN = [job("a"), job("b", "a"), job("c", "b"), job("d", "c"), job("e", "d")]


async def states(queue: Queue) -> dict[str, str]:
    return {job.id: str(job.state) for job in reversed(await queue.list())}


@pytest.mark.parametrize("jobs", [CHAIN, CHAIN[::-1]], ids=["parents first", "children first"])
async def test_a_whole_family_is_removed_in_whatever_order_it_was_enqueued(
    queue: Queue, jobs: Sequence[NewJob]
) -> None:
    await queue.enqueue_many(jobs)
    for dry_run in (True, False):
        assert await queue.select(dry_run=dry_run).remove() == Outcome(matched=5, done=5)
    assert await states(queue) == {}


async def test_what_others_wait_for_that_are_not_removed_too_is_passed_over(queue: Queue) -> None:
    await queue.enqueue_many([*CHAIN, NewJob(command="true", id="x", queue="mail", after=("c",))])
    for dry_run in (True, False):
        outcome = await queue.select(Filter(queue="default"), dry_run=dry_run).remove()
        assert (outcome.matched, outcome.done + outcome.passed_over) == (5, 5)
        assert "job c cannot be removed: job x, which comes after it, is blocked" in outcome.reasons
    assert await states(queue) == {"a": "pending", "b": "blocked", "c": "blocked", "x": "blocked"}


async def test_all_of_a_family_is_cancelled_by_hand_though_its_parents_take_it_along(queue: Queue) -> None:
    await queue.enqueue_many(CHAIN)
    assert await queue.select().cancel() == Outcome(matched=5, done=5)
    await queue.retry("a")
    assert await states(queue) == {"a": "pending"} | dict.fromkeys("bcde", "cancelled")


@pytest.mark.parametrize("jobs", [CHAIN, CHAIN[::-1]], ids=["parents first", "children first"])
async def test_all_of_a_family_is_retried_in_whatever_order_it_was_enqueued(
    queue: Queue, jobs: Sequence[NewJob]
) -> None:
    await queue.enqueue_many(jobs)
    await queue.select().cancel()
    for dry_run in (True, False):
        outcome = await queue.select(Filter(state=State.CANCELLED), dry_run=dry_run).retry()
        assert outcome == Outcome(matched=5, done=5)
    assert await states(queue) == {"a": "pending"} | dict.fromkeys("bcde", "blocked")


async def test_what_waits_for_a_job_that_stays_dead_is_passed_over_and_the_rest_is_retried(queue: Queue) -> None:
    others = [NewJob(command="true", id=one, queue="mail") for one in "xy"]
    await queue.enqueue_many([job("a"), NewJob(command="true", id="b", queue="mail", after=("a",)), *others])
    await queue.select().cancel()
    for dry_run in (True, False):
        assert await queue.select(Filter(state=State.CANCELLED, queue="mail"), dry_run=dry_run).retry() == Outcome(
            matched=3,
            done=2,
            passed_over=1,
            reasons=("job b cannot be retried: job a, which it waits for, is cancelled",),
        )
    assert await states(queue) == {"a": "cancelled", "b": "cancelled", "x": "pending", "y": "pending"}


async def test_of_those_with_one_key_one_is_retried(queue: Queue) -> None:
    for name in "abc":
        await queue.enqueue("true", id=name, unique="k")
        await queue.cancel(name)
    for dry_run in (True, False):
        assert await queue.select(Filter(state=State.CANCELLED), dry_run=dry_run).retry() == Outcome(
            matched=3,
            done=1,
            passed_over=2,
            reasons=(
                "job a, which is not finished, has the unique key 'k' of job b",
                "job a, which is not finished, has the unique key 'k' of job c",
            ),
        )
    assert await states(queue) == {"a": "pending", "b": "cancelled", "c": "cancelled"}


async def test_a_parent_whose_child_cannot_have_its_key_back_is_passed_over_and_others_are_not(queue: Queue) -> None:
    await queue.enqueue_many([job("a"), job("b", "a", unique="k"), job("x")])
    await queue.cancel("a", "x")
    await queue.enqueue("true", id="holder", unique="k")
    reason = "job holder, which is not finished, has the unique key 'k' of job b, which would come back with it"
    await queue.edit("b", queue="mail")
    assert await queue.select(Filter(state=State.CANCELLED, queue="default")).retry() == Outcome(
        matched=2, done=1, passed_over=1, reasons=(reason,)
    )
    assert (await states(queue))["a"] == "cancelled"


async def test_many_are_given_a_parent_or_freed_of_it_but_for_those_that_it_waits_for(queue: Queue) -> None:
    await queue.enqueue_many([job("a"), job("b"), job("c"), job("last", "c")])
    with pytest.raises(NoSuchJob):
        await queue.select().edit(after=["nobody"])
    assert await queue.select().edit(after=["last"]) == Outcome(
        matched=4,
        done=2,
        passed_over=2,
        reasons=("jobs would wait for one another: c, last", "job last would wait for itself"),
    )
    assert await states(queue) == {"a": "blocked", "b": "blocked", "c": "pending", "last": "blocked"}
    assert (await queue.select(Filter(state=State.BLOCKED)).edit(after=[])).done == 3
    assert set((await states(queue)).values()) == {"pending"}


async def test_of_many_that_are_given_a_key_the_first_gets_it(queue: Queue) -> None:
    await queue.enqueue_many([job("a"), job("b"), job("c")])
    outcome = await queue.select().edit(unique="k")
    assert (outcome.done, outcome.passed_over) == (1, 2)
    assert [job.unique for job in reversed(await queue.list())] == ["k", None, None]
    assert (await queue.select().edit(unique=None)).done == 3


async def test_what_is_blocked_is_held_and_released_with_the_others(queue: Queue) -> None:
    await queue.enqueue_many(CHAIN[:2])
    assert await queue.select().hold() == Outcome(matched=2, done=2)
    assert [(job.state, job.held) for job in await queue.list()] == [(State.BLOCKED, True), (State.SCHEDULED, True)]
    assert await queue.select().release() == Outcome(matched=2, done=2)
    assert [job.held for job in await queue.list()] == [False, False]


async def test_by_id_a_dry_run_knows_what_other_jobs_have_to_do_with_it_and_changes_nothing(queue: Queue) -> None:
    await queue.enqueue_many([job("a"), job("b", "a"), job("c", unique="k")])
    await queue.cancel("c", "a")
    await queue.enqueue_many([job("d", unique="k"), job("x"), job("y", "x")])
    before, events = await queue.list(), await queue.newest_event()
    with pytest.raises(ParentEnded, match="job b cannot be retried: job a, which it waits for, is cancelled"):
        await queue.retry("b", dry_run=True)
    with pytest.raises(KeyHeld, match="job d, which is not finished, has the unique key 'k' of job c"):
        await queue.retry("c", dry_run=True)
    with pytest.raises(Awaited, match="job x cannot be removed: job y, which comes after it, is blocked"):
        await queue.remove("x", dry_run=True)
    assert [job.state for job in await queue.retry("a", "b", dry_run=True)] == [State.CANCELLED, State.CANCELLED]
    assert [job.id for job in await queue.remove("x", "y", dry_run=True)] == ["x", "y"]
    assert (await queue.edit("x", after=["d"], dry_run=True)).state is State.PENDING
    assert (await queue.list(), await queue.newest_event()) == (before, events)
