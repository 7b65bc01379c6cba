"""Lines for whoever reads a descriptor, as things happen, without ever waiting for the reader.

A worker must go on working when its terminal is stopped (Ctrl-S), when the program behind its pipe does not read, and
when that program is gone. So a line is only put down. The first one is written at once, and those that follow while
there is much to tell are written together; where the descriptor takes nothing at the moment, the loop says when it does
again.
"""

import asyncio
import contextlib
import os
import select
import sys
from collections.abc import Callable

CHUNK = 4096
"""How many bytes are written at once: a pipe that says it is writable takes so many without blocking, `pipe(7)`."""

GATHER = 0.02
"""Seconds between two writes at least: nobody reads faster, and each costs as much as several lines."""

MOST_WAITING = 1024**2
"""How many bytes may wait for a slow reader before lines are left out."""

MOST_PASSED_ON = MOST_WAITING // 2
"""How many bytes may wait before what is only passed on is left out: the other half is for the worker's own lines."""

PATIENCE = 1.0
"""Seconds that the end of the program waits for a slow reader."""

_PLAINER = str.maketrans({"…": "...", "✓": "ok", "✗": "NOT"})
"""What stands for our own signs where they cannot be shown."""


class Lines:
    """Writes lines to a descriptor in this encoding; None writes nothing."""

    def __init__(self, descriptor: int | None, encoding: str) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._waiting = bytearray()
        self._going = bytearray()
        self._left_out = 0
        self._written_at = 0.0
        self._all_written = asyncio.Event()
        self._all_written.set()
        self.in_words: Callable[[int], str] = _left_out
        """The line that says how many were left out."""
        self.around: Callable[[bytes], bytes] = bytes
        """What is to be written for some whole lines: themselves, but where something stands below them."""

    @property
    def are_written(self) -> bool:
        """Whether nothing is under way."""
        return self._all_written.is_set()

    @classmethod
    def on_stdout(cls) -> "Lines":
        """Lines on stdout, if there is one: without (`>&-`), descriptor 1 may be anything by now."""
        return cls(None, "ascii") if sys.stdout is None else cls(sys.stdout.fileno(), sys.stdout.encoding)

    def add(self, line: str) -> None:
        """Put down a line; it is written soon."""
        if self._descriptor is None:
            return
        if len(self._waiting) > MOST_WAITING:
            self._left_out += 1
            return
        self._waiting += self._encoded(line)
        if self._all_written.is_set():
            self._all_written.clear()
            loop = asyncio.get_running_loop()
            loop.call_at(self._written_at + GATHER, self._write)

    @property
    def has_room(self) -> bool:
        """Whether there is room for lines that are only passed on."""
        return len(self._waiting) <= MOST_PASSED_ON

    def leave_out(self, count: int) -> None:
        """So many lines were not put down for want of room; that will be said where they are missing."""
        self._left_out += count

    async def finish(self) -> None:
        """Write what waits, but do not wait long for a reader that does not read."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_written.wait(), PATIENCE)

    def _write(self) -> None:
        while self._has_more():
            if not self._is_writable():
                self._write_later()
                return
            self._write_some()
        self._written_at = asyncio.get_running_loop().time()
        self._all_written.set()

    def _has_more(self) -> bool:
        if not self._going:
            if not self._waiting and self._left_out:
                self._waiting += self._encoded(self.in_words(self._left_out))
                self._left_out = 0
            if self._waiting:
                self._going += self.around(bytes(self._waiting))
                self._waiting.clear()
        return bool(self._going)

    def _write_some(self) -> None:
        assert self._descriptor is not None
        try:
            written = os.write(self._descriptor, self._going[:CHUNK])
        except OSError:
            # The reader is gone, or the disk is full. Either way these lines are lost, and nothing else is.
            written = len(self._going)
        del self._going[:written]

    def _is_writable(self) -> bool:
        assert self._descriptor is not None
        return bool(select.select([], [self._descriptor], [], 0)[1])

    def _write_later(self) -> None:
        loop, descriptor = asyncio.get_running_loop(), self._descriptor
        assert descriptor is not None

        def resume() -> None:
            loop.remove_writer(descriptor)
            self._write()

        loop.add_writer(descriptor, resume)

    def _encoded(self, line: str) -> bytes:
        try:
            return f"{line}\n".encode(self._encoding)
        except UnicodeEncodeError:
            return f"{line}\n".translate(_PLAINER).encode(self._encoding, "backslashreplace")


def _left_out(count: int) -> str:
    return f"… {count} lines are left out here: nobody read them in time"
