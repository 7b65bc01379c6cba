"""`aqueue dlq`: the dead letter queue, which is the jobs in the state `dead`."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import asyncclick as click

from aqueue.cli.jobrows import SPARE, rows_of
from aqueue.cli.present import show_jobs_as_json, show_json_lines
from aqueue.cli.remove import REMOVING
from aqueue.cli.retry import RETRYING
from aqueue.cli.table import show_table
from aqueue.cli.verbs import verb
from aqueue.model.document import job_document
from aqueue.model.errors import WrongState
from aqueue.model.job import Job, State
from aqueue.queue import Filter, Queue

DEAD = Filter(state=State.DEAD)

EMPTY = "The dead letter queue is empty."


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
        print(EMPTY, file=sys.stderr)


def _without_state(row: Mapping[str, str]) -> Mapping[str, str]:
    return {name: text for name, text in row.items() if name != "STATE"}


async def _dead_only(queue: Queue, ids: Sequence[str]) -> None:
    for job in await queue.find(ids):
        if job.state is not State.DEAD:
            raise WrongState(f"job {job.id} is {job.state}, and not in the dead letter queue")


async def _retry(queue: Queue, *ids: str, dry_run: bool) -> Sequence[Job]:
    await _dead_only(queue, ids)
    return await queue.retry(*ids, dry_run=dry_run)


async def _remove(queue: Queue, *ids: str, dry_run: bool) -> Sequence[Job]:
    await _dead_only(queue, ids)
    return await queue.remove(*ids, dry_run=dry_run)


dlq.add_command(
    verb(
        replace(RETRYING, by_id=_retry, none=EMPTY),
        """Give dead jobs a fresh set of attempts; they are due now.

Either all that are named are changed, or none.

\b
Examples:
  aqueue dlq retry job1
  aqueue dlq retry --all
  aqueue dlq retry --tag nightly
""",
        of_all="All that are dead",
        state=State.DEAD,
    )
)

dlq.add_command(
    verb(
        replace(REMOVING, by_id=_remove, none=EMPTY),
        """Delete dead jobs with their history.

Either all that are named are deleted, or none. Before more than 100 are removed, a question is asked; scripts give
--yes.

\b
Example:
  aqueue dlq remove job1
""",
        of_all="All that are dead",
        state=State.DEAD,
    )
)
