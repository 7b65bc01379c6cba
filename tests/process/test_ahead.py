"""Short jobs are claimed before a slot is free for them, and nobody can tell."""

import contextlib
import itertools
import os
import signal
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faults.harness import Gate, enqueue, jobs, working
from model.builders import a_job

from aqueue.engine.ahead import SHORT, Ahead
from aqueue.model.job import State
from aqueue.queue import Queue

MANY = 300


def history(database: Path) -> Sequence[Any]:
    with contextlib.closing(sqlite3.connect(database)) as rows:
        return rows.execute("SELECT slot, started_at, finished_at, job, error, ending FROM aqueue_runs").fetchall()


async def test_the_history_of_short_jobs_has_each_slot_run_one_at_a_time(database: Path) -> None:
    await enqueue(database, *["true"] * MANY)
    async with working(database, concurrency=3, burst=True) as worker:
        assert await worker.ended() == (0, "")
    runs = [run for run in history(database) if run[-1] != "interrupted"]  # on a busy machine some are put back
    assert len(runs) == MANY
    for _, of_a_slot in itertools.groupby(sorted(runs), key=lambda run: run[0]):
        for (_, _, finished, *_), (_, started, *_) in itertools.pairwise(of_a_slot):
            assert finished <= started


async def test_what_was_claimed_ahead_of_a_long_job_is_put_back_uncounted(database: Path, tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    before = await enqueue(database, *["true"] * 60)
    (long,) = await enqueue(database, gate.pass_)
    after = await enqueue(database, *["true"] * 20)
    async with working(database) as worker, Queue.open(database) as queue:
        await worker.hear("Started", job=long)
        async for _ in queue.changes():
            status = await queue.status()
            if (status.counts[State.PROCESSING], status.counts[State.PENDING]) == (1, len(after)):
                break
        await gate.open()
        await queue.wait(*after)
        await worker.stop()
    done = await jobs(database)
    assert {(done[one]["state"], done[one]["attempts"]) for one in [*before, long, *after]} == {("completed", 1)}
    put_back = [run for run in history(database) if run[-1] == "interrupted"]
    assert put_back
    assert {error for *_, error, _ in put_back} == {"put back before it began"}
    assert all(started == finished for _, started, finished, *_ in put_back)


async def test_a_job_that_was_claimed_ahead_and_lasts_is_shown_where_it_runs(database: Path, tmp_path: Path) -> None:
    gates = [Gate(tmp_path / "one"), Gate(tmp_path / "other")]
    await enqueue(database, *["true"] * 100)
    lasting = await enqueue(database, *[gate.pass_ for gate in gates])
    async with working(database, concurrency=2) as worker, Queue.open(database) as queue:
        for job in lasting:
            await worker.hear("Started", job=job)
        async for _ in queue.changes():
            if {job.slot for job in await queue.find(lasting)} == {0, 1}:
                break
        for gate in gates:
            await gate.open()
        await queue.wait(*lasting)
        await worker.stop()


async def test_a_drain_puts_back_what_was_claimed_ahead(database: Path) -> None:
    ids = await enqueue(database, *["true"] * 3000)
    async with working(database, concurrency=2) as worker:
        await worker.hear("Settled", job=ids[200])
        os.kill(worker.pid, signal.SIGTERM)
        assert await worker.ended() == (0, "")
    seen = await jobs(database)
    assert {(job["state"], job["attempts"]) for job in seen.values()} == {("completed", 1), ("pending", 0)}


def test_a_slot_takes_the_first_of_the_highest_priority() -> None:
    ahead = Ahead()
    for seq, priority in enumerate((0, 5, 0, 5, 9)):
        ahead.add(a_job(seq=seq, priority=priority), now=0.0)
    assert [job.seq for job in iter(ahead.take, None)] == [4, 1, 3, 0, 2]


def test_what_waits_too_long_is_given_back_wherever_it_stands() -> None:
    ahead = Ahead()
    ahead.add(a_job(seq=1, priority=0), now=0.0)
    ahead.add(a_job(seq=2, priority=5), now=SHORT)
    assert [job.seq for job in ahead.stale(SHORT)] == [1]
    assert [job.seq for job in iter(ahead.take, None)] == [2]
