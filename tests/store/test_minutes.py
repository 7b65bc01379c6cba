"""What the runs of each minute came to is counted when they are settled."""

from typing import Any

from aqueue.model.ending import Cancelled, Ending, Exited, Interrupted, Lost, TimedOut
from aqueue.store import minutes, sql
from aqueue.store.minutes import Minute
from aqueue.store.sqlite import SqliteStore

from .harness import NOW, Plain, claim, decision, enqueue, new

MINUTE = int(NOW // 60)


async def end(store: SqliteStore, ending: Ending, at: float = NOW, ran: float | None = 2.0, **keys: Any) -> None:
    """Run a job that has been due for a second, and let it end so."""
    await enqueue(store, new(**keys), now=at - 3)
    (job,) = await claim(store, now=at - 2)
    begun = None if ran is None else sql.Begun(job, 0, at - ran)
    one = decision(job, ending, at)
    assert one.run is not None
    run = sql.EndOfRun(ending, one.run.error, at, begun)
    await store.write(lambda: sql.settle([sql.Decision(job, one.transition, run)], at))


async def since(store: SqliteStore, first: int = 0) -> list[Minute]:
    return list(await store.read(lambda: minutes.since(first)))


async def test_a_run_counts_in_the_minute_in_which_it_ends(store: SqliteStore) -> None:
    await end(store, Exited(0))
    await end(store, Exited(0), NOW + 60)
    await end(store, Exited(0), NOW + 61)
    one, two = await since(store)
    assert one == Minute(minute=MINUTE, completed=1, attempts=1, timed=1, waited=1.0, ran=2.0)
    assert (two.minute, two.completed, two.timed) == (MINUTE + 1, 2, 2)
    assert await since(store, MINUTE + 1) == [two]


async def test_what_becomes_of_its_job_is_counted(store: SqliteStore) -> None:
    await end(store, Exited(1))
    await end(store, TimedOut(1.0), max_retries=0)
    await end(store, Exited(1), no_retry_on=[1])
    (minute,) = await since(store)
    assert (minute.completed, minute.failed, minute.dead, minute.attempts) == (0, 1, 2, 2)


async def test_what_was_not_counted_as_an_attempt_or_was_wanted_is_no_failure(store: SqliteStore) -> None:
    await end(store, Cancelled())
    await end(store, Exited(75), defer_on=[75])
    await end(store, Interrupted())
    assert await since(store) == []


async def test_of_a_lost_run_nobody_knows_how_long_it_took(store: SqliteStore) -> None:
    await end(store, Lost("w1"), ran=None)
    (minute,) = await since(store)
    assert (minute.failed, minute.timed) == (1, 0)


async def test_a_refused_settle_counts_nothing(store: SqliteStore) -> None:
    await enqueue(store)
    (job,) = await claim(store)
    for _ in range(2):
        await store.write(lambda: sql.settle([decision(job, Exited(0))], NOW))
    (minute,) = await since(store)
    assert minute.completed == 1


async def test_minutes_are_kept_for_two_days(store: SqliteStore, client: Plain) -> None:
    for at in (NOW, NOW + 60, NOW + 2 * 86_400 + 60):
        await end(store, Exited(0), at)
    assert [one.minute - MINUTE for one in await since(store)] == [1, 2881]
