"""Children: starting a shell, learning of its end by a pidfd, and what it has used.

These are not asyncio's subprocesses. Those open their pidfd when the process has already been started, and where no
descriptor is left then, they say that it could not be: it would be started once more, beside itself. Here a process
that was started is waited for, come what may. Reaping it with wait4(2) also tells what the kernel accounts of a run.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from aqueue.engine import proc

UNKNOWN = 255
"""The exit code of a child whose end somebody else has taken: a program around us ignores SIGCHLD."""

MARGIN = 2 * 1024**2
"""Bytes by which the kernel's count of a child may exceed the worker's own without meaning anything."""

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used, its shell and all that the shell has waited for: processor time, and its largest memory."""

    cpu_seconds: float
    peak_bytes: int


def expect() -> None:
    """Let the kernel keep the ends of children for us, also if whoever started this program has told it not to."""
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)


class Child:
    """A shell that runs a command as a session of its own, with nothing to read.

    Raises OSError or ValueError if it could not be started, and then nothing of it runs.
    """

    def __init__(self, command: str, *, stdout: int, stderr: int, cwd: str | None, environ: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        self.usage: Usage | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its end is known, so that its id may belong to somebody else by now."""
        return self._popen.returncode is not None

    async def wait(self) -> int:
        """Wait for its end: its exit code, or the number of the signal that killed it, negative."""
        while (code := self._reap()) is None:
            await proc.end_of(self.pid)
        return code

    def forget(self) -> None:
        """Take its end, which comes at once: it has been killed, and nobody waits for it any more."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=1)

    def _reap(self) -> int | None:
        try:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
        except ChildProcessError:
            self._popen.returncode = UNKNOWN
        else:
            if pid:
                self._popen.returncode = os.waitstatus_to_exitcode(status)
                self.usage = _usage(used)
        return self._popen.returncode


def _usage(used: resource.struct_rusage) -> Usage:
    # wait4 would import that module when it has reaped its first child, and fail if no file can be opened then.
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss * _PEAK_UNIT)
