"""What the commands that change jobs by hand have in common: ids, all of them or none, and a word on what was done."""

import sys
from collections.abc import Awaitable, Callable, Sequence

import asyncclick as click

from aqueue.cli.present import show_jobs_as_json
from aqueue.model.job import Job
from aqueue.queue import Queue

Act = Callable[[Queue, Sequence[str]], Awaitable[Sequence[Job]]]


def verb(name: str, act: Act, done: str, description: str) -> click.Command:
    """A command that does one thing to the jobs that are named, all or none, and says in words what was done."""

    @click.command(name=name, help=description)
    @click.argument("ids", nargs=-1, required=True, metavar="ID...")
    @click.option("--json", "as_json", is_flag=True, help="Print the jobs as a JSON array.")
    @click.pass_obj
    async def command(db: str | None, ids: Sequence[str], as_json: bool) -> None:
        async with Queue.open(db) as queue:
            jobs = await act(queue, list(dict.fromkeys(ids)))
        if as_json:
            show_jobs_as_json(jobs, one=False)
        else:
            say(done, jobs)

    return command


def say(done: str, jobs: Sequence[Job]) -> None:
    """Say on stderr what was done to which jobs."""
    if len(jobs) == 1:
        print(f"{done} job {jobs[0].id}.", file=sys.stderr)
    else:
        print(f"{done} {len(jobs)} jobs.", file=sys.stderr)
