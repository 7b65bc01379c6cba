"""What a run prints: two pipes of our own, read as it comes, and handed to the store piece by piece.

asyncio's own PIPE would let `Process.wait` wait for whoever inherited the pipe (`sleep 60 & exit 3`), on Python 3.11,
and is slower. A run ends when its shell ends: what is in the pipes by then is still read, and they are closed.

Of a run, the first half and the last half of `output_limit` are kept. The first goes to the store as it comes. From
then on only the end matters: what is overtaken before it was written never costs a write, and what was written and is
overtaken later is deleted again. Positions count the bytes of both streams together, so that a gap between two pieces
says how much was left out.
"""

import functools
import os
import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from aqueue.engine.clock import Clock
from aqueue.engine.readers import readers
from aqueue.model.job import Job
from aqueue.store.printed import Piece, Printed, Stream

READ_AT_ONCE = 64 * 1024
READ_AT_THE_END = 1024**2
"""`yes &` never lets a pipe run dry."""

KEPT = 4096
"""How many bytes of the end of a stream are kept for its last line."""

LONGEST_LINE = 500
"""How many characters of that line are shown."""

FLUSH_EVERY = 0.1
"""Seconds between two writes of a run that has printed more than is kept: a follower sees it, the disk hardly."""

TOGETHER = 0.005
"""What one stream prints within so many seconds is one piece …"""

JOINED = 4096
"""… until it has so many bytes."""

OutputListener: TypeAlias = Callable[[Job, Stream, bytes], None]
"""Is told what a run has printed to a stream; nothing, that is b"", when the stream has come to its end."""

_PROGRESS = re.compile(rb"^::progress[ \t]+(\d{1,3})(?:[ \t]+(.*))?$", re.MULTILINE)


class Output:
    """The stdout and stderr of one run. Raises OSError where no more descriptors are to be had.

    `limit` is how many bytes are kept; `on_printed` is called when there is something to be written. `listener` is
    told all that is printed, at once.
    """

    def __init__(
        self,
        job: Job,
        limit: int,
        clock: Clock,
        on_printed: Callable[["Output"], None],
        listener: OutputListener | None = None,
    ) -> None:
        self._job = job
        self._head = limit // 2
        self._tail = limit - self._head
        self._clock = clock
        self._on_printed = on_printed
        self._listener = listener
        self._printed = 0
        self._first: deque[Piece] = deque()
        self._last: deque[Piece] = deque()
        self._trimmed_to = self._head
        self._progress: str | None = None
        self._ends = {Stream.STDOUT: b"", Stream.STDERR: b""}
        self._flush_asked = False
        self._readers = readers()
        self._open: dict[int, Stream] = {}
        self._writing: list[int] = []
        try:
            self.stdout = self._pipe(Stream.STDOUT)
            self.stderr = self._pipe(Stream.STDERR)
        except OSError:
            self.close()
            raise

    @property
    def last_line(self) -> str:
        """The last line of stderr that is not blank, cut to a bearable length."""
        if not (end := self._ends[Stream.STDERR]):
            return ""
        lines = end.decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:LONGEST_LINE]

    def started(self) -> None:
        """Close our copies of the writing ends: the run has its own now."""
        for descriptor in self._writing:
            os.close(descriptor)
        self._writing.clear()

    def close(self) -> None:
        """Read what is left in the pipes, up to a bound, and close them."""
        self.started()
        for descriptor in tuple(self._open):
            left = READ_AT_THE_END
            while left > 0 and descriptor in self._open:
                count = self._read(descriptor)
                left = left - count if count else 0
            self._close(descriptor)

    def unwritten(self) -> Printed:
        """What the store does not have yet, and what it need not keep any longer."""
        self._flush_asked = False
        return Printed(
            self._job.seq,
            self._job.run,
            (*self._first, *self._last),
            overtaken=(self._head, self._overtaken_to) if self._overtaken_to > self._trimmed_to else None,
            progress=self._progress,
        )

    def written(self, printed: Printed) -> None:
        """The store has it."""
        for pieces in (self._first, self._last):
            if printed.pieces:
                _drop_before(pieces, printed.pieces[-1].end)
        if printed.overtaken:
            self._trimmed_to = printed.overtaken[1]

    @property
    def _overtaken_to(self) -> int:
        """Where the kept end begins."""
        return max(self._head, self._printed - self._tail)

    def _pipe(self, stream: Stream) -> int:
        reading, writing = os.pipe()
        self._writing.append(writing)
        os.set_blocking(reading, False)
        try:
            self._readers.add_soon(reading, functools.partial(self._read, reading))
        except OSError:
            os.close(reading)
            raise
        self._open[reading] = stream
        return writing

    def _read(self, descriptor: int) -> int:
        try:
            data = os.read(descriptor, READ_AT_ONCE)
        except BlockingIOError:
            return 0
        if data:
            self._add(self._open[descriptor], data)
        else:
            self._close(descriptor)
        return len(data)

    def _add(self, stream: Stream, data: bytes) -> None:
        self._remember(stream, data)
        if self._listener is not None:
            self._listener(self._job, stream, data)
        now = self._clock.now()
        room = max(0, self._head - self._printed)
        for pieces, part in ((self._first, data[:room]), (self._last, data[room:])):
            if part:
                _append(pieces, Piece(stream, self._printed, now, part))
                self._printed += len(part)
        _drop_before(self._last, self._overtaken_to)
        self._ask_for_a_flush()

    def _remember(self, stream: Stream, data: bytes) -> None:
        before, self._ends[stream] = self._ends[stream], (self._ends[stream] + data)[-KEPT:]
        if stream is Stream.STDOUT and b"::progress" in before[-100:] + data:
            self._progress = _progress_in(before[-100:] + data) or self._progress

    def _ask_for_a_flush(self) -> None:
        if self._flush_asked:
            return
        self._flush_asked = True
        if self._printed <= self._head:
            self._on_printed(self)
        else:
            self._clock.call_later(FLUSH_EVERY, lambda: self._on_printed(self))

    def _close(self, descriptor: int) -> None:
        if (stream := self._open.pop(descriptor, None)) is not None:
            self._readers.remove(descriptor)
            try:  # noqa: SIM105 - for each pipe
                os.close(descriptor)
            except OSError:
                pass
            if self._listener is not None:
                self._listener(self._job, stream, b"")


def _append(pieces: deque[Piece], piece: Piece) -> None:
    """Add a piece, or join it to the last one if it follows at once: a job that prints in drops must not cost rows."""
    last = pieces[-1] if pieces else None
    if last is not None and piece.follows(last, TOGETHER) and len(last.data) < JOINED:
        pieces[-1] = replace(last, data=last.data + piece.data)
    else:
        pieces.append(piece)


def _drop_before(pieces: deque[Piece], position: int) -> None:
    while pieces and pieces[0].end <= position:
        pieces.popleft()
    if pieces and pieces[0].start < position:
        pieces[0] = pieces[0].after(position)


def _progress_in(data: bytes) -> str | None:
    """The last report in a piece of stdout: `42 words` of a line `::progress 42 words`."""
    reports = [match for match in _PROGRESS.finditer(data) if int(match[1]) <= 100]
    if not reports:
        return None
    percent, words = reports[-1].groups()
    return f"{int(percent)} {words.decode(errors='replace').strip()}".strip() if words else str(int(percent))
