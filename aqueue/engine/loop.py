"""The event loop of a worker: asyncio's own, but that it starts shells and learns of their ends in its own way.

`asyncio.create_subprocess_shell` asks the loop to do it, so a loop may choose how. asyncio's own goes through
subprocess.Popen, a task and five turns of the loop for each process, which costs 190 µs of a worker's time where this
costs 120. One `posix_spawn(3)` starts the shell, a pidfd tells of its end, and `wait4(2)` reaps it and tells what the
kernel accounts of it: asyncio has no way to ask for that.
"""

import asyncio
import functools
import os
import resource
from asyncio.subprocess import PIPE
from collections.abc import Callable, Coroutine, Sequence
from typing import IO, Any, TypeVar

from aqueue.engine.niceness import nicely
from aqueue.engine.oom import Score
from aqueue.engine.readers import readers
from aqueue.engine.spawn import Block, spawn
from aqueue.model.record import record

P = TypeVar("P", bound=asyncio.BaseProtocol)
T = TypeVar("T")

SHELL = b"/bin/sh"

LOOK_EVERY = 0.05
"""Seconds between two looks at a child for which no descriptor was to be had."""

UNKNOWN = 255
"""The exit code of a child whose end somebody else has taken."""


@record
class End:
    """How a child has ended: its exit code, below 0 the signal that killed it; and what the kernel accounts of it."""

    code: int
    used: resource.struct_rusage | None


class Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, with children of its own. What it starts has no more descriptors than it is given."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: dict[int, asyncio.Future[End]] = {}
        self.children: set[int] = set()
        """The processes that it has started and not yet reaped: nobody else may."""
        self.score: Score | None = None
        """If there is one, what is started is likelier to be killed than this process, where memory is short."""

    def end_of(self, pid: int) -> "asyncio.Future[End]":
        """The end of a child that this loop has started; to be asked for once."""
        return self._ends.pop(pid)

    async def subprocess_shell(
        self,
        protocol_factory: Callable[[], P],
        cmd: bytes | str,
        *,
        stdin: int | IO[Any] | None = PIPE,
        stdout: int | IO[Any] | None = PIPE,
        stderr: int | IO[Any] | None = PIPE,
        cwd: str | None = None,
        env: Block | None = None,
        **options: Any,
    ) -> tuple[asyncio.SubprocessTransport, P]:
        """Start a shell as a session of its own, with these descriptors and this environment.

        Raises OSError or ValueError if it could not be started, and then nothing of it runs. Of what asyncio's loop can
        do, this is all that a worker needs: anything else is a NotImplementedError.
        """
        if env is None or options != {"start_new_session": True}:
            raise NotImplementedError(f"a shell without an environment of its own, or with {options}")
        streams = [_descriptor(one) for one in (stdin, stdout, stderr)]
        pid = self._spawn((SHELL, b"-c", os.fsencode(cmd)), env, streams, None if cwd is None else os.fsencode(cwd))
        protocol = protocol_factory()
        transport = Shell(pid, protocol, self.children)
        self._ends[pid] = transport.end
        protocol.connection_made(transport)
        transport.watch()
        return transport, protocol

    def _spawn(self, words: Sequence[bytes], env: Block, streams: Sequence[int], cwd: bytes | None) -> int:
        if self.score is not None:
            self.score.raise_()
        try:
            pid = nicely(lambda: spawn(words, env, streams, cwd))
        finally:
            if self.score is not None:
                self.score.lower()
        self.children.add(pid)
        return pid


def run(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, on such a loop."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)


class Shell(asyncio.SubprocessTransport):
    """A shell that was started. Its streams are its owner's."""

    def __init__(self, pid: int, protocol: asyncio.BaseProtocol, unreaped: set[int]) -> None:
        super().__init__()
        self._pid = pid
        self._unreaped = unreaped
        self._protocol = protocol
        self._readers = readers()
        self.end: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def get_pid(self) -> int:
        """Its process id, which may be another's when it has ended."""
        return self._pid

    def get_returncode(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.end.result().code if self.end.done() else None

    def get_pipe_transport(self, fd: int) -> None:
        """None: its streams are its owner's."""

    def close(self) -> None:
        """Nothing: it is watched to its end."""

    async def _wait(self) -> int:  # what `Process.wait` calls
        return (await asyncio.shield(self.end)).code

    def watch(self) -> None:
        """Learn of its end. Never fails: it runs already, and must be waited for."""
        try:
            pidfd = os.pidfd_open(self._pid)
        except (OSError, AttributeError):
            self._look_again()
            return
        try:
            self._readers.add(pidfd, functools.partial(self._ended, pidfd))
        except OSError:
            os.close(pidfd)
            self._look_again()

    def _ended(self, pidfd: int) -> None:
        self._readers.remove(pidfd)
        os.close(pidfd)
        self._reap(0)

    def _look_again(self) -> None:
        # No descriptor was to be had for this one. It is the exception for which there is a timer.
        if not self._reap(os.WNOHANG):
            asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_again)

    def _reap(self, flags: int) -> bool:
        try:
            reaped, status, used = os.wait4(self._pid, flags)
        except ChildProcessError:  # a program around us has taken it
            self._tell(End(UNKNOWN, None))
            return True
        if reaped:
            self._tell(End(os.waitstatus_to_exitcode(status), used))
        return bool(reaped)

    def _tell(self, end: End) -> None:
        self._unreaped.discard(self._pid)
        self.end.set_result(end)
        if isinstance(self._protocol, asyncio.SubprocessProtocol):
            self._protocol.process_exited()
            self._protocol.connection_lost(None)


def _descriptor(given: int | IO[Any] | None) -> int:
    if not isinstance(given, int) or given < 0:
        raise NotImplementedError(f"a stream that is {given}, and no descriptor")
    return given
