"""`aqueue show`: all about one job."""

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.present import ago_or_in, local_time, show_json, took
from aqueue.cli.table import show_table
from aqueue.cli.tree import show_tree
from aqueue.model.document import job_with_runs
from aqueue.model.job import Job, Run, State
from aqueue.model.text import format_duration, format_size
from aqueue.queue import Queue


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--shell", is_flag=True, help="Print a line that runs it by hand.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
async def show(db: str | None, job_id: str, shell: bool, as_json: bool) -> None:
    """Show a job with all its runs, why it is not running, and the jobs before and after it.

    \b
    Examples:
      aqueue show 7
      aqueue show 7 --shell | sh -x
    """
    async with Queue.open(db) as queue:
        job = await queue.get(job_id)
        runs, reason, chain = await queue.runs(job), await queue.why(job_id), await queue.chain(job)
    if shell:
        print(shell_line(job))
    elif as_json:
        show_json(job_with_runs(job, runs))
    else:
        _show(job, runs, reason)
        if chain.above.kin or chain.below.kin:
            print()
            show_tree(job, chain)


def shell_line(job: Job) -> str:
    """A line for a shell that does what a worker does: the folder, the environment, the command."""
    variables = [f"{name}={value}" for name, value in job.env.items()]
    nicely = ["nice", "-n", str(job.nice)] if job.nice else []
    runs = shlex.join([*(["env", *variables] if variables else []), *nicely, "sh", "-c", job.command])
    return f"cd {shlex.quote(job.cwd)} && {runs}" if job.cwd else runs


def _show(job: Job, runs: Sequence[Run], reason: str) -> None:
    facts = list(_facts(job, reason, time.time()))
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        print(f"{name:<{width}}  {value}")
    if runs:
        print()
        show_table([_row(run) for run in runs], spare=["ATTEMPT", "CPU", "MEMORY"])


def _facts(job: Job, reason: str, now: float) -> Iterator[tuple[str, str]]:
    yield "job", job.id
    yield "command", escape(job.command)
    if job.hook_of is not None:
        yield "hook of", f"job {job.hook_of}"
    yield "state", job.state
    if not job.is_finished and job.state is not State.PROCESSING:
        yield "why", escape(reason)
    yield "queue", job.queue + (f", priority {job.priority}" if job.priority else "")
    yield "attempts", f"{job.attempts} of {job.max_retries + 1}"
    if job.timeout is not None:
        yield "timeout", format_duration(job.timeout)
    yield "created", f"{local_time(job.created_at)} ({ago_or_in(job.created_at, now)})"
    if job.finished_at is not None:
        yield "finished", f"{local_time(job.finished_at)} ({ago_or_in(job.finished_at, now)})"
    yield from _options(job)
    if job.progress is not None:
        yield "progress", escape(job.progress)
    if job.error is not None:
        yield "error", escape(job.error)


def _options(job: Job) -> Iterator[tuple[str, str]]:
    given = {
        "after": ", ".join(job.after),
        "after any": ", ".join(job.after_any),
        "unique": escape(job.unique or ""),
        "schedule": escape(job.cron or ""),
        "tags": escape(", ".join(job.tags)),
        "env": escape(", ".join(sorted(job.env))),
        "cwd": escape(job.cwd or ""),
        "backoff base": "" if job.backoff_base is None else f"{job.backoff_base:g}",
        "backoff max": "" if job.backoff_max is None else format_duration(job.backoff_max),
        "no retry on": ", ".join(map(str, job.no_retry_on)),
        "defer on": ", ".join(map(str, job.defer_on)),
        "nice": "" if job.nice is None else str(job.nice),
        "memory": "" if job.memory is None else f"at most {format_size(job.memory)}",
    }
    yield from ((name, value) for name, value in given.items() if value)


def _row(run: Run) -> Mapping[str, str]:
    return {
        "RUN": str(run.run),
        "ATTEMPT": str(run.attempt),
        "STARTED": local_time(run.started_at),
        "TOOK": took(run.started_at, run.finished_at),
        "CPU": "" if run.cpu_seconds is None else format_duration(round(run.cpu_seconds, 3)),
        "MEMORY": "" if run.peak_bytes is None else format_size(run.peak_bytes // 1024**2 * 1024**2),
        "WORKER": f"{run.worker}/{run.slot}",
        "ENDING": escape(run.error or run.ending or "goes on") if run.exit_code != 0 else "exit code 0",
    }
