"""Waiting for jobs as a script does: with an exit code that says how it ended."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.progress import shown
from aqueue.model.errors import CannotFinish
from aqueue.model.job import Job, Run, State
from aqueue.model.selection import Filter
from aqueue.queue import Ended, Queue

ALL_IS_WELL = 0
NOT_COMPLETED = 1
TIMED_OUT = 124
_CODES = {"timed out": TIMED_OUT, "cancelled": 125, "not started": 126, "lost": 1}

MOST_TOLD = 20
"""Of how many jobs that did not end well it is told how each ended."""


def exit_with(code: int) -> NoReturn:
    """End the command with this exit code."""
    raise click.exceptions.Exit(code)


async def followed(queue: Queue, ids: Sequence[str], *, show_output: bool) -> int:
    """Wait for new jobs, or show the output of the only one; returns the exit code."""
    if not show_output:
        return await of(queue, ids)
    from aqueue.cli.following import Printer, follow

    await follow(queue, ids[0], Printer(), 1)
    return await _code_of(queue, await queue.wait(*ids))


async def of(queue: Queue, ids: Sequence[str], *, timeout: float | None = None) -> int:
    """Wait for these jobs, and say how those ended that did not end well; returns the exit code."""
    if (myself := _own_job(queue)) in ids:
        raise CannotFinish(f"job {myself} is the one that waits here")
    with _shown() as look:
        jobs = await queue.wait(*ids, timeout=timeout, progress=look)
    bad = [job for job in jobs if job.state is not State.COMPLETED]
    _tell(bad[:MOST_TOLD], len(bad))
    return await _code_of(queue, jobs)


async def of_all(queue: Queue, matching: Filter, *, timeout: float | None) -> int:
    """Wait for all that match, as far as they are not the job in which we run; returns the exit code."""
    myself = _own_job(queue)
    with _shown() as look:
        ended = await queue.select(matching).wait(
            timeout=timeout, progress=look, examples=MOST_TOLD, but=[] if myself is None else [myself]
        )
    if not ended.total:
        print("There is nothing to wait for.", file=sys.stderr)
    if ended.removed:
        print(f"{ended.removed} of the jobs were removed meanwhile.", file=sys.stderr)
    _tell(ended.examples, ended.failed - ended.removed)
    return NOT_COMPLETED if ended.failed else ALL_IS_WELL


def _own_job(queue: Queue) -> str | None:
    """The job in which this command runs, if it is one of this queue: it cannot end while it is waited for."""
    return os.environ.get("AQUEUE_JOB_ID") if os.environ.get("AQUEUE_DB") == queue.url else None


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[Ended], None]]:
    with shown("Waiting") as bar:

        def look(ended: Ended) -> None:
            if ended.total > 1:
                bar.show(ended.done, failed=ended.failed, total=ended.total)

        yield look


async def _code_of(queue: Queue, jobs: Sequence[Job]) -> int:
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


def _tell(bad: Sequence[Job], count: int) -> None:
    """Say on stderr how jobs ended that did not end well, the first of so many."""
    for job in bad:
        print(f"job {job.id} is {job.state}: {escape(job.error or '')}", file=sys.stderr)
    if count > len(bad):
        print(f"... and {count - len(bad)} more did not complete", file=sys.stderr)
