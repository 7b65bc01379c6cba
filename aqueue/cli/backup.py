"""`aqueue backup`: a copy of the live queue."""

from pathlib import Path

import asyncclick as click

from aqueue.queue import Queue


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_context
async def backup(ctx: click.Context, path: Path) -> None:
    """Copy the queue to PATH while it goes on being used.

    The copy is one whole file, as the queue was at one moment. PATH must not exist.

    \b
    Example:
      aqueue backup "queue-$(date +%F).db"
    """
    async with Queue.open(ctx.obj) as queue:
        await queue.backup(path)
    click.echo(f"Copied the queue to {path}", err=True)
