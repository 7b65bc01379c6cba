"""Verbs on all that match, from Python: chosen once, done in slices, whatever happens meanwhile."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aqueue import Queue
from aqueue.model.errors import CannotFinish, InvalidInput, Refused
from aqueue.model.job import State
from aqueue.model.newjob import NewJob
from aqueue.queue import Ended, Filter, Outcome
from aqueue.store.slices import Pace

ENOUGH = 10.0


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    async with Queue.open(tmp_path / "queue.db") as queue:
        yield queue


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs a slice, and no rest."""

    class Small(Pace):
        def __init__(self) -> None:
            super().__init__(2)

        def took(self, seconds: float) -> None:
            """It stays as it is."""

    monkeypatch.setattr("aqueue.selection.Pace", Small)


async def fill(queue: Queue, count: int, /, **options: Any) -> Sequence[str]:
    return (await queue.enqueue_many([NewJob(command="true", **options)] * count)).ids


async def states(queue: Queue) -> list[str]:
    return [job.state for job in reversed(await queue.list())]


async def test_each_verb_does_it_to_all_that_match(queue: Queue) -> None:
    await fill(queue, 2)
    await fill(queue, 3, queue="mail")
    mail = queue.select(Filter(queue="mail"))
    assert await mail.hold() == Outcome(matched=3, done=3)
    assert [job.held for job in await queue.list()] == [True] * 3 + [False] * 2
    assert await mail.release() == Outcome(matched=3, done=3)
    assert await mail.cancel() == Outcome(matched=3, done=3)
    assert await mail.cancel() == Outcome(matched=0)
    assert await mail.retry() == Outcome(matched=0), "what was cancelled on purpose is not meant"
    assert await queue.select(Filter(state=State.CANCELLED)).retry() == Outcome(matched=3, done=3)
    assert await mail.edit(priority=5) == Outcome(matched=3, done=3)
    assert [job.priority for job in await queue.list()] == [5] * 3 + [0] * 2
    assert await mail.remove() == Outcome(matched=3, done=3)
    assert await states(queue) == ["pending", "pending"]


async def test_what_does_not_fit_is_passed_over_and_the_first_reasons_are_kept(queue: Queue) -> None:
    await fill(queue, 7)
    await queue.cancel("2", "3")
    assert await queue.select(Filter(state=State.PENDING)).retry() == Outcome(
        matched=5,
        passed_over=5,
        reasons=tuple(f"job {job} is pending and cannot be retried" for job in (1, 4, 5)),
    )


async def test_a_dry_run_counts_and_changes_nothing(queue: Queue) -> None:
    await fill(queue, 3)
    await queue.hold("1")
    before = await queue.list()
    chosen = queue.select(Filter(), dry_run=True)
    assert await chosen.cancel() == Outcome(matched=3, done=3)
    assert await chosen.remove() == Outcome(matched=3, done=3)
    assert await chosen.edit(priority=7) == Outcome(matched=3, done=3)
    assert (await queue.select(Filter(state=State.SCHEDULED), dry_run=True).hold()).passed_over == 1
    assert await queue.list() == before


@pytest.mark.usefixtures("small_slices")
async def test_the_jobs_are_fixed_at_the_beginning_and_what_changes_meanwhile_is_passed_over(queue: Queue) -> None:
    await fill(queue, 6)
    seen: list[Outcome] = []

    async def meddle(count: int) -> None:
        assert count == 6
        await fill(queue, 2)
        await queue.cancel("3")
        await queue.remove("6")

    chosen = queue.select(Filter(), confirm=meddle, progress=seen.append)
    outcome = await chosen.cancel()
    assert outcome == Outcome(
        matched=6,
        done=4,
        passed_over=2,
        reasons=("job 3 is cancelled and cannot be cancelled", "it is not there any more"),
    )
    assert await states(queue) == ["cancelled"] * 5 + ["pending"] * 2
    assert [(one.done, one.passed_over) for one in seen] == [(2, 0), (3, 1), (4, 2)]


