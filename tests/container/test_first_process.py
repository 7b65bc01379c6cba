"""A worker as the first process of a container: orphans, signals, and its sudden end."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.harness import enqueue

from aqueue import Queue
from aqueue.engine import reaper
from aqueue.model.job import State

from .harness import becomes, has_no_zombies, worker

LEAVES_AN_ORPHAN = "setsid true & exit $((AQUEUE_JOB_ID % 7))"
SUBREAPER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"


async def _all_end_as_they_did(database: Path, count: int) -> None:
    async with Queue.open(database) as queue:
        jobs = await queue.wait(*map(str, range(1, count + 1)))
        assert [job.exit_code for job in jobs] == [number % 7 for number in range(1, count + 1)]
        assert {job.attempts for job in jobs} == {1}


async def test_a_thousand_jobs_that_each_leave_an_orphan_end_as_they_did_and_leave_no_zombie(
    database: Path, inside: Sequence[str]
) -> None:
    await enqueue(database, *[LEAVES_AN_ORPHAN] * 1000, max_retries=0)
    async with worker(database, "--concurrency", "8", inside=inside) as first:
        await _all_end_as_they_did(database, 1000)
        await has_no_zombies(first.pid)
        first.send(signal.SIGTERM)
        assert await first.ends() == 0


async def test_a_sub_reaper_does_the_same(database: Path) -> None:
    await enqueue(database, *[LEAVES_AN_ORPHAN] * 50, max_retries=0)
    async with worker(database, inside=(sys.executable, "-c", SUBREAPER)) as first:
        await _all_end_as_they_did(database, 50)
        await has_no_zombies(first.pid)
        first.send(signal.SIGTERM)
        assert await first.ends() == 0


def test_children_are_found_by_the_list_and_by_a_search_alike() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as one, subprocess.Popen("true") as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert {one.pid, ended.pid} <= set(reaper._listed())
        assert sorted(reaper._searched()) == sorted(reaper._listed())


async def test_an_orphan_that_ends_long_after_its_job_leaves_no_zombie(
    database: Path, tmp_path: Path, inside: Sequence[str]
) -> None:
    there, gone = tmp_path / "there", tmp_path / "gone"
    await enqueue(
        database, f"setsid sh -c 'touch {there}; sleep 0.3; touch {gone}' & until test -e {there}; do :; done"
    )
    async with worker(database, inside=inside) as first:
        await first.says("completed")
        await becomes(gone.exists)
        await has_no_zombies(first.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_container_that_is_stopped_puts_a_hundred_jobs_back_and_the_next_one_completes_them(
    number: signal.Signals, database: Path, tmp_path: Path, inside: Sequence[str]
) -> None:
    count = 100 if number == signal.SIGTERM else 3
    done = tmp_path / "done"
    await enqueue(database, *[f"test -e {done} || exec sleep 1000"] * count)
    options = ("--concurrency", str(count), "--grace", "0.2s")
    async with worker(database, *options, inside=inside) as first:
        await first.says(" started: test", count)
        first.send(number)
        assert await first.ends() == 0
    async with Queue.open(database) as queue:
        assert {(job.state, job.attempts, job.run) for job in await queue.list()} == {(State.PENDING, 0, 1)}
        done.touch()
        async with worker(database, *options, "--burst", inside=inside) as second:
            assert await second.ends() == 0
        assert {(job.state, job.attempts, job.run) for job in await queue.list()} == {(State.COMPLETED, 1, 2)}


async def test_after_a_kill_of_the_first_process_its_jobs_are_lost_at_once_and_the_others_start_at_once(
    database: Path, inside: Sequence[str]
) -> None:
    await enqueue(database, *["exec sleep 1000"] * 2, max_retries=0, priority=1)
    await enqueue(database, *["true"] * 3)
    async with worker(database, "--concurrency", "2", inside=inside) as first:
        await first.says(" started: exec", 2)
        first.send(signal.SIGKILL)
        assert await first.ends() != 0
    async with worker(database, "--concurrency", "2", inside=inside) as second, Queue.open(database) as queue:
        jobs = await queue.wait("1", "2", "3", "4", "5")
        assert [job.state for job in jobs] == [*[State.DEAD] * 2, *[State.COMPLETED] * 3]
        assert all((job.error or "").startswith("lost: its worker w") for job in jobs[:2])
        assert [worker.pid for worker in await queue.workers()] == [1]
        second.send(signal.SIGTERM)
        assert await second.ends() == 0


async def test_a_command_that_waits_as_the_first_process_ends_by_a_signal_as_elsewhere(
    database: Path, inside: Sequence[str]
) -> None:
    await enqueue(database, "true", "true")
    async with worker(database, "1", what="wait", inside=inside) as first:
        bells = database.with_name("queue.db.d")
        await becomes(lambda: bool(list(bells.glob("*.bell"))))
        first.send(signal.SIGTERM)
        assert await first.ends() == 128 + signal.SIGTERM
