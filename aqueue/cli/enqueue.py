"""`aqueue enqueue`: add jobs."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import asyncclick as click

from aqueue.cli.besides import tell
from aqueue.cli.joboptions import TakesACommand, job_options, keys_of
from aqueue.cli.newjobs import NewJobs
from aqueue.cli.progress import Bar, shown
from aqueue.cli.sources import interruptible, source
from aqueue.model.document import job_document
from aqueue.model.errors import InvalidInput
from aqueue.model.ids import Ids
from aqueue.model.newjob import Alike, NewJob, OfKinds, check
from aqueue.model.unique import Enqueued
from aqueue.queue import Queue
from aqueue.store.batch import Batch
from aqueue.store.opening import folder_of

SHOWN_AFTER = 1000
"""How many jobs that come one by one are read before a terminal is told of them."""


@click.command(cls=TakesACommand)
@click.argument("words", nargs=-1, metavar="COMMAND | JSON | - | TEMPLATE")
@click.option("--file", "path", metavar="PATH", help="Read a JSON object, array or JSON Lines; - for stdin.")
@click.option("--each", metavar="PATH", help="A job for each line of a file, by a template; - for stdin.")
@click.option("--id", metavar="ID", help="An id of your own; default: the next number.")
@click.option("--hold", is_flag=True, help="Do not run it before `aqueue release`.")
@job_options
@click.option("--wait", "wait", is_flag=True, help="Wait for its end, and exit with its code.")
@click.option("--follow", is_flag=True, help="Print what it prints, and exit with its code.")
@click.option("--json", "as_json", is_flag=True, help="Print the job instead of its id.")
@click.pass_obj
async def enqueue(
    db: str | None,
    /,
    words: Sequence[str],
    path: str | None,
    each: str | None,
    wait: bool,
    follow: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Add a job: a shell command line, or a job as JSON. Its id goes to stdout, alone.

    Several words are one command. Options may follow the command; after `--` every word is the command's own. With `-`,
    each line of stdin is a command or a JSON object; either all of them are enqueued or none.

    With --each, the command is a template: {} is the line, {.} without its extension, {/} without its folder, {//} its
    folder, {/.} without both, {#} the number of the job. Each is quoted so that the shell takes it as it is, also where
    the template has it in quotes; \\{} is no placeholder.

    With --after it is blocked until those jobs have completed, and cancelled if one of them is given up; in a file,
    they may be jobs of the same file. With --unique nothing is added while an unfinished job has that key.

    \b
    Examples:
      aqueue enqueue "tar czf photos.tgz photos"
      aqueue enqueue --priority 5 --timeout 10m -- make -j2 all
      aqueue enqueue '{"id": "job1", "command": "echo hi", "max_retries": 5}'
      aqueue enqueue --file jobs.json
      aqueue enqueue - < commands.txt
      aqueue enqueue --after 1,2 "make install"
      find . -name '*.wav' | aqueue enqueue --each - 'flac {} -o {.}.flac'
    """
    options = keys_of({**given, "hold": given["hold"] or None})
    now = time.time()
    kept, wanted = check(options, now), source(words, path, each)
    jobs = NewJobs(wanted, options)
    single = [option for option, is_given in {"--id": "id" in options, "--follow": follow}.items() if is_given]
    with Batch(folder_of(db)) as batch:
        with interruptible(), jobs.located(), shown("Reading") as bar:
            batch.add(_counted(_only(jobs, single, wait=wait or follow), bar), time.time())
        if "run_at" in options and kept["run_at"] < now:
            print(f"--at {options['run_at']} is in the past: it runs now", file=sys.stderr)
        if options.keys() >= {"hold"} and options.keys() & {"delay", "run_at"}:
            print("a held job has no time: it runs when it is released", file=sys.stderr)
        async with Queue.open(db) as queue:
            with jobs.located(), shown("Enqueuing", total=len(batch)) as bar:
                enqueued = await _enqueued(queue, batch, bar)
            ids = enqueued.ids
            if as_json:
                await _show_as_json(queue, ids, one=not wanted.is_read)
            elif not follow:
                _print_ids(ids)
            await tell(queue, enqueued)
            if wait or follow:
                from aqueue.cli.ends import exit_with, followed

                sys.stdout.flush()
                exit_with(await followed(queue, ids, show_output=follow))


def _only(jobs: NewJobs, single: Sequence[str], *, wait: bool) -> Iterable[NewJob | Alike | OfKinds]:
    """The jobs, if they are what these options are for: `single` ones are for one job, and a held one never ends."""
    chosen = list(jobs) if single else jobs
    if single and (count := sum(map(_count, chosen))) != 1:
        raise InvalidInput(f"{single[0]} is for one job, and there are {count}")
    for job in chosen:
        if wait and any(kind.hold for kind in _kinds(job)):
            raise InvalidInput("a held job does not end before `aqueue release`: do not wait for it")
        yield job


def _kinds(job: NewJob | Alike | OfKinds) -> Sequence[NewJob]:
    if isinstance(job, OfKinds):
        return job.kinds
    return [job.job if isinstance(job, Alike) else job]


def _count(job: NewJob | Alike | OfKinds) -> int:
    return 1 if isinstance(job, NewJob) else len(job.commands)


def _counted(jobs: Iterable[NewJob | Alike | OfKinds], bar: Bar) -> Iterable[NewJob | Alike | OfKinds]:
    """The same, and the bar shows how many there have been."""
    count = 0
    for job in jobs:
        yield job
        count += _count(job)
        if not isinstance(job, NewJob) or count % SHOWN_AFTER == 0:
            bar.show(count)


async def _enqueued(queue: Queue, batch: Batch, bar: Bar) -> Enqueued:
    """Enqueue the jobs. A Ctrl-C undoes that; where it comes too late, their ids are told, or nobody would know."""
    enqueuing = asyncio.ensure_future(queue.enqueue_batch(batch, bar.show))
    try:
        return await asyncio.shield(enqueuing)
    except asyncio.CancelledError:
        batch.give_up()
        if not batch.is_begun:
            enqueuing.cancel()
        await asyncio.wait([enqueuing])
        if not enqueuing.cancelled() and enqueuing.exception() is None:
            _print_ids(enqueuing.result().ids)
        raise


def _print_ids(ids: Ids) -> None:
    for some in ids.slices():
        sys.stdout.write("".join(f"{job_id}\n" for job_id in some))


async def _show_as_json(queue: Queue, ids: Ids, *, one: bool) -> None:
    from aqueue.cli.present import show_json, show_json_array

    if one:
        show_json(job_document(await queue.get(ids[0])))
    else:
        await show_json_array(_documents(queue, ids))


async def _documents(queue: Queue, ids: Ids) -> AsyncIterator[dict[str, Any]]:
    for some in ids.slices():
        for job in await queue.find(some):
            yield job_document(job)
