"""`aqueue check`: is the queue sound, and its place safe?"""

import json

import asyncclick as click

from aqueue.queue import Queue
from aqueue.store.finding import Verdict


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_context
async def check(ctx: click.Context, as_json: bool) -> None:
    """Examine the file, its place, its counts and its settings.

    Exits 1 if anything is bad; a warning is none. Nothing is changed.

    \b
    Example:
      aqueue check
    """
    async with Queue.open(ctx.obj) as queue:
        findings = await queue.examine()
    if as_json:
        document = [{"what": one.what, "verdict": one.verdict, "seen": one.seen} for one in findings]
        click.echo(json.dumps(document, indent=2))
    else:
        for one in findings:
            click.echo(f"{one.verdict:<8} {one.what:<13} {one.seen}")
    if any(one.verdict is Verdict.BAD for one in findings):
        raise click.exceptions.Exit(1)
