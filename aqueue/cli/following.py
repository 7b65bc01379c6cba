"""Printing what runs print: the two streams as they were, in the order in which they came, byte for byte."""

import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aqueue.cli.pouring import pour
from aqueue.model.job import Job, State
from aqueue.model.text import format_size
from aqueue.queue import Queue
from aqueue.store.printed import Piece, Stream


@dataclass(slots=True)
class Printer:
    """Writes pieces to our own stdout and stderr, and says on stderr what is missing between them."""

    only: Stream | None = None
    timestamps: bool = False
    position: int = 0
    _at_line_start: bool = True

    async def print(self, piece: Piece) -> None:
        """Write one piece. Raises BrokenPipeError when nobody reads any more."""
        await self._say_what_is_missing(piece.start)
        self.position = piece.end
        if self.only in (None, piece.stream):
            data = self._with_times(piece) if self.timestamps else piece.data
            await pour(data, sys.stdout if piece.stream is Stream.STDOUT else sys.stderr)

    def _with_times(self, piece: Piece) -> bytes:
        stamp = time.strftime("%H:%M:%S", time.localtime(piece.at)) + f".{int(piece.at % 1 * 1000):03d} "
        lines = piece.data.splitlines(keepends=True)
        stamped = [stamp.encode() + line for line in lines]
        if not self._at_line_start and lines:
            stamped[0] = lines[0]
        self._at_line_start = piece.data.endswith(b"\n")
        return b"".join(stamped)

    async def _say_what_is_missing(self, start: int) -> None:
        if start > self.position:
            said = f"[… {_size(start - self.position)} left out …]\n"
            await pour(said.encode(sys.stderr.encoding, "backslashreplace"), sys.stderr)


async def print_run(queue: Queue, job: Job, run: int, printer: Printer) -> None:
    """Print what a run has printed so far."""
    async for piece in queue.output(job, run, printer.position):
        await printer.print(piece)


async def follow(queue: Queue, job_id: str, printer: Printer, run: int, *, only_this: bool = False) -> None:
    """Print what the runs of a job print, from this one on, until the job is finished; or until only this one is."""
    async for job in _states(queue, job_id):
        await print_run(queue, job, run, printer)
        while job.run > run and not only_this:
            run, printer.position = run + 1, 0
            await print_run(queue, job, run, printer)
        if job.is_finished or (only_this and (job.run > run or job.state is not State.PROCESSING)):
            return


async def _states(queue: Queue, job_id: str) -> AsyncIterator[Job]:
    """The job at once and after every change. It is read before its output: what is finished has printed all."""
    async for _ in queue.changes():
        yield await queue.get(job_id)


def _size(count: int) -> str:
    return format_size(count // 1024 * 1024) if count >= 1024 else f"{count} bytes"
