"""Waiting for jobs as a script does: with an exit code that says how it ended."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import asyncclick as click

from aqueue.model.job import Job, Run, State
from aqueue.queue import Queue

ALL_IS_WELL = 0
NOT_COMPLETED = 1
TIMED_OUT = 124
_CODES = {"timed out": TIMED_OUT, "cancelled": 125, "not started": 126, "lost": 1}


def exit_with(code: int) -> NoReturn:
    """End the command with this exit code."""
    raise click.exceptions.Exit(code)


async def followed(queue: Queue, ids: Sequence[str], *, show_output: bool) -> int:
    """Wait for new jobs, or show the output of the only one; returns the exit code."""
    if show_output:
        from aqueue.cli.following import follow

        await follow(queue, ids[0])
    jobs = await queue.wait(*ids)
    if not show_output:
        for job in jobs:
            tell(job)
    return await code_of(queue, jobs)


async def code_of(queue: Queue, jobs: Sequence[Job]) -> int:
    """The exit code that stands for finished jobs: of one its own, of several whether all completed."""
    if len(jobs) == 1:
        (job,) = jobs
        return _code_of_one(job, await queue.runs(job))
    return ALL_IS_WELL if all(job.state is State.COMPLETED for job in jobs) else NOT_COMPLETED


def _code_of_one(job: Job, runs: Sequence[Run]) -> int:
    if job.state is State.COMPLETED:
        return ALL_IS_WELL
    if job.state is State.CANCELLED or not runs:
        return _CODES["cancelled"]
    last = runs[-1]
    if last.signal is not None:
        return 128 + last.signal
    return last.exit_code if last.exit_code is not None else _CODES.get(last.ending or "", NOT_COMPLETED)


def tell(job: Job) -> None:
    """Say on stderr how a job ended, if not well."""
    if job.state is not State.COMPLETED:
        from aqueue.cli.escape import escape

        print(f"job {job.id} is {job.state}: {escape(job.error or '')}", file=sys.stderr)
