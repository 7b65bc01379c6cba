"""What signals mean to a worker: the first one drains it, every later one ends its jobs and puts them back."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def obeyed(first: Callable[[], None], later: Callable[[], None]) -> Iterator[None]:
    """Call `first` in the running loop at the first of the stopping signals and `later` at each one after it.

    At the end of the block the signals mean again what they meant before; but when one came, they are ignored from then
    on: the process is on its way out, and one more would only spoil its exit code. `nohup` is respected: a SIGHUP that
    was ignored when the process began stays ignored.
    """
    before = {number: signal.getsignal(number) for number in STOPPING if not _is_for_nohup(number)}
    stop = _Stop(first, later)
    # Not `loop.add_signal_handler`: when that is taken back, also by the end of the loop, there is a moment in which
    # a signal kills the process.
    for number in before:
        signal.signal(number, stop.hear)
    try:
        yield
    finally:
        for number, meaning in before.items():
            signal.signal(number, signal.SIG_IGN if stop.is_asked else meaning)


class _Stop:
    def __init__(self, first: Callable[[], None], later: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._first = first
        self._later = later
        self.is_asked = False

    def hear(self, *_: object) -> None:
        """The signal interrupts whatever runs, so nothing is done here but waking the loop."""
        self._loop.call_soon_threadsafe(self._later if self.is_asked else self._first)
        self.is_asked = True


def _is_for_nohup(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
