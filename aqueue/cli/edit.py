"""`aqueue edit`: change a job that does not run."""

import sys
from typing import Any

import asyncclick as click

from aqueue.cli.joboptions import job_options, keys_of
from aqueue.queue import Queue


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--command", metavar="COMMAND", help="Another command.")
@click.option("--hold", is_flag=True, help="Do not run it before `aqueue release`.")
@job_options
@click.pass_obj
async def edit(db: str | None, /, job_id: str, **given: Any) -> None:
    """Change the command or the options of a job that does not run; what is not named stays.

    `none` takes off what it has of its own: its timeout, its backoff, its codes.

    \b
    Examples:
      aqueue edit 7 --priority 10
      aqueue edit 7 --command "make -j1" --timeout none && aqueue retry 7
    """
    changes = keys_of({**given, "hold": given["hold"] or None})
    if not changes:
        raise click.UsageError("say what to change; --help lists the options")
    async with Queue.open(db) as queue:
        await queue.edit(job_id, **changes)
    print(f"Changed {', '.join(changes)} of job {job_id}.", file=sys.stderr)
