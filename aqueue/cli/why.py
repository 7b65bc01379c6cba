"""`aqueue why`: why a job is not running."""

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.present import show_json
from aqueue.queue import Queue


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
async def why(db: str | None, job_id: str, as_json: bool) -> None:
    """Say in a sentence why a job is not running.

    \b
    Example:
      aqueue why 7
    """
    async with Queue.open(db) as queue:
        reason = await queue.why(job_id)
    if as_json:
        show_json({"id": job_id, "why": reason})
    else:
        print(f"Job {job_id}: {escape(reason)}.")
