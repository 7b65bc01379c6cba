"""`aqueue list`: jobs, newest first."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import asyncclick as click

from aqueue.cli.jobrows import SPARE, rows_of
from aqueue.cli.parameters import COUNT
from aqueue.cli.present import show_json, show_json_lines
from aqueue.cli.selecting import filter_options
from aqueue.cli.table import show_table
from aqueue.model.document import job_document
from aqueue.model.job import Job
from aqueue.queue import Filter, Queue

SHOWN_TO_PEOPLE = 50
"""How many jobs a person is shown without --limit; a script gets all."""


@click.command(name="list")
@filter_options()
@click.option("--limit", type=COUNT, metavar="N", help=f"At most N; default: {SHOWN_TO_PEOPLE}, for --json all.")
@click.option("--verbose", is_flag=True, help="All columns.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line.")
@click.pass_obj
async def list_(
    db: str | None, /, limit: int | None, verbose: bool, as_json: bool, as_lines: bool, **which: Any
) -> None:
    """List jobs, newest first.

    \b
    Examples:
      aqueue list --state pending
      aqueue list --search ffmpeg --verbose
      aqueue list --state dead --jsonl | jq -r .id
    """
    for_scripts = as_json or as_lines
    at_most = limit if limit is not None else None if for_scripts else SHOWN_TO_PEOPLE
    async with Queue.open(db) as queue:
        jobs = await queue.list(Filter(**which), limit=at_most if at_most is None else at_most + 1)
        total = (await queue.status()).total
    shown = jobs if at_most is None else jobs[:at_most]
    if as_json:
        show_json([job_document(job) for job in shown])
    elif as_lines:
        show_json_lines(job_document(job) for job in shown)
    else:
        if shown or not jobs:
            show(shown, total=total, verbose=verbose)
        if len(jobs) > len(shown):
            print(_cut(len(shown)), file=sys.stderr)


def _cut(count: int) -> str:
    return f"These are the newest {count}; --limit shows more." if count else "--limit 0 shows no job."


def show(jobs: Sequence[Job], *, total: int, verbose: bool) -> None:
    """A table of jobs, or a word that there is none."""
    if jobs:
        show_table(rows_of(jobs, time.time(), verbose=verbose), spare=() if verbose else (*SPARE, "ERROR"))
    else:
        print("No job matches." if total else "The queue is empty.", file=sys.stderr)
