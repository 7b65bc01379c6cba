"""What a job may say about its own failures, run by a real worker: the same by flags, in JSON and in Python."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from faults.harness import run_aqueue, working

from aqueue.model.job import Job
from aqueue.queue import Queue

Way: TypeAlias = Callable[[Path, str, Mapping[str, Any]], Awaitable[None]]


async def by_flags(database: Path, command: str, options: Mapping[str, Any]) -> None:
    words = []
    for key, value in options.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        words += [f"--{key.replace('_', '-')}"] if value is True else [f"--{key.replace('_', '-')}", text]
    code, _, err = await run_aqueue(database, "enqueue", *words, command)
    assert (code, err) == (0, "")


async def by_json(database: Path, command: str, options: Mapping[str, Any]) -> None:
    code, _, err = await run_aqueue(database, "enqueue", json.dumps({"command": command, **options}))
    assert (code, err) == (0, "")


async def by_python(database: Path, command: str, options: Mapping[str, Any]) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue(command, **options)


async def by_an_edit(database: Path, command: str, options: Mapping[str, Any]) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue("exit 99", hold=True)
        await queue.edit("1", command=command, **options)
        if not options.get("hold"):
            await queue.release("1")


WAYS = pytest.mark.parametrize("way", [by_flags, by_json, by_python, by_an_edit])


async def worked_off(database: Path) -> tuple[Job, list[tuple[int, int, int | None]]]:
    """The job when nothing is left to do, and its runs: number, attempt, exit code."""
    async with working(database, burst=True) as worker:
        assert await worker.ended() == (0, "")
    async with Queue.open(database) as queue:
        job = await queue.get("1")
        return job, [(run.run, run.attempt, run.exit_code) for run in await queue.runs(job)]


@WAYS
async def test_what_must_not_be_retried_is_dead_at_once(database: Path, way: Way) -> None:
    await way(database, "exit 64", {"no_retry_on": [2, 64], "backoff_base": 0.01})
    job, runs = await worked_off(database)
    assert (job.state, job.error) == ("dead", "exit code 64")
    assert runs == [(1, 1, 64)]


@WAYS
async def test_not_now_is_tried_again_without_counting(database: Path, way: Way) -> None:
    command = "test $AQUEUE_RUN = 4 && exit; test $AQUEUE_RETRIES_LEFT = 0 || exit 1; exit 75"
    await way(database, command, {"defer_on": [75], "max_retries": 0, "backoff_base": 0.01})
    job, runs = await worked_off(database)
    assert (job.state, job.attempts) == ("completed", 1)
    assert runs == [(1, 1, 75), (2, 1, 75), (3, 1, 75), (4, 1, 0)]


@WAYS
async def test_not_now_comes_before_never_again(database: Path, way: Way) -> None:
    await way(
        database, "test $AQUEUE_RUN = 2 || exit 75", {"defer_on": [75], "no_retry_on": [75], "backoff_base": 0.01}
    )
    job, runs = await worked_off(database)
    assert (job.state, len(runs)) == ("completed", 2)


@WAYS
async def test_a_job_has_its_own_backoff(database: Path, way: Way) -> None:
    await way(database, "false", {"backoff_base": 300, "backoff_max": "0.01s", "max_retries": 2})
    job, runs = await worked_off(database)
    assert (job.state, job.backoff_base, job.backoff_max) == ("dead", 300, 0.01)
    assert runs == [(1, 1, 1), (2, 2, 1), (3, 3, 1)]


@WAYS
async def test_what_is_held_does_not_run_and_keeps_no_burst_waiting(database: Path, way: Way) -> None:
    await way(database, "true", {"hold": True})
    job, runs = await worked_off(database)
    assert (job.held, runs) == (True, [])
    await run_aqueue(database, "release", "1")
    job, runs = await worked_off(database)
    assert (job.state, runs) == ("completed", [(1, 1, 0)])


async def test_a_failed_job_that_is_held_keeps_its_attempts(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.enqueue("false", max_retries=1, backoff_base=1000, backoff_max=1000)
        async with working(database) as worker:
            await worker.hear("Settled", job="1", state="failed")
            await queue.hold("1")
            await queue.release("1")
            await worker.hear("Settled", job="1", state="dead")
            await worker.stop()
        assert [(run.run, run.attempt) for run in await queue.runs(await queue.get("1"))] == [(1, 1), (2, 2)]


async def test_waits_are_spread_as_configured(database: Path) -> None:
    async with Queue.open(database) as queue:
        await queue.set_setting("backoff_jitter", "0.5")
        ids = [(await queue.enqueue("false", backoff_base=1000, backoff_max=1000)).id for _ in range(12)]
        async with working(database, concurrency=4) as worker:
            for job_id in ids:
                await worker.hear("Settled", job=job_id, state="failed")
            await worker.stop()
        waits = []
        for job in await queue.find(ids):
            (run,) = await queue.runs(job)
            assert job.run_at is not None
            assert run.finished_at is not None
            waits.append(job.run_at - run.finished_at)
    assert all(499 < wait < 1501 for wait in waits)
    assert len(set(waits)) == len(ids)
