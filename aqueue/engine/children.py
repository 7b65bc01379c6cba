"""Children: starting a shell, learning of its end by a pidfd, and what it has used.

Python 3.11 would start a thread for every process; a pidfd is half again as fast, and is what later Pythons choose by
themselves. Reaping with wait4(2) also tells what the kernel accounts of a run: later Pythons offer no way to do that,
and there it is unknown.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

LOOK_EVERY = 0.05
"""Seconds between two looks at a child for which no descriptor was to be had."""

SPARE_DESCRIPTORS = 8
"""What a start takes for a moment: two pipes to the shell and its error, and the pidfd that it keeps."""

UNKNOWN = 255
"""The exit code of a child whose end somebody else has taken."""

MARGIN = 2 * 1024**2
"""Bytes by which the kernel's count of a child may exceed the worker's own without meaning anything."""

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used, its shell and all that the shell has waited for.

    `peak_bytes` is the memory of its largest process; None if that was less than the worker's own.
    """

    cpu_seconds: float
    peak_bytes: int | None


_usages: dict[int, Usage] = {}


def usage_of(pid: int) -> Usage | None:
    """What a child that has ended has used; None where it is not known. It is told once."""
    return _usages.pop(pid, None)


def watch_children() -> None:
    """Learn of the ends of children by pidfds, also if SIGCHLD was ignored when we came."""
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.version_info < (3, 12):
        asyncio.set_child_watcher(_Watcher())


async def start(command: str, *, stdout: int, stderr: int, cwd: str | None, environ: Mapping[str, str]) -> Process:
    """Start a shell that runs a command as a session of its own, with nothing to read.

    Raises OSError or ValueError if it could not be started, and then nothing of it runs.
    """
    if sys.version_info >= (3, 12):
        _make_sure_of_descriptors(stdout)
    return await asyncio.create_subprocess_shell(
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=environ,
        start_new_session=True,
    )


def _make_sure_of_descriptors(one: int) -> None:
    """Raise OSError if there are too few left to start a process.

    asyncio's own watcher opens the pidfd when the process has been started, and if that fails, asyncio says that there
    is no process: it would be started once more, beside itself.
    """
    spare: list[int] = []
    try:
        spare.extend(os.dup(one) for _ in range(SPARE_DESCRIPTORS))
    finally:
        for descriptor in spare:
            os.close(descriptor)


def _usage(used: resource.struct_rusage) -> Usage:
    # A child begins its life in the memory of the worker, and the kernel counts that in: less than that is not known.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    peak = used.ru_maxrss * _PEAK_UNIT
    return Usage(used.ru_utime + used.ru_stime, peak if peak > own + MARGIN else None)


if sys.version_info < (3, 12):
    Callback: TypeAlias = Callable[..., object]

    class _Watcher(asyncio.AbstractChildWatcher):
        """One pidfd a child, in whichever loop started it: a program around us may have others."""

        def __init__(self) -> None:
            self._watched: dict[int, tuple[asyncio.AbstractEventLoop, int]] = {}

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def is_active(self) -> bool:
            """Whether children can be started: always."""
            return True

        def attach_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
            """Nothing: each child has the loop that started it."""

        def close(self) -> None:
            """Nothing: the descriptors are closed when their children end."""

        def add_child_handler(self, pid: int, callback: Callback, *args: object) -> None:
            """Call back when the child has ended. Never fails: the child runs already, and must be waited for."""
            loop = asyncio.get_running_loop()
            try:
                pidfd = os.pidfd_open(pid)
            except (OSError, AttributeError):
                self._look_again(loop, pid, callback, args)
            else:
                self._watched[pid] = loop, pidfd
                loop.add_reader(pidfd, self._ended, pid, callback, args)

        def remove_child_handler(self, pid: int) -> bool:
            """Forget a child; says whether it was known."""
            if pid not in self._watched:
                return False
            loop, pidfd = self._watched.pop(pid)
            loop.remove_reader(pidfd)
            os.close(pidfd)
            return True

        def _ended(self, pid: int, callback: Callback, args: Iterable[object]) -> None:
            self.remove_child_handler(pid)
            self._reap(pid, 0, callback, args)

        def _look_again(
            self, loop: asyncio.AbstractEventLoop, pid: int, callback: Callback, args: Iterable[object]
        ) -> None:
            # No descriptor was to be had for this one. It is the exception for which there is a timer.
            if not self._reap(pid, os.WNOHANG, callback, args):
                loop.call_later(LOOK_EVERY, self._look_again, loop, pid, callback, args)

        def _reap(self, pid: int, flags: int, callback: Callback, args: Iterable[object]) -> bool:
            try:
                reaped, status, used = os.wait4(pid, flags)
            except ChildProcessError:  # a program around us has taken it
                callback(pid, UNKNOWN, *args)
                return True
            if reaped:
                _usages[pid] = _usage(used)
                callback(pid, os.waitstatus_to_exitcode(status), *args)
            return bool(reaped)
