"""`aqueue enqueue`: add jobs."""

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import asyncclick as click

from aqueue.cli.joboptions import TakesACommand, from_here, job_options, keys_of
from aqueue.cli.sources import read
from aqueue.model.errors import DuplicateId, InvalidInput, InvalidSource, Refused
from aqueue.model.intake import Wanted
from aqueue.model.newjob import NewJob, check
from aqueue.queue import Queue


@click.command(cls=TakesACommand)
@click.argument("words", nargs=-1, metavar="COMMAND | JSON | -")
@click.option("--file", "path", metavar="PATH", help="Read a JSON object, array or JSON Lines; - for stdin.")
@click.option("--id", metavar="ID", help="An id of your own; default: the next number.")
@click.option("--hold", is_flag=True, help="Do not run it before `aqueue release`.")
@job_options
@click.option("--wait", "wait", is_flag=True, help="Wait for its end, and exit with its code.")
@click.option("--follow", is_flag=True, help="Print what it prints, and exit with its code.")
@click.option("--json", "as_json", is_flag=True, help="Print the job instead of its id.")
@click.pass_obj
async def enqueue(
    db: str | None, /, words: Sequence[str], path: str | None, wait: bool, follow: bool, as_json: bool, **given: Any
) -> None:
    """Add a job: a shell command line, or a job as JSON. Its id goes to stdout, alone.

    Several words are one command. Options may follow the command; after `--` every word is the command's own. With `-`,
    each line of stdin is a command or a JSON object; either all of them are enqueued or none.

    \b
    Examples:
      aqueue enqueue "tar czf photos.tgz photos"
      aqueue enqueue --priority 5 --timeout 10m -- make -j2 all
      aqueue enqueue '{"id": "job1", "command": "echo hi", "max_retries": 5}'
      aqueue enqueue --file jobs.json
      find . -name '*.wav' | sed 's/.*/flac "&"/' | aqueue enqueue -
    """
    flags = keys_of({**given, "hold": given["hold"] or None})
    now = time.time()
    check(flags, now)
    wanted = read(words, path)
    for option, is_given in {"--id": given["id"] is not None, "--follow": follow}.items():
        if is_given and len(wanted) != 1:
            raise InvalidInput(f"{option} is for one job, and there are {len(wanted)}")
    seen_from_here = functools.cache(from_here)  # looking up one folder for each of many jobs costs most
    jobs = [_new_job(one, flags, now, seen_from_here) for one in wanted]
    if (wait or follow) and any(job.hold for job in jobs):
        raise InvalidInput("a held job does not end before `aqueue release`: do not wait for it")
    _say_what_is_past(flags, jobs, now)
    _say_what_is_held(flags)
    async with Queue.open(db) as queue:
        with _duplicates_located(wanted):
            ids = await queue.enqueue_many(jobs)
        if as_json:
            from aqueue.cli.present import show_jobs_as_json

            show_jobs_as_json(await queue.find(ids), one=path is None and list(words) != ["-"])
        elif not follow:
            sys.stdout.write("".join(f"{job_id}\n" for job_id in ids))
        if wait or follow:
            from aqueue.cli.ends import exit_with, followed

            sys.stdout.flush()
            exit_with(await followed(queue, ids, show_output=follow))


@contextlib.contextmanager
def _duplicates_located(wanted: Sequence[Wanted]) -> Iterator[None]:
    try:
        yield
    except DuplicateId as error:
        where = wanted[error.place].where
        raise Refused(f"{where}: {error}" if where else str(error)) from None


def _new_job(wanted: Wanted, flags: Mapping[str, Any], now: float, seen_from_here: Callable[[str], str]) -> NewJob:
    keys = {**wanted.keys, **flags}
    if {"delay", "run_at"} & flags.keys():  # either of them beats both
        keys = {key: value for key, value in keys.items() if key not in {"delay", "run_at"} or key in flags}
    cwd = keys.get("cwd")
    if cwd is None or isinstance(cwd, str):
        keys["cwd"] = seen_from_here("." if cwd is None else cwd)
    try:
        return NewJob.parse(keys, now)
    except InvalidInput as error:
        if wanted.where:
            raise InvalidSource(f"{wanted.where}: {error}") from None
        raise


def _say_what_is_past(flags: Mapping[str, Any], jobs: Sequence[NewJob], now: float) -> None:
    if "run_at" in flags and any(job.run_at is not None and job.run_at < now for job in jobs):
        print(f"--at {flags['run_at']} is in the past: it runs now", file=sys.stderr)


def _say_what_is_held(flags: Mapping[str, Any]) -> None:
    if "hold" in flags and {"delay", "run_at"} & flags.keys():
        print("a held job has no time: it runs when it is released", file=sys.stderr)
