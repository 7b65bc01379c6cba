"""One run of a command: start it, wait for its shell, end what is left of it, and say how it ended.

The command is a session and so a process group of its own: ending it means TERM to the group, and KILL a while later.
The run is over when its shell has ended and nothing of its group runs any more; `setsid` is the way to leave something
behind on purpose.
"""

import asyncio
import errno
import signal
from collections.abc import Callable
from dataclasses import dataclass

from aqueue.engine import group, proc
from aqueue.engine.children import Child, Usage, start
from aqueue.engine.clock import Clock, Timer
from aqueue.engine.output import Output
from aqueue.engine.spawn import Block
from aqueue.model.ending import Ending, Exited, NotStarted, Signalled, TimedOut
from aqueue.model.job import Job


class Shortage(Exception):
    """The run could not be started for want of something that may be there again in a moment: not the job's fault."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, what it printed, and what it used as far as that is known."""

    ending: Ending
    output: Output | None = None
    usage: Usage | None = None


class Run:
    """One run of a job. `kill_after` is from TERM to KILL, in seconds, when its timeout or its leftovers are ended."""

    def __init__(
        self,
        job: Job,
        environ: Callable[[], Block],
        clock: Clock,
        kill_after: float,
        make_output: Callable[[Job], Output],
        on_started: Callable[[], None],
    ) -> None:
        self.job = job
        self._on_started = on_started
        self._make_output = make_output
        self._environ = environ
        self._clock = clock
        self._kill_after = kill_after
        self._child: Child | None = None
        self._ordered: Ending | None = None
        self._timers: list[Timer] = []

    def end(self, ending: Ending, kill_after: float) -> None:
        """End the run: the first order says how it will have ended, and each may shorten the wait for KILL."""
        self._ordered = self._ordered or ending
        self._kill_after = min(self._kill_after, kill_after)
        if self._child is not None and not self._child.has_ended:
            self._terminate(self._child.pid)

    async def run(self) -> Outcome:
        """Run the command to its end. Raises Shortage; then it may be tried again."""
        try:
            output = self._make_output(self.job)
        except OSError as error:
            raise Shortage(_reason(error)) from error
        try:
            return await self._run(output)
        except asyncio.CancelledError:
            # Nobody waits for it any more, and it must not go on without being watched.
            if self._child is not None:
                group.send(self._child.pid, signal.SIGKILL)
            raise
        finally:
            for timer in self._timers:
                timer.cancel()
            output.close()

    async def _run(self, output: Output) -> Outcome:
        if self._ordered:
            return Outcome(self._ordered)
        try:
            child = self._child = await self._start(output)
        except OSError as error:
            if error.errno in proc.SHORTAGES:
                raise Shortage(_reason(error)) from error
            return Outcome(NotStarted(_reason(error)))
        except ValueError as error:  # a NUL, or in the environment what stands for no byte
            return Outcome(NotStarted(str(error)))
        finally:
            output.started()
        self._on_started()
        self._arm(child)
        code, usage = await child.wait()
        ending = self._ordered or _ending_of(code)
        await group.end(child.pid, self._kill_after)
        output.close()
        return Outcome(ending, output, usage)

    async def _start(self, output: Output) -> Child:
        return await start(
            self.job.command, stdout=output.stdout, stderr=output.stderr, cwd=self.job.cwd, environ=self._environ()
        )

    def _arm(self, child: Child) -> None:
        if self._ordered:  # while it was being started
            self._terminate(child.pid)
        elif self.job.timeout is not None:
            ending = TimedOut(self.job.timeout)
            self._timers.append(self._clock.call_later(self.job.timeout, lambda: self.end(ending, self._kill_after)))

    def _terminate(self, pid: int) -> None:
        group.send(pid, signal.SIGTERM)
        self._timers.append(self._clock.call_later(self._kill_after, lambda: group.send(pid, signal.SIGKILL)))


def _ending_of(code: int) -> Ending:
    return Exited(code) if code >= 0 else Signalled(-code)


def _reason(error: OSError) -> str:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EACCES} and error.filename:
        return f"{error.strerror}: {error.filename}"
    return error.strerror or str(error)
