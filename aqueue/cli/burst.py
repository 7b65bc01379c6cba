"""How far a burst is, in a line at the bottom of the terminal, below the lines of the worker."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator

from aqueue.cli.lines import Lines
from aqueue.cli.progress import AGAIN_AFTER, Bar, Terminal, shown, terminal
from aqueue.engine.events import Event, Listener, Settled
from aqueue.model.errors import StoreError
from aqueue.model.job import FINISHED, State
from aqueue.model.line import Served
from aqueue.store import reading
from aqueue.store.protocol import Store


class Burst:
    """Counts what this worker has finished, and looks at what is left for all; at most ten times a second."""

    def __init__(self, store: Store, served: Served | None, bar: Bar) -> None:
        self._store = store
        self._served = served
        self._bar = bar
        self._done = self._failed = 0
        self._settled = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Count it, if it is the end of a job."""
        if isinstance(event, Settled) and event.transition.state in FINISHED:
            self._done += 1
            self._failed += event.transition.state is not State.COMPLETED
            self._settled.set()

    async def run(self) -> None:
        """Show it whenever a job has ended."""
        while True:
            await self._settled.wait()
            self._settled.clear()
            with contextlib.suppress(StoreError):  # the worker tells of that
                left = await self._store.read(lambda: reading.unfinished(self._served))
                self._bar.show(self._done, failed=self._failed, total=self._done + left)
            await asyncio.sleep(AGAIN_AFTER)


@contextlib.asynccontextmanager
async def burst_shown(store: Store, served: Served | None, lines: Lines) -> AsyncIterator[Listener]:
    """Show a burst for as long as the block lasts, where there is a terminal for that; yields who must hear of it."""
    if terminal() is None:
        yield _hear_nothing
        return
    with shown("Working", on=lambda: _Below(sys.stderr.fileno(), lines)) as bar, _around(lines, bar):
        burst = Burst(store, served, bar)
        showing = asyncio.create_task(burst.run(), name="progress")
        try:
            yield burst.hear
        finally:
            showing.cancel()
            await lines.finish()  # what is under way stands above the bar, which can only then be taken away


def _hear_nothing(_event: Event) -> None:
    """Nobody looks."""


@contextlib.contextmanager
def _around(lines: Lines, bar: Bar) -> Iterator[None]:
    """Let the lines pass above the bar, where they go to the same terminal."""
    if sys.stdout is not None and _is_terminal_of_stderr(sys.stdout.fileno()):
        lines.around = bar.around
    try:
        yield
    finally:
        lines.around = bytes


class _Below(Terminal):
    """The terminal on which lines appear, too: not to be written to in the middle of one."""

    def __init__(self, descriptor: int, lines: Lines) -> None:
        super().__init__(descriptor)
        self._lines = lines

    def put(self, data: bytes) -> None:
        """Write this, if no line is under way: then it comes with the next."""
        if self._lines.are_written:
            super().put(data)


def _is_terminal_of_stderr(descriptor: int) -> bool:
    return os.isatty(descriptor) and os.fstat(descriptor).st_rdev == os.fstat(sys.stderr.fileno()).st_rdev
