"""Reaping strangers: orphans become children of the first process of a container, and somebody must take their zombies.

Never by `waitpid(-1)`: that takes the ends of runs from those who wait for them, a quarter of all exit codes where both
are busy. Only by process id, and only what this loop has not started. Nothing is started meanwhile: the thread of the
loop does both, each at one go. `waitid(2)` with WNOWAIT is no way either: it goes on naming the first child that has
ended, and that may be a run's.

SIGCHLD says that a child has ended, but not whose. So it is no more than a reason to look, a moment later, for all that
end in that moment. Where no orphan can come, nothing of this is there.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from aqueue.engine.loop import Loop

LOOK_AFTER = 0.1
"""Seconds from the end of a child to the look at all of them."""

_PR_GET_CHILD_SUBREAPER = 37


@contextlib.contextmanager
def strangers_reaped() -> Iterator[None]:
    """Until the end of the block, reap what others leave to this process, if that is how orphans go here.

    In the main thread, on a loop of ours.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    if not takes_orphans():
        yield
        return
    reaper = _Reaper(loop)
    before = signal.signal(signal.SIGCHLD, reaper.hear)
    reaper.look()  # what was here before
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
        reaper.close()


def takes_orphans() -> bool:
    """Whether orphans become children of this process: the first of its namespace, or a sub-reaper. `prctl(2)`."""
    if os.getpid() == 1:
        return True
    libc, answer = ctypes.CDLL(None), ctypes.c_int(0)
    if not hasattr(libc, "prctl") or libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0) != 0:
        return False
    return answer.value != 0


class _Reaper:
    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._is_told = False
        self._timer: asyncio.TimerHandle | None = None

    def hear(self, *_: object) -> None:
        """A child has ended. The signal interrupts whatever runs."""
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._look_soon)

    def _look_soon(self) -> None:
        self._timer = self._loop.call_later(LOOK_AFTER, self.look)

    def look(self) -> None:
        """Reap all strangers that have ended."""
        self._is_told = False
        for pid in _children():
            if pid not in self._loop.children:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def close(self) -> None:
        """Look a last time."""
        if self._timer is not None:
            self._timer.cancel()
        self.look()


def _children() -> list[int]:
    """The children of this process, those that have ended with them."""
    return _listed() if Path(f"/proc/self/task/{os.getpid()}/children").exists() else _searched()


def _listed() -> list[int]:
    found: list[int] = []
    for task in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError):  # a thread that has just ended; its children are another's then
            found += map(int, Path(f"/proc/self/task/{task}/children").read_bytes().split())
    return found


def _searched() -> list[int]:
    """The same where the kernel was built without that list: rare, and not the place to be fast."""
    with contextlib.suppress(OSError):
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent_of(pid) == os.getpid()]
    return []


def _parent_of(pid: int) -> int | None:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    return None