async def test_what_is_not_confirmed_is_not_begun(queue: Queue) -> None:
    await fill(queue, 3)

    async def refuse(count: int) -> None:
        raise Refused("no")

    with pytest.raises(Refused, match=r"^no$"):
        await queue.select(Filter(), confirm=refuse).cancel()
    assert await states(queue) == ["pending"] * 3
    assert await queue.select(Filter(tag="none"), confirm=refuse).cancel() == Outcome(matched=0), "nobody is asked"
    assert (await queue.select(Filter(), confirm=refuse, dry_run=True).cancel()).done == 3


@pytest.mark.usefixtures("small_slices")
async def test_what_is_done_stays_done_when_it_is_broken_off(queue: Queue) -> None:
    await fill(queue, 100)
    begun = asyncio.Event()
    task = asyncio.create_task(queue.select(Filter(), progress=lambda _: begun.set()).cancel())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    done = (await states(queue)).count("cancelled")
    assert 2 <= done < 100
    assert done % 2 == 0, "a slice is done as a whole"


@pytest.mark.usefixtures("small_slices")
async def test_others_write_between_the_slices(queue: Queue) -> None:
    await fill(queue, 6)
    async with Queue.open(queue.url) as other:
        written = []
        turn = queue._store.turn

        async def turn_and_let_another(asks: Any, **options: Any) -> Any:
            turned = await turn(asks, **options)
            written.append(await other.enqueue("true", queue="other"))
            return turned

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queue._store, "turn", turn_and_let_another)
            await queue.select(Filter(queue="default")).cancel()
    assert len(written) == 3


async def test_an_edit_is_checked_before_anything_is_looked_for(queue: Queue) -> None:
    for changes in ({"priority": "high"}, {"id": "x"}, {"colour": "red"}):
        with pytest.raises(InvalidInput):
            await queue.select().edit(**changes)


async def test_a_wait_for_all_that_match_says_how_they_ended_and_what_failed(queue: Queue) -> None:
    await fill(queue, 2)
    await fill(queue, 3, queue="mail", max_retries=0)
    looks: list[Ended] = []
    looked = asyncio.Event()

    def look(ended: Ended) -> None:
        looks.append(ended)
        looked.set()

    async with asyncio.timeout(ENOUGH):
        waiting = asyncio.create_task(queue.select(Filter(queue="mail")).wait(progress=look, examples=1))
        await looked.wait()
        async with Queue.open(queue.url) as other:
            await other.cancel("3", "4")
            await other.remove("5")
            ended = await waiting
    assert (ended.total, ended.done, ended.failed, ended.removed, ended.counts) == (3, 3, 3, 1, {State.CANCELLED: 2})
    assert [job.id for job in ended.examples] == ["3"]
    assert (looks[0].total, looks[0].done) == (3, 0)
    assert looks[-1] == ended


async def test_a_wait_for_nothing_ends_at_once(queue: Queue) -> None:
    assert (await queue.select(Filter(tag="x")).wait(timeout=ENOUGH)).total == 0


async def test_a_wait_for_all_can_leave_out_some(queue: Queue) -> None:
    await fill(queue, 1)
    assert (await queue.select().wait(timeout=ENOUGH, but=["1"])).total == 0


async def test_a_wait_for_all_ends_at_one_that_is_held(queue: Queue) -> None:
    await fill(queue, 2)
    await queue.hold("2")
    with pytest.raises(CannotFinish, match="job 2 is held; release it first"):
        await queue.select().wait(timeout=ENOUGH)


async def test_a_wait_for_all_gives_up_after_its_timeout(queue: Queue) -> None:
    await fill(queue, 1)
    with pytest.raises(TimeoutError):
        await queue.select().wait(timeout=0.01)
    assert not list(Path(queue.url + ".d").iterdir())


async def test_by_id_a_dry_run_refuses_what_would_be_refused(queue: Queue) -> None:
    await fill(queue, 2)
    await queue.cancel("2")
    before = await queue.list()
    for verb in (queue.cancel, queue.hold):
        assert [job.id for job in await verb("1", dry_run=True)] == ["1"]
        with contextlib.suppress(Refused):
            await verb("1", "2", dry_run=True)
            raise AssertionError(verb)
    assert (await queue.edit("1", dry_run=True, priority=3)).priority == 0
    assert [job.id for job in await queue.remove("1", "2", dry_run=True)] == ["1", "2"]
    assert await queue.list() == before
