"""Children: starting a shell, learning of its end, and what it has used."""

import asyncio
import contextlib
import functools
import os
import resource
import signal
import sys
from collections.abc import Iterator

from aqueue.engine.loop import End, Loop
from aqueue.engine.niceness import nicer
from aqueue.engine.oom import Score
from aqueue.engine.spawn import Block
from aqueue.model.record import record

MARGIN = 2 * 1024**2
"""Bytes by which the kernel's count of a child may exceed the worker's own without meaning anything."""

_own_peak = 0
"""The most memory that the worker was seen to have, in bytes."""

_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@record
class Usage:
    """What a run has used, its shell and all that the shell has waited for.

    `peak_bytes` is the memory of its largest process; None if that was less than the worker's own.
    """

    cpu_seconds: float
    peak_bytes: int | None


class Child:
    """A shell that was started."""

    def __init__(self, pid: int, end: "asyncio.Future[End]") -> None:
        self.pid = pid
        self._end = end

    @property
    def has_ended(self) -> bool:
        """Whether it was reaped; its process id may be another's by now."""
        return self._end.done()

    async def wait(self) -> tuple[int, Usage | None]:
        """Wait until it has ended: its exit code, below 0 the signal that killed it, and what it has used if known."""
        end = await self._end
        return end.code, None if end.used is None else _usage(end.used)


def expect_children() -> None:
    """Make this process fit to have children, whatever it has inherited. Raises RuntimeError on a loop of another kind.

    Where SIGCHLD is ignored, the kernel reaps them itself, and nobody learns how they have ended. And what was left
    open to us should not be open to them.
    """
    if not isinstance(asyncio.get_running_loop(), Loop):
        raise RuntimeError("a worker needs a loop that starts shells: aqueue.engine.loop.run")
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        with contextlib.suppress(ValueError):  # only the main thread may
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/dev/fd"):
            if int(name) > 2:
                with contextlib.suppress(OSError):  # that which has listed them
                    os.set_inheritable(int(name), False)


@contextlib.contextmanager
def killed_first() -> Iterator[None]:
    """What is started in this block is killed before this process where memory is short, if the kernel lets it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.score = score = Score.of_this_process()
    try:
        yield
    finally:
        loop.score = None
        if score is not None:
            score.close()


async def start(
    command: str,
    *,
    stdin: int | None = None,
    stdout: int,
    stderr: int,
    cwd: str | None,
    environ: Block,
    nice: int | None = None,
) -> Child:
    """Start a shell that runs a command as a session of its own, with nothing to read if no `stdin` is given.

    It is nicer than this process by `nice`. Raises OSError or ValueError if it could not be started, Unable if it never
    can be, and then nothing of it runs. The running loop must be a Loop of ours.
    """
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    given = _nothing() if stdin is None else stdin
    with nicer(nice) if nice else _AS_IT_IS:
        process = await asyncio.create_subprocess_shell(
            command, stdin=given, stdout=stdout, stderr=stderr, cwd=cwd, env=environ, start_new_session=True
        )
    return Child(process.pid, loop.end_of(process.pid))


_AS_IT_IS = contextlib.nullcontext()


@functools.cache
def _nothing() -> int:
    """/dev/null, opened once for all runs."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


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
