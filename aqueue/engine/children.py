"""Learning of the end of a child by its pidfd, and what it has used.

Python 3.11 would start a thread for every process; a pidfd is half again as fast, and is what later Pythons choose by
themselves. Reaping with wait4(2) also tells what the kernel accounts of a run: later Pythons offer no way to do that,
and there it is unknown.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias

LOOK_EVERY = 0.05
"""Seconds between two looks at a child for which no descriptor was to be had."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used, its shell and all that the shell has waited for.

    `peak_bytes` is the memory of its largest process; None if that was less than the worker's own.
    """

    cpu_seconds: float
    peak_bytes: int | None


_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
_usages: dict[int, Usage] = {}


def usage_of(pid: int) -> Usage | None:
    """What a child that has ended has used; None where it is not known. It is told once."""
    return _usages.pop(pid, None)


def _peak(maxrss: int) -> int | None:
    # A child begins its life in the memory of the worker, and the kernel counts that in: less than that is not known.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return maxrss * _PEAK_UNIT if maxrss > own else None


def watch_children() -> None:
    """Let the running loop learn of the ends of its children in this way, where it does not do so by itself."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        asyncio.set_child_watcher(_Watcher(asyncio.get_running_loop()))


if sys.version_info < (3, 12):
    Callback: TypeAlias = Callable[..., object]

    class _Watcher(asyncio.AbstractChildWatcher):
        """One pidfd a child, in the loop that it was made in."""

        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self._loop = loop
            self._pidfds: dict[int, int] = {}

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def is_active(self) -> bool:
            """Whether children can be started."""
            return self._loop.is_running()

        def attach_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
            """Nothing: a watcher stays with its loop."""

        def close(self) -> None:
            """Nothing: the descriptors are closed when their children end."""

        def add_child_handler(self, pid: int, callback: Callback, *args: object) -> None:
            """Call back when the child has ended. Never fails: the child runs already, and must be waited for."""
            try:
                self._pidfds[pid] = os.pidfd_open(pid)
            except OSError:
                self._look_again(pid, callback, args)
            else:
                self._loop.add_reader(self._pidfds[pid], self._ended, pid, callback, args)

        def remove_child_handler(self, pid: int) -> bool:
            """Forget a child; says whether it was known."""
            if (pidfd := self._pidfds.pop(pid, None)) is None:
                return False
            self._loop.remove_reader(pidfd)
            os.close(pidfd)
            return True

        def _ended(self, pid: int, callback: Callback, args: Iterable[object]) -> None:
            self.remove_child_handler(pid)
            self._reap(pid, 0, callback, args)

        def _look_again(self, pid: int, callback: Callback, args: Iterable[object]) -> None:
            # No descriptor was left for this one. It is the exception for which there is a timer.
            if not self._reap(pid, os.WNOHANG, callback, args):
                self._loop.call_later(LOOK_EVERY, self._look_again, pid, callback, args)

        def _reap(self, pid: int, flags: int, callback: Callback, args: Iterable[object]) -> bool:
            reaped, status, used = os.wait4(pid, flags)
            if reaped:
                _usages[pid] = Usage(used.ru_utime + used.ru_stime, _peak(used.ru_maxrss))
                callback(pid, os.waitstatus_to_exitcode(status), *args)
            return bool(reaped)
