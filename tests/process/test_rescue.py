"""Workers that are killed, and what becomes of their jobs and of what these left running."""

import contextlib
import os
import signal
import sqlite3
from pathlib import Path

import pytest
from faults.harness import Gate, enqueue, jobs, sleepers, working

from aqueue.queue import Queue

MARK = "4711.1"
"""A duration that nothing else sleeps for."""


async def test_a_job_that_kills_its_worker_ends_dead_and_the_jobs_beside_it_complete(database: Path) -> None:
    (killer,) = await enqueue(database, "kill -9 $PPID", max_retries=2, backoff_base=0.1)
    beside = await enqueue(database, "true", "true", backoff_base=0.05)
    for _ in range(3):
        async with working(database, concurrency=2) as worker:
            assert (await worker.ended())[0] == -signal.SIGKILL
    async with working(database, concurrency=2) as last:
        async with Queue.open(database) as queue:
            await queue.wait(killer, *beside)
        await last.stop()
    found = await jobs(database)
    assert (found[killer]["state"], found[killer]["attempts"]) == ("dead", 3)
    assert found[killer]["error"].startswith("lost: its worker ")
    assert {found[job]["state"] for job in beside} == {"completed"}


async def test_a_living_peer_takes_over_and_the_lost_run_counts_and_backs_off(database: Path) -> None:
    async with working(database) as dying:
        (job,) = await enqueue(database, f"test $AQUEUE_RUN = 2 || sleep {MARK}", backoff_base=0.05)
        await dying.hear("Started", job=job)
        async with working(database) as peer:
            await dying.kill()
            assert (await peer.hear("Settled", job=job))["state"] == "failed"
            settled = await peer.hear("Settled", job=job, run=2)
            assert (settled["state"], settled["attempts"]) == ("completed", 2)
            assert sleepers(MARK) == []
            await peer.stop()


async def test_a_worker_that_is_stopped_is_alive_and_keeps_its_jobs(database: Path, gate: Gate) -> None:
    async with working(database) as sleeping:
        (job,) = await enqueue(database, gate.pass_)
        await sleeping.hear("Started", job=job)
        os.kill(sleeping.pid, signal.SIGSTOP)
        async with working(database) as peer:
            (other,) = await enqueue(database, "true")
            await peer.hear("Settled", job=other)
            assert [told for told in peer.told if told["event"] == "Rescuing"] == []
            await peer.stop()
        os.kill(sleeping.pid, signal.SIGCONT)
        await gate.open()
        assert (await sleeping.hear("Settled", job=job))["attempts"] == 1


@pytest.mark.parametrize(
    "leave",
    [
        "setsid sleep {mark} & sleep {mark}",
        "(setsid sh -c 'sleep {mark} &') ; sleep {mark}",
        "nohup sleep {mark} >/dev/null 2>&1 & sleep {mark}",
        "env -i sleep {mark} & sleep {mark}",
        "trap '' TERM HUP; sleep {mark}",
    ],
    ids=["setsid", "double fork", "nohup", "cleared environment under a living shell", "deaf to signals"],
)
async def test_what_a_lost_run_left_is_gone_before_the_next_run_starts(database: Path, leave: str) -> None:
    mark = f"47{os.getpid()}.2"
    command = f"test $AQUEUE_RUN = 2 || {{ {leave.format(mark=mark)}; }}; ! pgrep -f '^sleep {mark}$'"
    (job,) = await enqueue(database, command, backoff_base=0.05)
    async with working(database) as dying:
        await dying.hear("Started", job=job)
        while len(sleepers(mark)) < leave.count("sleep"):
            os.sched_yield()
        await dying.kill()
    async with working(database) as peer:
        assert (await peer.hear("Settled", job=job, run=2))["state"] == "completed"
        await peer.stop()


async def test_what_a_completed_run_left_behind_on_purpose_outlives_its_worker(database: Path) -> None:
    mark = f"48{os.getpid()}.3"
    async with working(database, concurrency=2) as dying:
        (left,) = await enqueue(
            database,
            f"setsid sh -c 'touch left; exec sleep {mark}' & until test -e left; do :; done",
            cwd=str(database.parent),
        )
        await dying.hear("Settled", job=left)
        (lost,) = await enqueue(database, f"sleep {MARK}", max_retries=0)
        await dying.hear("Started", job=lost)
        await dying.kill()
    try:
        async with working(database) as peer:
            assert (await peer.hear("Settled", job=lost))["state"] == "dead"
            assert len(sleepers(mark)) == 1
            await peer.stop()
    finally:
        for pid in sleepers(mark):
            os.kill(pid, signal.SIGKILL)


async def test_two_peers_rescue_one_dead_worker_and_its_run_is_settled_once(database: Path) -> None:
    (job,) = await enqueue(database, f"sleep {MARK}", max_retries=0)
    async with working(database) as dying:
        await dying.hear("Started", job=job)
        async with working(database) as one, working(database) as other:
            await dying.kill()
            async with Queue.open(database) as queue:
                await queue.wait(job)
            await one.stop()
            await other.stop()
    with contextlib.closing(sqlite3.connect(database)) as rows:
        (ends,) = rows.execute("SELECT count(*) FROM aqueue_events WHERE was = 'processing'").fetchone()
    assert ends == 1


async def test_a_job_that_was_cancelled_and_then_lost_is_cancelled(database: Path) -> None:
    (job,) = await enqueue(database, f"sleep {MARK}")
    async with working(database) as dying:
        await dying.hear("Started", job=job)
        os.kill(dying.pid, signal.SIGSTOP)
        async with Queue.open(database) as queue:
            await queue.cancel(job)
        await dying.kill()
    async with working(database) as peer:
        assert (await peer.hear("Settled", job=job))["state"] == "cancelled"
        await peer.stop()


def _registered(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database)) as rows:
        (count,) = rows.execute("SELECT count(*) FROM aqueue_workers").fetchone()
    return int(count)


async def test_nothing_of_a_dead_worker_stays_in_the_lobby_or_in_the_store(database: Path) -> None:
    async with working(database) as dying:
        await dying.kill()
    async with working(database) as peer, Queue.open(database) as queue:
        async for _ in queue.changes():
            if _registered(database) == 1:
                break
        await peer.stop()
    assert _registered(database) == 0
    assert list(database.with_name("queue.db.d").glob("*.alive")) == []
