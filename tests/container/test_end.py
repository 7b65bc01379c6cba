"""The end of a worker is bounded, whatever its jobs do."""

import asyncio
import signal
from pathlib import Path

from faults.harness import Gate, enqueue, sleepers

from aqueue import Queue
from aqueue.model.job import State

from .harness import worker


async def test_five_hundred_jobs_that_ignore_TERM_are_gone_and_put_back_when_the_grace_is_over(  # noqa: N802
    database: Path,
) -> None:
    mark = "4712.5"
    await enqueue(database, *[f"trap '' TERM; while :; do sleep {mark}; done"] * 500)
    async with worker(database, "--concurrency", "500", "--grace", "0.1s") as deaf:
        await deaf.says(" started: trap", 500)
        deaf.send(signal.SIGTERM)
        assert await deaf.ends() == 0
    assert sleepers(mark) == []
    async with Queue.open(database) as queue:
        assert {(job.state, job.attempts) for job in await queue.list()} == {(State.PENDING, 0)}


async def test_what_a_shell_has_left_and_what_ignores_TERM_does_not_hold_up_the_end(  # noqa: N802
    database: Path, tmp_path: Path
) -> None:
    ready, told = Gate(tmp_path / "ready"), Gate(tmp_path / "told")
    left = f'trap "echo > {told.path}" TERM; echo > {ready.path}; while :; do sleep 1000 & wait; done'
    await enqueue(database, f"sh -c '{left}' & cat {ready.path}; exit 3", max_retries=0)
    async with worker(database, "--grace", "0.1s", variables={"AQUEUE_KILL_AFTER": "1h"}) as draining:
        await asyncio.to_thread(told.path.read_text)  # its shell has ended, and it was told to follow
        draining.send(signal.SIGTERM)
        assert await draining.ends() == 0
    async with Queue.open(database) as queue:
        job = await queue.get("1")
    assert (job.state, job.exit_code) == (State.DEAD, 3)
