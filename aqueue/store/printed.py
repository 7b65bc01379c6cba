"""What runs have printed: in pieces, each with its stream, its moment, and its place among all bytes of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from aqueue.model.record import record
from aqueue.store.statement import Rows, Statement, Verb

DROPPED_AT_ONCE = 32
"""Pieces that one transaction drops: at most some two megabytes, so that nobody waits long for the write lock."""

PART = 256 * 1024
"""Bytes of a run that are read at once."""

AT_FIRST = 8
"""Pieces that are read first of a part; then always twice as many, for how large they are is not known before."""

CHARACTER = 3
"""Bytes before a position that can begin a character behind it."""

LOOKED_BACK = 64
"""Pieces before a part among which the last ones of a stream are looked for."""


class Stream(IntEnum):
    """Which of its two streams a run wrote to, by the number of the descriptor."""

    STDOUT = 1
    STDERR = 2


@record
class Piece:
    """Bytes that one stream brought at one moment. `start` counts the bytes of both streams before it."""

    stream: Stream
    start: int
    at: float
    data: bytes

    @property
    def end(self) -> int:
        """The position behind its last byte."""
        return self.start + len(self.data)

    def after(self, position: int) -> "Piece":
        """What of it lies behind a position."""
        cut = max(0, position - self.start)
        return replace(self, start=self.start + cut, data=self.data[cut:]) if cut else self

    def follows(self, other: "Piece", within: float) -> bool:
        """Whether it continues another piece, of the same stream and within so many seconds."""
        return self.stream is other.stream and self.start == other.end and self.at - other.at < within


@record
class Printed:
    """What is to be written of a run: new pieces, the positions from and to which old ones fall, the last report."""

    seq: int
    run: int
    pieces: Sequence[Piece]
    overtaken: tuple[int, int] | None = None
    progress: str | None = None

    def __bool__(self) -> bool:
        return bool(self.pieces or self.overtaken)


def add(batch: Sequence[Printed], total: int) -> Verb[bool]:
    """Write what runs have printed; nothing of a job that has been removed.

    If then more than `total` bytes are kept in all, the oldest output of finished jobs goes, a slice at a time.
    Returns whether there is more of it to go.
    """
    for printed in batch:
        yield from _add(printed)
    if not (yield from is_too_much(total)):
        return False
    dropped = yield Statement("drop_oldest_output", {"limit": DROPPED_AT_ONCE})
    return len(dropped) == DROPPED_AT_ONCE


def is_too_much(total: int) -> Verb[bool]:
    """Whether more than so many bytes are kept in all."""
    (size,) = yield Statement("output_size")
    return bool(size["bytes"] > total)


def _add(printed: Printed) -> Verb[None]:
    key = {"job": printed.seq, "run": printed.run}
    for piece in printed.pieces:
        values = {"start": piece.start, "stream": int(piece.stream), "at": piece.at, "data": piece.data}
        yield Statement("add_output", {**key, **values})
    if printed.overtaken:
        first, last = printed.overtaken
        yield Statement("drop_output", {**key, "first": first, "last": last})
    if printed.progress is not None:
        yield Statement("set_progress", {**key, "progress": printed.progress})


def read(seq: int, run: int, start: int, limit: int) -> Verb[Sequence[Piece]]:
    """At most `limit` pieces of a run that begin at a position or behind it, in the order in which they came."""
    rows = yield Statement("output", {"job": seq, "run": run, "start": start, "limit": limit})
    return [_piece(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Place:
    """A position in what a run has printed."""

    seq: int
    run: int
    start: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a run has printed from a position on, as far as it is read at once.

    `cut` are the last bytes of each stream before it, where a character may have been cut. `more` says whether the next
    part is there already, `ended` whether the run prints no more.
    """

    pieces: Sequence[Piece]
    cut: Mapping[Stream, bytes]
    more: bool
    ended: bool


def part(place: Place, most: int = PART) -> Verb[Part]:
    """What a run has printed from a position on: so many bytes, and the rest of the last piece."""
    key = {"job": place.seq, "run": place.run}
    before = yield Statement("output_before", {**key, "start": place.start, "limit": LOOKED_BACK})
    pieces: list[Piece] = []
    start, limit, left = place.start, AT_FIRST, most
    more = True
    while more and left > 0:
        rows = yield Statement("output_from", {**key, "start": start, "limit": limit})
        found = [piece for row in rows if (piece := _piece(row).after(start)).data]
        some = _within(found, left)
        pieces += some
        left -= sum(len(piece.data) for piece in some)
        start = pieces[-1].end if pieces else start
        more, limit = len(rows) == limit or len(some) < len(found), 2 * limit
    ended = yield Statement("run_has_ended", key)
    return Part(pieces, _cut(before), more, bool(ended[0]["ended"]))


def _within(pieces: Sequence[Piece], left: int) -> Sequence[Piece]:
    """The first of these, until there are so many bytes."""
    for place, piece in enumerate(pieces, start=1):
        left -= len(piece.data)
        if left <= 0:
            return pieces[:place]
    return pieces


def _cut(before: Rows) -> Mapping[Stream, bytes]:
    """The last bytes of each stream, of which the last pieces can be single ones."""
    ends = dict.fromkeys(Stream, b"")
    for row in before:
        stream = Stream(row["stream"])
        if len(ends[stream]) < CHARACTER:
            ends[stream] = (bytes(row["data"]) + ends[stream])[-CHARACTER:]
    return ends


def _piece(row: Mapping[str, Any]) -> Piece:
    return Piece(Stream(row["stream"]), row["start"], row["at"], row["data"])
