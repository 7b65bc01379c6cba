"""`aqueue logs`: what a job printed."""

import sys
from collections import deque

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.following import Printer, follow, print_run
from aqueue.cli.parameters import COUNT
from aqueue.model.errors import Refused
from aqueue.model.job import Job
from aqueue.queue import Queue
from aqueue.store.printed import Piece, Stream


@click.command()
@click.argument("job_id", metavar="ID")
@click.option(
    "-f", "--follow", "to_the_end", is_flag=True, help="Stay until the job is finished; with --run, until that run is."
)
@click.option("--run", type=COUNT, metavar="N", help="Of this run; default: the last one.")
@click.option("--stdout", "only", flag_value=1, type=int, help="Only its stdout.")
@click.option("--stderr", "only", flag_value=2, type=int, help="Only its stderr.")
@click.option("--tail", type=COUNT, metavar="N", help="Only the last N lines.")
@click.option("--timestamps", is_flag=True, help="The time before each line.")
@click.pass_obj
async def logs(
    db: str | None,
    job_id: str,
    to_the_end: bool,
    run: int | None,
    only: int | None,
    tail: int | None,
    timestamps: bool,
) -> None:
    """Print what a job printed: its stdout to stdout, its stderr to stderr, in the order in which it came.

    \b
    Examples:
      aqueue logs 7
      aqueue logs -f 7
      aqueue logs 7 --run 2 --stderr --tail 20
    """
    printer = Printer(only=None if only is None else Stream(only), timestamps=timestamps)
    async with Queue.open(db) as queue:
        job = await queue.get(job_id)
        number = _checked(job, run)
        if not job.run:
            print(f"Job {job.id} has not run yet: {escape(await queue.why(job.id))}.", file=sys.stderr)
        if tail is not None:
            await _print_tail(queue, job, number, tail, printer)
        elif not to_the_end:
            await print_run(queue, job, number, printer)
        if to_the_end:
            await follow(queue, job_id, printer, max(1, number), only_this=run is not None)


def _checked(job: Job, run: int | None) -> int:
    if run is not None and not 1 <= run <= job.run:
        had = "none yet" if not job.run else "only run 1" if job.run == 1 else f"runs 1 to {job.run}"
        raise Refused(f"job {job.id} has no run {run}: it had {had}")
    return job.run if run is None else run


async def _print_tail(queue: Queue, job: Job, run: int, count: int, printer: Printer) -> None:
    pieces: deque[Piece] = deque()
    lines = 0
    async for piece in queue.output(job, run):
        if printer.only in (None, piece.stream):
            pieces.append(piece)
            lines += piece.data.count(b"\n")
        while pieces and lines - pieces[0].data.count(b"\n") > count:
            lines -= pieces.popleft().data.count(b"\n")
        printer.position = piece.end
    end = printer.position
    for piece in _last_lines(list(pieces), count):
        printer.position = piece.start
        await printer.print(piece)
    printer.position = end


def _last_lines(pieces: list[Piece], count: int) -> list[Piece]:
    """The pieces without what stands before the last so many lines; an unfinished last line counts as one."""
    if not count:
        return []
    whole = b"".join(piece.data for piece in pieces)
    position = len(whole) - whole.endswith(b"\n")
    for _ in range(count):
        position = whole.rfind(b"\n", 0, position)
        if position < 0:
            return pieces
    cut = position + 1
    kept = []
    for piece in pieces:
        if cut < len(piece.data):
            kept.append(piece.after(piece.start + cut))
        cut = max(0, cut - len(piece.data))
    return kept
