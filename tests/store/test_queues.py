"""Named queues: what was said of them bounds what is claimed."""

import json
from collections.abc import Sequence

from aqueue.model.ending import Exited, Interrupted
from aqueue.model.job import Job, State
from aqueue.model.line import Line, Served
from aqueue.model.rate import Bucket, Rate
from aqueue.store import line, queues, reading
from aqueue.store.line import Claimed
from aqueue.store.protocol import Store
from aqueue.store.queues import QueueRow

from .harness import NOW, Plain, claim, claimed, enqueue, new, settle


async def claims(store: Store, slots: int = 8, now: float = NOW, served: Served | None = None) -> Claimed:
    return await store.write(lambda: line.claim("w1", range(slots), now, served))


async def in_queues(store: Store, slots: int = 8, served: Served | None = None) -> list[str]:
    return [job.queue for job in (await claims(store, slots, served=served)).jobs]


async def flood(store: Store, *names: str, count: int = 9) -> None:
    await enqueue(store, *(new(queue=name) for name in names for _ in range(count)))


async def limited(store: Store, name: str, most: int | None) -> None:
    await store.write(lambda: queues.limit(name, most))


async def rated(store: Store, name: str, rate: Rate | None, now: float = NOW) -> None:
    await store.write(lambda: queues.rate(name, rate, now))


async def paused(store: Store, name: str, paused: bool = True) -> None:
    await store.write(lambda: queues.pause(name, paused=paused))


async def of_queue(store: Store, name: str) -> QueueRow:
    return (await store.read(queues.queues))[name]


async def test_nothing_of_a_paused_queue_is_claimed_until_it_is_resumed(store: Store) -> None:
    await flood(store, "a", "b", count=2)
    await paused(store, "a")
    assert await in_queues(store) == ["b", "b"]
    assert (await claims(store)).next_run_at is None
    await paused(store, "a", paused=False)
    assert await in_queues(store) == ["a", "a"]


async def test_no_more_jobs_of_a_queue_run_than_its_limit_over_all_workers(store: Store) -> None:
    await limited(store, "a", 3)
    await flood(store, "a")
    first = await claim(store, 2, worker="w1")
    assert (len(first), len(await claim(store, 8, worker="w2")), len(await claim(store, 8, worker="w3"))) == (2, 1, 0)
    await settle(store, first[0])
    assert len(await claim(store, 8, worker="w2")) == 1


async def test_a_limit_follows_from_the_rows_so_whatever_ends_a_run_frees_its_place(
    store: Store, client: Plain
) -> None:
    await limited(store, "a", 1)
    await flood(store, "a")
    for ending in (Exited(1), Interrupted(), Exited(0)):
        (job,) = await claim(store, 8)
        await settle(store, job, ending)
    (job,) = await claim(store, 8)
    client.do("DELETE FROM jobs WHERE seq = ?", job.seq)
    assert len(await claim(store, 8)) == 1


async def test_a_limit_that_was_lowered_lets_what_runs_go_on(store: Store) -> None:
    await flood(store, "a")
    jobs = await claim(store, 4)
    await limited(store, "a", 2)
    await settle(store, jobs[0])
    assert await claim(store, 8) == []
    await limited(store, "a", None)
    assert len(await claim(store, 8)) == 5


async def test_a_worker_runs_only_what_it_serves_and_no_more_of_it_than_it_may(store: Store) -> None:
    await flood(store, "a", "b", "c")
    assert await in_queues(store, 8, served={"a": 1, "b": None}) == ["a", "b", "b", "b", "b", "b", "b", "b"]
    assert await in_queues(store, 8, served={"a": 1}) == []
    assert [job.queue for job in await claim(store, 1, worker="w2")] == ["a"]
    assert await in_queues(store, 8, served={"d": None}) == []


async def test_a_flood_in_one_queue_does_not_starve_another(store: Store) -> None:
    await flood(store, "flood", count=50)
    await flood(store, "other", count=2)
    assert (await in_queues(store, 4)).count("other") == 2


async def test_a_rate_lets_one_job_start_each_time_and_says_when(store: Store) -> None:
    await rated(store, "a", Rate(30, 60.0))
    await flood(store, "a")
    first = await claims(store)
    assert (len(first.jobs), first.next_run_at) == (1, NOW + 2)
    assert (await claims(store, now=NOW + 1)).jobs == []
    assert len((await claims(store, now=NOW + 2)).jobs) == 1
    assert len((await claims(store, now=NOW + 600)).jobs) == 1
    await rated(store, "a", None)
    assert len((await claims(store, now=NOW + 600)).jobs) == 6


