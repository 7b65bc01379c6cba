"""The dispatcher: brings jobs and free slots together.

It offers its free slots to the committer and hands each job that comes back to the slot it was claimed for. When a
claim brings fewer jobs than there are free slots, the line is empty: the alarm is set for the next waiting job, and
after that only the doorbell wakes it.
"""

import asyncio
from collections.abc import Callable, Sequence

from aqueue.engine.alarm import Alarm
from aqueue.engine.clock import Clock
from aqueue.engine.committer import Committer, Ended
from aqueue.model.ending import Interrupted
from aqueue.model.job import Job
from aqueue.store.sql import Claimed


class Dispatcher:
    """Knows which slots are free and whether it is worth asking for jobs."""

    def __init__(self, committer: Committer, clock: Clock, on_empty: Callable[[], None]) -> None:
        self._committer = committer
        self._alarm = Alarm(clock, self.wake)
        self._on_empty = on_empty
        self._free: dict[int, asyncio.Future[Job | None]] = {}
        self._wanted = False
        self._draining = False
        committer.serve(self)

    async def next_job(self, slot: int) -> Job | None:
        """The next job for this slot; None when the worker drains."""
        if self._draining:
            return None
        self._free[slot] = asyncio.get_running_loop().create_future()
        self.wake()
        return await self._free[slot]

    def wake(self) -> None:
        """Look for jobs: one may have been added, or is due, or a slot is free."""
        if self._free and not self._draining:
            self._wanted = True
            self._committer.wake()

    def drain(self) -> None:
        """Hand out nothing more."""
        self._draining = True
        self._alarm.set(None)
        for waiting in self._free.values():
            waiting.set_result(None)
        self._free.clear()

    def offer(self) -> Sequence[int]:
        """The free slots, if jobs are wanted for them."""
        slots = sorted(self._free) if self._wanted else []
        self._wanted = False
        return slots

    def deliver(self, claimed: Claimed) -> None:
        """Hand each job to its slot; put back what came after the end."""
        for job in claimed.jobs:
            waiting = self._free.pop(job.slot, None) if job.slot is not None else None
            if waiting is None:
                self._committer.settle(Ended(job, Interrupted(), 0.0))
            else:
                waiting.set_result(job)
        if not self._draining:
            self._alarm.set(claimed.next_run_at)
            if not claimed.jobs:
                self._on_empty()

    def fail(self) -> None:
        """Ask again: the committer waits before it tries."""
        self.wake()
