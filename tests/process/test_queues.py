"""Named queues at real workers."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from faults.harness import Gate, Worker, enqueue, jobs, working

from aqueue.model.job import State
from aqueue.model.rate import Rate
from aqueue.queue import Queue

LIMIT = 3
MANY = 2000


def most_at_once(database: Path) -> int:
    """How many runs there were at one moment, as the history has them: each is in it for longer than it really took."""
    with contextlib.closing(sqlite3.connect(database)) as rows:
        runs = rows.execute("SELECT started_at, finished_at FROM aqueue_runs WHERE ending <> 'interrupted'").fetchall()
    moments = sorted([(start, 1) for start, _ in runs] + [(end, -1) for _, end in runs])
    running = most = 0
    for _, change in moments:
        running += change
        most = max(most, running)
    return most


@pytest.mark.long
async def test_a_limit_holds_over_two_workers_also_when_one_is_killed(database: Path) -> None:
    await enqueue(database, *["true"] * MANY, queue="a", backoff_base=0.001)
    async with Queue.open(database) as queue:
        await queue.limit_queue("a", LIMIT)
    async with working(database, concurrency=4) as dying:
        await _settles(dying, MANY // 8)
        async with working(database, concurrency=4, burst=True) as other:
            await _settles(dying, MANY // 8)  # they take the free places from each other
            await dying.kill()
            await _settles(other, MANY // 2)
            assert await other.ended() == (0, "")
    assert {job["state"] for job in (await jobs(database)).values()} == {"completed"}
    assert most_at_once(database) == LIMIT


async def _settles(worker: Worker, count: int) -> None:
    for _ in range(count):
        await worker.hear("Settled")


async def test_jobs_of_a_queue_that_is_paused_wait_and_go_on_when_it_is_resumed(database: Path, gate: Gate) -> None:
    async with working(database, concurrency=2) as worker, Queue.open(database) as queue:
        (running,) = await enqueue(database, gate.pass_, queue="a")
        await worker.hear("Started", job=running)
        await queue.pause_queue("a")
        (waiting,) = await enqueue(database, "true", queue="a")
        (other,) = await enqueue(database, "true")
        await queue.wait(other)
        assert (await queue.get(waiting)).state is State.PENDING
        await gate.open()
        await queue.wait(running)
        assert (await queue.get(waiting)).state is State.PENDING
        await queue.resume_queue("a")
        await queue.wait(waiting)
        await worker.stop()


async def test_what_was_claimed_ahead_of_a_queue_does_not_start_across_its_pause(database: Path) -> None:
    ids = await enqueue(database, *["true"] * MANY, queue="a")
    async with working(database, concurrency=2) as worker, Queue.open(database) as queue:
        await worker.hear("Settled", job=ids[200])
        await queue.pause_queue("a")
        async for _ in queue.changes():
            if not (await queue.status()).counts[State.PROCESSING]:
                break
        seen = await jobs(database)
        assert {(job["state"], job["attempts"]) for job in seen.values()} == {("completed", 1), ("pending", 0)}
        await worker.stop()


async def test_a_rate_is_kept_by_the_alarm(database: Path) -> None:
    ids = await enqueue(database, *["true"] * 5, queue="a")
    async with Queue.open(database) as queue:
        await queue.rate_queue("a", Rate(20, 1.0))
        async with working(database, concurrency=4) as worker:
            await queue.wait(*ids)
            await worker.stop()
        started = [job.started_at or 0.0 for job in await queue.find(ids)]
    assert max(started) - min(started) > 3 * 0.05


async def test_a_worker_of_one_queue_leaves_the_others_alone(database: Path) -> None:
    (mine,) = await enqueue(database, "true", queue="a")
    (other,) = await enqueue(database, "true", queue="b")
    async with working(database, queues={"a": 1}, burst=True) as worker:
        assert await worker.ended() == (0, "")
    seen = await jobs(database)
    assert (seen[mine]["state"], seen[other]["state"]) == ("completed", "pending")