async def test_the_alarm_is_for_what_comes_first_a_token_or_a_job(store: Store) -> None:
    await rated(store, "a", Rate(1, 60.0))
    await flood(store, "a")
    await enqueue(store, new(queue="b", delay=5))
    assert (await claims(store)).next_run_at == NOW + 5
    assert [job.queue for job in (await claims(store, now=NOW + 5)).jobs] == ["b"]
    assert (await claims(store, now=NOW + 6)).next_run_at == NOW + 60


async def test_a_queue_says_what_was_said_of_it_and_is_forgotten_when_all_was_taken_back(
    store: Store, client: Plain
) -> None:
    await limited(store, "a", 3)
    await rated(store, "a", Rate(30, 60.0))
    await paused(store, "a")
    assert await of_queue(store, "a") == QueueRow(name="a", paused=True, limit=3, rate=Rate(30, 60.0))
    await limited(store, "a", None)
    await rated(store, "a", None)
    await paused(store, "a", paused=False)
    assert await store.read(queues.queues) == {}
    assert client.value("SELECT count(*) FROM aqueue_queues") == 0


async def test_the_queues_are_those_with_jobs_and_those_of_which_something_was_said(store: Store) -> None:
    await limited(store, "b", 1)
    await enqueue(store, new(queue="c"), new(queue="a", hold=True))
    assert list(await store.read(queues.queues)) == ["a", "b", "c"]
    assert (await of_queue(store, "a")).counts == {State.SCHEDULED: 1}


async def test_the_oldest_is_the_one_that_is_due_for_longest_whatever_its_priority(store: Store) -> None:
    await enqueue(
        store,
        new(queue="a", priority=9),
        new(queue="a", priority=1, run_at=NOW - 7),
        new(queue="a", priority=1, run_at=NOW - 5),
        new(queue="a", priority=-3, run_at=NOW - 2),
        new(queue="b", run_at=NOW - 1),
        new(queue="c", delay=5),
    )
    assert await store.read(queues.oldest) == {"a": NOW - 7, "b": NOW - 1}


async def test_there_is_no_oldest_where_nothing_waits(store: Store) -> None:
    assert await store.read(queues.oldest) == {}


async def test_the_line_of_a_queue_tells_what_may_be_in_the_way_of_its_jobs(store: Store) -> None:
    await flood(store, "a", count=2)
    await claims(store, 1)
    await limited(store, "a", 1)
    await rated(store, "a", Rate(1, 60.0))
    bucket = Bucket(Rate(1, 60.0), 1.0, NOW)
    assert await store.read(lambda: queues.line_of("a")) == Line(queue="a", limit=1, running=1, bucket=bucket)
    assert await store.read(lambda: queues.line_of("b")) == Line(queue="b")


async def test_a_burst_does_not_wait_for_what_is_paused_nor_for_queues_of_others(store: Store) -> None:
    async def is_worked_off(served: Served | None = None) -> bool:
        return await store.read(lambda: reading.is_worked_off(served))

    await enqueue(store, new(queue="a"))
    assert (await is_worked_off(), await is_worked_off({"a": None}), await is_worked_off({"b": 1})) == (
        False,
        False,
        True,
    )
    await paused(store, "a")
    assert await is_worked_off()
    running: Job = await claimed(store, new(queue="b"))
    await paused(store, "b")
    assert not await is_worked_off()
    await settle(store, running)
    assert await is_worked_off()


async def test_a_burst_waits_for_what_is_blocked_while_another_worker_can_free_it(store: Store, client: Plain) -> None:
    async def is_worked_off(*others: Served | None) -> bool:
        client.do("DELETE FROM aqueue_workers")
        for number, served in enumerate(others):
            client.do(
                "INSERT INTO aqueue_workers VALUES (?, 1, 'host', 1, 0, 1, 'boot', 'pid', NULL, NULL, ?)",
                f"w{number}",
                None if served is None else json.dumps(dict(served)),
            )
        return await store.read(lambda: reading.is_worked_off({"a": None}, lambda worker: worker != "w9"))

    far, near = new(id="far", queue="b"), new(id="near", queue="c", after=["far"])
    await enqueue(store, far, near, new(queue="a", after=["near"]))
    assert [await is_worked_off(*others) for others in ([], [{"c": 1}], [{"a": None}])] == [True, True, True]
    assert [await is_worked_off(None), await is_worked_off({"c": 1}, {"b": 2})] == [False, False]
    await paused(store, "b")
    assert await is_worked_off(None)


async def test_jobs_before_another_are_counted_in_its_own_queue(store: Store) -> None:
    await flood(store, "a", "b", count=3)
    last: Sequence[Job] = await store.read(lambda: reading.find(["6"]))
    assert await store.read(lambda: reading.ahead(last[0])) == 2
