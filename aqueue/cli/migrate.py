"""`aqueue migrate`: a queue moves to another place."""

import sys

import asyncclick as click

from aqueue.cli import present
from aqueue.cli.narration import counted
from aqueue.store.moving import move


@click.command()
@click.option("--from", "source", required=True, metavar="PATH|URL", help="The queue as it is now.")
@click.option("--to", "target", required=True, metavar="PATH|URL", help="Where it is to be: there it must be empty.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
async def migrate(source: str, target: str, as_json: bool) -> None:
    """Move a queue between a file and PostgreSQL, with its history.

    All of it or nothing. No worker may run on either. The old queue stays as it is: start no worker on it any more, or
    its jobs run twice.

    \b
    Examples:
      aqueue migrate --from queue.db --to postgresql://user@host/db
      aqueue migrate --from postgresql://user@host/db --to queue.db
    """
    moved = await move(source, target)
    if as_json:
        present.show_json({"jobs": moved["jobs"], "runs": moved["aqueue_runs"], "schedules": moved["aqueue_schedules"]})
    else:
        what = f"{counted(moved['jobs'], 'job')} with {counted(moved['aqueue_runs'], 'run')}"
        print(f"Moved {what}. Start no worker on the old queue any more.", file=sys.stderr)
