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
from aqueue.engine.oom import Kills
from aqueue.engine.output import Output
from aqueue.engine.room import Room, Rooms
from aqueue.engine.spawn import Block
from aqueue.engine.unable import Unable
from aqueue.model.ending import Ending, Exited, NotStarted, Signalled, TimedOut
from aqueue.model.job import Job
from aqueue.model.record import record


class Shortage(Exception):
    """The run could not be started for want of something that may be there again in a moment: not the job's fault."""


@record
class Outcome:
    """How a run ended, what it printed, and what it used as far as that is known."""

    ending: Ending
    output: Output | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What the runs of a worker have to do with memory: rooms for those with a limit, and what the kernel kills."""

    rooms: Rooms
    kills: Kills


KILLED = frozenset({-signal.SIGKILL, 128 + signal.SIGKILL})
"""How a shell ends that was killed, or whose last command was."""


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
        memory: Memory,
    ) -> None:
        self.job = job
        self._memory = memory
        self._room: Room | None = None
        self._kills_before = 0
        self._is_left = False
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
        if self._child is not None and (self._is_left or not self._child.has_ended):
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
            if self._room is not None:
                self._room.close()

    async def _run(self, output: Output) -> Outcome:
        if self._ordered:
            return Outcome(self._ordered)
        try:
            child = self._child = await self._start(output)
        except OSError as error:
            if error.errno in proc.SHORTAGES:
                raise Shortage(_reason(error)) from error
            return Outcome(NotStarted(_reason(error)))
        except Unable as error:
            return Outcome(NotStarted(str(error), for_good=True))
        except ValueError as error:  # a NUL, or in the environment what stands for no byte
            return Outcome(NotStarted(str(error)))
        finally:
            output.started()
        self._on_started()
        self._arm(child)
        code, usage = await child.wait()
        ending = self._ordered or _ending_of(code, out_of_memory=code != 0 and self._is_out_of_memory(code))
        # From here on only an order that comes meanwhile may shorten the wait: it can be for the whole worker to stop.
        self._is_left = True
        await group.end(child.pid, self._kill_after)
        self._is_left = False
        output.close()
        return Outcome(ending, output, usage)

    async def _start(self, output: Output) -> Child:
        job, command = self.job, self.job.command
        if job.memory is not None:
            self._room = self._memory.rooms.make(f"{job.seq}-{job.run}", job.memory)
            command = self._room.inside(command)
        self._kills_before = self._memory.kills.before()
        return await start(
            command, stdout=output.stdout, stderr=output.stderr, cwd=job.cwd, environ=self._environ(), nice=job.nice
        )

    def _is_out_of_memory(self, code: int) -> bool:
        """Whether a run that has failed did so because the kernel took its memory away."""
        if self._room is not None and (killed := self._room.killed):
            if self._room.is_counted_above:
                self._memory.kills.account(killed)
            return True
        return code in KILLED and self._memory.kills.took(self._kills_before)

    def _arm(self, child: Child) -> None:
        if self._ordered:  # while it was being started
            self._terminate(child.pid)
        elif self.job.timeout is not None:
            ending = TimedOut(self.job.timeout)
            self._timers.append(self._clock.call_later(self.job.timeout, lambda: self.end(ending, self._kill_after)))

    def _terminate(self, pid: int) -> None:
        group.send(pid, signal.SIGTERM)
        self._timers.append(self._clock.call_later(self._kill_after, lambda: group.send(pid, signal.SIGKILL)))


def _ending_of(code: int, *, out_of_memory: bool) -> Ending:
    return Exited(code, out_of_memory) if code >= 0 else Signalled(-code, out_of_memory)


def _reason(error: OSError) -> str:
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EACCES} and error.filename:
        return f"{error.strerror}: {error.filename}"
    return error.strerror or str(error)
