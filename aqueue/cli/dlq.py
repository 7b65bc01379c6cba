"""`aqueue dlq`: the dead letter queue, which is the jobs in the state `dead`."""

import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncclick as click

from aqueue.cli.jobrows import SPARE, rows_of
from aqueue.cli.present import show_jobs_as_json, show_json_lines
from aqueue.cli.table import show_table
from aqueue.cli.verbs import say
from aqueue.model.document import job_document
from aqueue.model.errors import WrongState
from aqueue.model.job import Job, State
from aqueue.queue import Filter, Queue

DEAD = Filter(state=State.DEAD)


@click.group()
async def dlq() -> None:
    """Look after the jobs that were given up.

    \b
    Examples:
      aqueue dlq list
      aqueue dlq retry job1
      aqueue dlq remove --all
    """


@dlq.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line.")
@click.pass_obj
async def list_(db: str | None, as_json: bool, as_lines: bool) -> None:
    """List the dead jobs, newest first, with the reason of each.

    \b
    Example:
      aqueue dlq list --json
    """
    async with Queue.open(db) as queue:
        jobs = await queue.list(DEAD)
    if as_json:
        show_jobs_as_json(jobs, one=False)
    elif as_lines:
        show_json_lines(job_document(job) for job in jobs)
    elif jobs:
        show_table([_without_state(row) for row in rows_of(jobs, time.time(), verbose=False)], spare=SPARE)
    else:
        print("The dead letter queue is empty.", file=sys.stderr)


def _without_state(row: Mapping[str, str]) -> Mapping[str, str]:
    return {name: text for name, text in row.items() if name != "STATE"}


@dlq.command("retry")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "all_of_them", is_flag=True, help="All that are dead.")
@click.pass_obj
async def retry(db: str | None, ids: Sequence[str], all_of_them: bool) -> None:
    """Give dead jobs a fresh set of attempts.

    They are due now. Either all that are named are changed, or none.

    \b
    Examples:
      aqueue dlq retry job1
      aqueue dlq retry --all
    """
    await _act(db, ids, all_of_them, lambda queue, chosen: queue.retry(*chosen), "Retrying")


@dlq.command("remove")
@click.argument("ids", nargs=-1, metavar="ID...")
@click.option("--all", "all_of_them", is_flag=True, help="All that are dead.")
@click.pass_obj
async def remove(db: str | None, ids: Sequence[str], all_of_them: bool) -> None:
    """Delete dead jobs with their history.

    Either all that are named are deleted, or none.

    \b
    Example:
      aqueue dlq remove job1
    """
    await _act(db, ids, all_of_them, lambda queue, chosen: queue.remove(*chosen), "Removed")


async def _act(
    db: str | None,
    ids: Sequence[str],
    all_of_them: bool,
    act: Callable[[Queue, Sequence[str]], Awaitable[Sequence[Job]]],
    done: str,
) -> None:
    if bool(ids) is all_of_them:
        raise click.UsageError("give either ids or --all")
    async with Queue.open(db) as queue:
        dead = await queue.list(DEAD) if all_of_them else await queue.find(ids)
        for job in dead:
            if job.state is not State.DEAD:
                raise WrongState(f"job {job.id} is {job.state}, and not in the dead letter queue")
        if dead:
            say(done, await act(queue, [job.id for job in dead]))
        else:
            print("The dead letter queue is empty.", file=sys.stderr)
