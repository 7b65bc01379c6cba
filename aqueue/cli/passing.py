"""What jobs print, passed on among the worker's own lines as it comes: whole lines, each with the id of its job.

What comes from a pipe ends anywhere. So of each stream of each run the last line is kept until it is whole, or too
long, or the stream ends. Where the reader is slower than the jobs, lines are left out and counted; the jobs never wait
for it, and the worker's own lines always have room.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from aqueue.cli.lines import Lines
from aqueue.model.job import Job
from aqueue.store.printed import Stream

LONGEST = 8192
"""How many characters a line has at most; what is longer becomes several, marked as belonging together."""

AT_ONCE = 500
"""How many lines are put down before it is asked again whether there is room: a read may bring 65,536."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where lines come from. `goes_on` is whether they are the beginning of one that was too long."""

    job: Job
    stream: Stream
    goes_on: bool = False


class Teller(Protocol):
    """Who knows how such lines are shown."""

    def output(self, source: Source, lines: Sequence[str]) -> str:
        """Some lines of a job, as they are to be written; without the last newline."""


class Passing:
    """Listens to what the runs of a worker print."""

    def __init__(self, lines: Lines, teller: Teller) -> None:
        self._lines = lines
        self._teller = teller
        self._streams: dict[tuple[int, Stream], _Beginning] = {}

    def hear(self, job: Job, stream: Stream, data: bytes) -> None:
        """Pass on what a run has printed; nothing when the stream has come to its end."""
        key = job.seq, stream
        beginning = self._streams.get(key)
        if beginning is None:
            if not data:
                return
            beginning = self._streams[key] = _Beginning()
        for lines, goes_on in beginning.add(data):
            self._pass_on(Source(job, stream, goes_on), lines)
        if not data:
            del self._streams[key]

    def _pass_on(self, source: Source, lines: Sequence[str]) -> None:
        for first in range(0, len(lines), AT_ONCE):
            if not self._lines.has_room:
                self._lines.leave_out(len(lines) - first)
                return
            self._lines.add(self._teller.output(source, lines[first : first + AT_ONCE]))


class _Beginning:
    """The beginning of a line that is not whole yet."""

    def __init__(self) -> None:
        self._text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes) -> Iterator[tuple[Sequence[str], bool]]:
        """What is to be passed on now, and whether it goes on; all that is left if there is no more data."""
        *whole, self._text = (self._text + self._decoder.decode(data, final=not data)).split("\n")
        if not data and self._text:
            whole.append(self._text)
        if whole:
            yield from _bounded(whole)
        while len(self._text) > LONGEST:
            yield [self._text[:LONGEST]], True
            self._text = self._text[LONGEST:]


def _bounded(lines: Sequence[str]) -> Iterator[tuple[Sequence[str], bool]]:
    if max(map(len, lines)) <= LONGEST:
        yield lines, False
        return
    for line in lines:
        pieces = [line[start : start + LONGEST] for start in range(0, len(line), LONGEST)] or [""]
        for piece in pieces[:-1]:
            yield [piece], True
        yield pieces[-1:], False
