"""`aqueue wait`: wait until jobs are finished."""

import sys
from collections.abc import Sequence
from typing import Any

import asyncclick as click

from aqueue.cli import ends
from aqueue.cli.parameters import DURATION
from aqueue.cli.selecting import Chosen, all_option, filter_options
from aqueue.model.selection import Filter
from aqueue.queue import Queue


@click.command()
@click.argument("ids", nargs=-1, metavar="ID... | [FILTER]...")
@all_option("All that are not finished now")
@filter_options()
@click.option("--timeout", type=DURATION, metavar="DUR", help="Wait at most so long; then exit with 124.")
@click.pass_obj
async def wait(db: str | None, /, ids: Sequence[str], all_of_them: bool, timeout: float | None, **which: Any) -> None:
    """Wait until jobs are finished.

    For one job the exit code is its own: 128+n if signal n killed it, 124 timed out, 125 cancelled, 126 could not
    start, 1 lost. For several, and for a selection, it is 0 if all completed, else 1. Of a selection, those are waited
    for that are there at the beginning.

    \b
    Examples:
      aqueue wait 7 && echo done
      aqueue wait --all --timeout 1h
      aqueue wait --tag nightly
    """
    chosen = Chosen.of(ids, all_of_them=all_of_them, matching=Filter(**which))
    async with Queue.open(db) as queue:
        try:
            code = await _waited(queue, chosen, timeout)
        except TimeoutError:
            print("Not finished in time.", file=sys.stderr)
            code = ends.TIMED_OUT
    ends.exit_with(code)


async def _waited(queue: Queue, chosen: Chosen, timeout: float | None) -> int:
    if chosen.matching is None:
        return await ends.of(queue, chosen.ids, timeout=timeout)
    return await ends.of_all(queue, chosen.matching, timeout=timeout)
