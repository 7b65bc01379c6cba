"""Children: starting a shell, learning of its end by a pidfd, and what it has used.

Python 3.11 would start a thread for every process; a pidfd is half again as fast, and is what later Pythons choose by
themselves. Reaping with wait4(2) also tells what the kernel accounts of a run: later Pythons offer no way to do that,
and there it is unknown.
"""

import asyncio
import contextlib
import functools
import os
import resource
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self, TypeAlias

from aqueue.engine.readers import Readers, readers

LOOK_EVERY = 0.05
"""Seconds between two looks at a child for which no descriptor was to be had."""

SPARE_DESCRIPTORS = 8
"""What a start takes for a moment: two pipes to the shell and its error, and the pidfd that it keeps."""

UNKNOWN = 255
"""The exit code of a child whose end somebody else has taken."""

MARGIN = 2 * 1024**2
"""Bytes by which the kernel's count of a child may exceed the worker's own without meaning anything."""

_reaped: ContextVar["asyncio.Future[End] | None"] = ContextVar("reaped", default=None)
"""Where the watcher tells the end of the child that this task starts. Other code in our loop has other contexts."""

_own_peak = 0
"""The most memory that the worker was seen to have, in bytes."""

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used, its shell and all that the shell has waited for.

    `peak_bytes` is the memory of its largest process; None if that was less than the worker's own.
    """

    cpu_seconds: float
    peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class End:
    """How a child has ended: its exit code, below 0 the signal that killed it; and what it has used, if known."""

    code: int
    usage: Usage | None


class Child:
    """A shell that was started."""

    def __init__(self, process: Process, reaped: "asyncio.Future[End] | None") -> None:
        self.pid = process.pid
        self._process = process
        self._reaped = reaped

    @property
    def has_ended(self) -> bool:
        """Whether it was reaped; its process id may be another's by now."""
        return self._process.returncode is not None or (self._reaped is not None and self._reaped.done())

    async def wait(self) -> End:
        """Wait until it has ended."""
        if self._reaped is None:
            return End(await self._process.wait(), None)
        return await self._reaped  # some turns of the loop before asyncio's own word


def watch_children() -> None:
    """Learn of the ends of children by pidfds, also if SIGCHLD was ignored when we came."""
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.version_info < (3, 12):
        asyncio.set_child_watcher(_Watcher())


async def start(command: str, *, stdout: int, stderr: int, cwd: str | None, environ: Mapping[bytes, bytes]) -> Child:
    """Start a shell that runs a command as a session of its own, with nothing to read.

    Raises OSError or ValueError if it could not be started, and then nothing of it runs.
    """
    if sys.version_info >= (3, 12):
        _make_sure_of_descriptors(stdout)
    reaped = asyncio.get_running_loop().create_future() if sys.version_info < (3, 12) else None
    _reaped.set(reaped)
    process = await asyncio.create_subprocess_shell(
        command,
        stdin=_nothing(),
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=environ,
        start_new_session=True,
    )
    return Child(process, reaped)


@functools.cache
def _nothing() -> int:
    """/dev/null, opened once for all runs."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


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
    peak = used.ru_maxrss * _PEAK_UNIT
    return Usage(used.ru_utime + used.ru_stime, peak if _is_its_own(peak) else None)


def _is_its_own(peak: int) -> bool:
    """Whether a child has had more memory than the worker.

    It begins its life in the memory of the worker, and the kernel counts that in: less than that is not known.
    """
    global _own_peak
    if peak > _own_peak + MARGIN:  # it never shrinks: asked again only for what seems to be above it
        _own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    return peak > _own_peak + MARGIN


if sys.version_info < (3, 12):
    Callback: TypeAlias = Callable[..., object]

    class _Watcher(asyncio.AbstractChildWatcher):
        """One pidfd a child, in whichever loop started it: a program around us may have others."""

        def __init__(self) -> None:
            self._watched: dict[int, tuple[Readers, int]] = {}

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
            loop, waiting = asyncio.get_running_loop(), _Waiting(_reaped.get(), callback, args)
            _reaped.set(None)
            try:
                pidfd = os.pidfd_open(pid)
            except (OSError, AttributeError):
                self._look_again(loop, pid, waiting)
                return
            try:
                readers().add(pidfd, functools.partial(self._ended, pid, waiting))
            except OSError:
                os.close(pidfd)
                self._look_again(loop, pid, waiting)
            else:
                self._watched[pid] = readers(), pidfd

        def remove_child_handler(self, pid: int) -> bool:
            """Forget a child; says whether it was known."""
            if pid not in self._watched:
                return False
            its_readers, pidfd = self._watched.pop(pid)
            its_readers.remove(pidfd)
            os.close(pidfd)
            return True

        def _ended(self, pid: int, waiting: "_Waiting") -> None:
            self.remove_child_handler(pid)
            _reap(pid, 0, waiting)

        def _look_again(self, loop: asyncio.AbstractEventLoop, pid: int, waiting: "_Waiting") -> None:
            # No descriptor was to be had for this one. It is the exception for which there is a timer.
            if not _reap(pid, os.WNOHANG, waiting):
                loop.call_later(LOOK_EVERY, self._look_again, loop, pid, waiting)

    @dataclass(frozen=True, slots=True)
    class _Waiting:
        """Who waits for the end of a child: the run, if it is one of ours, and asyncio."""

        reaped: "asyncio.Future[End] | None"
        callback: Callback
        args: Iterable[object]

        def tell(self, pid: int, end: End) -> None:
            if self.reaped is not None and not self.reaped.done():
                self.reaped.set_result(end)
            self.callback(pid, end.code, *self.args)

    def _reap(pid: int, flags: int, waiting: _Waiting) -> bool:
        try:
            reaped, status, used = os.wait4(pid, flags)
        except ChildProcessError:  # a program around us has taken it
            waiting.tell(pid, End(UNKNOWN, None))
            return True
        if reaped:
            waiting.tell(pid, End(os.waitstatus_to_exitcode(status), _usage(used)))
        return bool(reaped)
