"""`aqueue worker`: run jobs, in the foreground or in the background; stop workers; list them."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import asyncclick as click

from aqueue.cli import present, table
from aqueue.cli.escape import escape
from aqueue.cli.parameters import DURATION, NONEMPTY, SERVED, Parsed
from aqueue.cli.serving import Pages, parse_address
from aqueue.documents import worker_with_queues
from aqueue.model.line import Served
from aqueue.model.text import format_duration
from aqueue.queue import Queue, Worker

MOST_SLOTS = 10_000

ADDRESS = Parsed("host:port", parse_address)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a worker, however it is started."""
    for option in reversed(
        [
            click.option(
                "--concurrency",
                "--count",
                type=click.IntRange(1, MOST_SLOTS),
                metavar="N",
                help="How many jobs run at a time.  [default: the usable CPUs]",
            ),
            click.option(
                "-q",
                "--queue",
                "queues",
                type=SERVED,
                multiple=True,
                metavar="NAME[=N]",
                help="Serve only this queue, with at most N of its jobs here at once; may be repeated.",
            ),
            click.option("--burst", is_flag=True, help="Exit when nothing is left to run now or to be retried."),
            click.option("--grace", type=DURATION, metavar="DUR", help="When draining, end after DUR what still runs."),
            click.option(
                "--log-format",
                type=click.Choice(["text", "json"]),
                help="How it tells what happens: in words, or as a JSON object a line.  [default: text]",
            ),
            click.option("--pass-output", is_flag=True, help="Tell what the jobs print, too, line by line."),
            click.option(
                "--http", type=ADDRESS, metavar="HOST:PORT", help="Serve the pages and the HTTP API there, too."
            ),
            click.option(
                "--allow-host",
                "hosts",
                multiple=True,
                metavar="NAME",
                help="With --http: answer browsers under this name, too; may be repeated.",
            ),
            click.option("--read-only", is_flag=True, help="With --http: refuse every change that is asked for there."),
            click.option(
                "--with",
                "beside",
                type=NONEMPTY,
                metavar="COMMAND",
                help="Run this beside the jobs; its end drains the worker, and gives the exit code.",
            ),
            click.option("--detach", is_flag=True, help="Go on in the background; stdout: the worker's id, alone."),
            click.option("--report", type=int, hidden=True),
        ]
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_options
@click.pass_context
async def worker(ctx: click.Context, /, **given: Any) -> int:
    """Run jobs until told to stop.

    The first Ctrl-C (SIGINT, SIGTERM, SIGHUP) drains: nothing new is taken, and the worker stops when the jobs that run
    have ended. A second one ends those and puts them back as if they had not been started.

    \b
    Examples:
      aqueue worker                          as many at a time as there are CPUs
      aqueue worker --concurrency 4 --burst  until the queue is worked off
      aqueue worker -q mail -q video=1       only these, one video at a time
      aqueue worker start --detach           in the background
      aqueue worker --http 127.0.0.1:8000    with the pages and the HTTP API
      aqueue worker --log-format json        for a log collector
      aqueue worker stop                     drain all workers of this queue
    """
    if ctx.invoked_subcommand is None:
        return await run(ctx.obj, **given)
    if ctx.invoked_subcommand == "start":
        ctx.default_map = {"start": given}
    elif any(given.values()):
        raise click.UsageError(f"these options are for a worker that starts, not for `worker {ctx.invoked_subcommand}`")
    return 0


def _served(queues: Sequence[tuple[str, int | None]]) -> dict[str, int | None] | None:
    """The queues that are named, with the bound of each; None is all. Two bounds of one queue are a slip."""
    served: dict[str, int | None] = {}
    for name, most in queues:
        if served.setdefault(name, most) != most:
            raise click.UsageError(f"-q {name} is given twice, and not with the same number")
    return served or None


async def run(
    db: str | None,
    *,
    concurrency: int | None,
    queues: Sequence[tuple[str, int | None]],
    burst: bool,
    grace: float | None,
    log_format: str | None,
    pass_output: bool,
    http: tuple[str, int] | None,
    hosts: Sequence[str],
    read_only: bool,
    beside: str | None,
    detach: bool,
    report: int | None,
) -> int:
    """Work, here or in the background; returns the exit code."""
    from aqueue.cli.telling import Telling
    from aqueue.engine.cpus import usable_cpus

    slots = concurrency or usable_cpus()
    served = _served(queues)
    pages = _pages(http, hosts, read_only=read_only)
    telling = Telling(as_json=log_format == "json", output=pass_output)
    if detach:
        more = [*telling.words(), *(pages.words() if pages else []), *([] if beside is None else ["--with", beside])]
        await _start_in_background(db, slots, served, burst=burst, grace=grace, more=more)
        return 0
    from aqueue.cli.detach import Report
    from aqueue.cli.working import work
    from aqueue.engine.node import Options

    options = Options(concurrency=slots, queues=served, burst=burst, grace=grace, own_process=True)
    return await work(db, options, Report(report), telling, pages, beside)


def _pages(http: tuple[str, int] | None, hosts: Sequence[str], *, read_only: bool) -> Pages | None:
    if http is not None:
        return Pages(*http, hosts, read_only)
    if hosts or read_only:
        raise click.UsageError("--allow-host and --read-only are for a worker with --http")
    return None


async def _start_in_background(
    db: str | None, slots: int, served: Served | None, *, burst: bool, grace: float | None, more: Sequence[str]
) -> None:
    from aqueue.cli import detach

    async with Queue.open(db) as queue:  # what is wrong with it is told here and now
        place = queue.place
    options = ["--concurrency", str(slots), *(["--burst"] if burst else [])]
    options += [] if grace is None else ["--grace", format_duration(grace)]
    for name in served_words(served):
        options += ["-q", name]
    options += more
    where = ["--db", queue.url]
    if "://" in queue.url:  # it may hold a password, and whoever lists processes sees their words
        os.environ["AQUEUE_DB"], where = queue.url, []
    started = await detach.start(place, [*where, "worker", "start", *options])
    print(started)
    print(f"Worker {started} goes on in the background; its lines go to {place.worker_log}", file=sys.stderr)


def served_words(served: Served | None) -> list[str]:
    """The queues that a worker serves, as its options name them; none for all of them."""
    return [name if most is None else f"{name}={most}" for name, most in (served or {}).items()]


@worker.command("start")
@_options
@click.pass_obj
async def start(db: str | None, /, **given: Any) -> int:
    """Start a worker; the same as `aqueue worker`.

    With --detach it goes on in the background once it takes jobs. Its lines are in a file beside the database then.

    With --with, an app and its queue share a container: the app has the worker's environment, with AQUEUE_DB, and its
    streams. Told to stop, the worker passes that on as TERM at once, and as KILL at the end of the grace.

    \b
    Examples:
      aqueue worker start --count 3
      aqueue worker start --count 3 --detach
      aqueue worker start --grace 8s --with 'exec gunicorn app:api'
    """
    return await run(db, **given)


@worker.command("stop")
@click.argument("workers", nargs=-1, metavar="[WORKER]...")
@click.option("--now", is_flag=True, help="End the running jobs first, and put them back.")
@click.pass_obj
async def stop(db: str | None, workers: tuple[str, ...], now: bool) -> None:
    """Drain workers and wait until they are gone.

    Without a WORKER all that work on this queue are drained. Ctrl-C ends the waiting only: the workers go on draining.

    \b
    Examples:
      aqueue worker stop
      aqueue worker stop --now w1a2b3c4d
    """
    from aqueue.cli.stopping import stop_workers

    await stop_workers(db, workers, now=now)


@worker.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line.")
@click.pass_obj
async def list_(db: str | None, as_json: bool, as_lines: bool) -> None:
    """List the workers that run.

    \b
    Example:
      aqueue worker list --json
    """
    async with Queue.open(db) as queue:
        workers = await queue.workers()
    if as_json:
        present.show_json([worker_with_queues(worker) for worker in workers])
    elif as_lines:
        present.show_json_lines(worker_with_queues(worker) for worker in workers)
    elif workers:
        table.show_table([_row(worker) for worker in workers])
    else:
        print("No worker is running.", file=sys.stderr)


def _row(one: Worker) -> dict[str, str]:
    return {
        "ID": one.id,
        "HOST": escape(one.host),
        "PID": str(one.pid),
        "SLOTS": str(one.concurrency),
        "RUNNING": str(one.running),
        "QUEUES": ", ".join(served_words(one.queues)),
        "SINCE": present.local_time(one.started_at),
    }
