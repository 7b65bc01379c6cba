"""What a run prints: two pipes of our own, read as it comes.

asyncio's own PIPE would let `Process.wait` wait for whoever inherited the pipe (`sleep 60 & exit 3`), on Python 3.11,
and is slower. A run ends when its shell ends: what is in the pipes by then is still read, and they are closed.
"""

import asyncio
import contextlib
import os

READ_AT_ONCE = 64 * 1024
READ_AT_THE_END = 1024**2
"""`yes &` never lets a pipe run dry."""

KEPT = 4096
"""How many bytes of the end of stderr are kept for its last line."""

LONGEST_LINE = 500
"""How many characters of that line are shown."""


class Output:
    """The stdout and stderr of one run. Raises OSError where no more descriptors are to be had."""

    def __init__(self) -> None:
        self._tail = b""
        self._open: set[int] = set()
        self._writing: list[int] = []
        try:
            self.stdout = self._pipe(keep=False)
            self.stderr = self._pipe(keep=True)
        except OSError:
            self.close()
            raise

    @property
    def last_line(self) -> str:
        """The last line of stderr that is not blank, cut to a bearable length."""
        lines = self._tail.decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:LONGEST_LINE]

    def started(self) -> None:
        """Close our copies of the writing ends: the run has its own now."""
        for descriptor in self._writing:
            os.close(descriptor)
        self._writing.clear()

    def close(self) -> None:
        """Read what is left in the pipes, up to a bound, and close them."""
        self.started()
        for descriptor in list(self._open):
            left = READ_AT_THE_END
            while left > 0 and descriptor in self._open:
                count = self._read(descriptor)
                left = left - count if count else 0
            self._close(descriptor)

    def _pipe(self, *, keep: bool) -> int:
        reading, writing = os.pipe()
        self._writing.append(writing)
        os.set_blocking(reading, False)
        self._open.add(reading)
        if keep:
            self._kept = reading
        asyncio.get_running_loop().add_reader(reading, self._read, reading)
        return writing

    def _read(self, descriptor: int) -> int:
        try:
            data = os.read(descriptor, READ_AT_ONCE)
        except BlockingIOError:
            return 0
        if not data:
            self._close(descriptor)
        elif descriptor == self._kept:
            self._tail = (self._tail + data)[-KEPT:]
        return len(data)

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.discard(descriptor)
            asyncio.get_running_loop().remove_reader(descriptor)
            with contextlib.suppress(OSError):
                os.close(descriptor)
