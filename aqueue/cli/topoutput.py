"""The output of a job as `aqueue top` reads it: the last lines, while they are printed."""

from collections import deque

from aqueue.cli.escape import escape
from aqueue.cli.topview import Reading
from aqueue.model.job import Job
from aqueue.queue import Queue

MOST_LINES = 5000
"""How many lines can be walked through."""


class Reader:
    """Reads what a job prints, from its last run on."""

    def __init__(self, queue: Queue, job: Job) -> None:
        self._queue = queue
        self._begin(job)

    def _begin(self, job: Job) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._begun = b""
        self._position = 0
        self.reading = Reading(job)

    async def read_on(self) -> None:
        """Read what has come since. A new run of the job takes the place of the one before. Raises NoSuchJob."""
        job = await self._queue.get(self.reading.job.id)
        if job.run != self.reading.job.run and job.run:
            self._begin(job)
        self.reading.job = job
        before = len(self._lines)
        async for piece in self._queue.output(job, job.run, self._position):
            if piece.start > self._position:
                self._add(
                    b"\n" * bool(self._begun) + f"[... {piece.start - self._position} bytes left out ...]\n".encode()
                )
            self._position = piece.end
            self._add(piece.data)
        unfinished = [escape(self._begun.decode(errors="replace"))] if self._begun else []
        self.reading.lines = [*self._lines, *unfinished]
        if self.reading.above:  # what is looked at stays where it is
            self.reading.above = min(self.reading.above + len(self._lines) - before, len(self.reading.lines))

    def _add(self, data: bytes) -> None:
        *whole, self._begun = (self._begun + data).split(b"\n")
        self._lines.extend(escape(line.removesuffix(b"\r").decode(errors="replace")) for line in whole)
