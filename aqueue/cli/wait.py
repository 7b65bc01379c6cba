"""`aqueue wait`: wait until jobs are finished."""

import sys
from collections.abc import Sequence

import asyncclick as click

from aqueue.cli.ends import TIMED_OUT, code_of, exit_with, tell
from aqueue.cli.parameters import DURATION
from aqueue.model.job import FINISHED
from aqueue.queue import Filter, Queue


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "all_of_them", is_flag=True, help="Wait for all that are not finished now.")
@click.option("--timeout", type=DURATION, metavar="DUR", help="Wait at most so long; then exit with 124.")
@click.pass_obj
async def wait(db: str | None, ids: Sequence[str], all_of_them: bool, timeout: float | None) -> None:
    """Wait until jobs are finished.

    For one job the exit code is its own: 128+n if signal n killed it, 124 timed out, 125 cancelled, 126 could not
    start, 1 lost. For several it is 0 if all completed, else 1.

    \b
    Examples:
      aqueue wait 7 && echo done
      aqueue wait --all --timeout 1h
    """
    if bool(ids) is all_of_them:
        raise click.UsageError("give either ids or --all")
    async with Queue.open(db) as queue:
        wanted = await _unfinished(queue) if all_of_them else list(dict.fromkeys(ids))
        try:
            jobs = await queue.wait(*wanted, timeout=timeout) if wanted else []
        except TimeoutError:
            print("Not finished in time.", file=sys.stderr)
            exit_with(TIMED_OUT)
        for job in jobs:
            tell(job)
        exit_with(await code_of(queue, jobs))


async def _unfinished(queue: Queue) -> Sequence[str]:
    return [job.id for job in await queue.list(Filter()) if job.state not in FINISHED]
