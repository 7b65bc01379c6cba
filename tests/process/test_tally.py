"""What a worker counts of itself, with a real one that works a queue off."""

import asyncio
from pathlib import Path

import pytest

from aqueue import Queue
from aqueue.engine.node import Node, Options
from aqueue.engine.tally import RINGS_WITHIN, Bell, Histogram
from aqueue.model.job import State
from aqueue.store import open_store

PATIENCE = 30.0
"""Seconds until a test gives up on what it waits for."""


def test_a_histogram_counts_up_to_and_with_each_bound() -> None:
    histogram = Histogram((1.0, 10.0))
    for value in (0.5, 1.0, 1.5, 11.0):
        histogram.add(value)
    assert list(histogram.cumulative()) == [(1.0, 2), (10.0, 3), (float("inf"), 4)]
    assert histogram.sum == 14.0


@pytest.mark.parametrize(
    ("heard", "misses"),
    [
        ([("ring", 0.0), ("find", 0.001)], 0),
        ([("find", 0.0), ("ring", 0.001)], 0),
        ([("find", 0.0), ("find", 0.1), ("ring", 0.2), ("find", 0.3)], 0),
        ([("find", 0.0)], 1),
        ([("find", 0.0), ("find", 0.5)], 1),
        ([("find", 0.0), ("find", 2.0), ("find", 4.0)], 3),
        ([("find", 0.0), ("ring", 5.0), ("find", 5.1)], 1),
        ([("ring", 0.0), ("find", 5.0)], 1),
    ],
)
def test_the_bell_was_missed_where_no_ring_came_near_what_was_found(
    heard: list[tuple[str, float]], misses: int
) -> None:
    bell = Bell()
    seen = 0
    for what, at in heard:
        bell.ring(at) if what == "ring" else bell.find(at)
        assert bell.misses(at) >= seen, "a counter never goes back"
        seen = bell.misses(at)
    assert bell.misses(heard[-1][1] + 2 * RINGS_WITHIN) == misses
    assert bell.rings == sum(what == "ring" for what, _ in heard)


async def test_a_worker_counts_its_runs_and_what_the_store_took(tmp_path: Path) -> None:
    database = tmp_path / "queue.db"
    async with Queue.open(database) as queue:
        await queue.enqueue("true")
        await queue.enqueue("exit 3", max_retries=1, backoff_base=0.01)
        await queue.enqueue("sleep 60", timeout=0.01, max_retries=0)
    store = await open_store(str(database), worker=True)
    try:
        node = Node(store, Options(concurrency=2, burst=True), lambda event: node.tally.hear(event))
        await asyncio.wait_for(node.run(), PATIENCE)
    finally:
        await store.close()
    tally = node.tally
    assert dict(tally.runs) == {
        ("exited", State.COMPLETED): 1,
        ("exited", State.FAILED): 1,
        ("exited", State.DEAD): 1,
        ("timed out", State.DEAD): 1,
    }
    assert [list(histogram.cumulative())[-1][1] for histogram in (tally.durations, tally.waits)] == [4, 4]
    assert tally.batches.sum == 8, "four claims and four ends"
    assert tally.claims > tally.empty_claims > 0
    assert node.running == 0


async def test_a_ring_is_counted(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "queue.db"), worker=True)
    try:
        node = Node(store, Options(), lambda _: None)
        working = asyncio.create_task(node.run())
        async with Queue.open(store.url) as queue:
            job = await queue.enqueue("true")
            await asyncio.wait_for(queue.wait(job.id), PATIENCE)
        node.drain()
        await working
    finally:
        await store.close()
    assert node.tally.bell.rings >= 1
