"""The dispatcher: brings jobs and free slots together.

It offers its free slots to the committer and hands each job that comes back to the slot it was claimed for. When a
claim brings fewer jobs than were asked for, the line is empty: the alarm is set for the next waiting job, and after
that only the doorbell wakes it.
"""

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping

from aqueue.engine.ahead import SHORT, Ahead
from aqueue.engine.alarm import Alarm
from aqueue.engine.clock import Clock, Timer
from aqueue.engine.committer import Committer, Ended
from aqueue.model.ending import Cancelled, Interrupted
from aqueue.model.job import Job
from aqueue.model.line import Served
from aqueue.store.line import Claimed, claim
from aqueue.store.sql import Begun
from aqueue.store.statement import Ask

REST = 0.01
"""Seconds for which a claim may wait while all slots are busy …"""

LONG_REST = 0.03
"""… and while there are jobs for those that become free: half of what is claimed ahead."""


class Dispatcher:
    """Knows which slots of a worker are free, which queues they serve, and whether it is worth asking for jobs."""

    def __init__(
        self, worker: str, served: Served | None, committer: Committer, clock: Clock, on_empty: Callable[[], None]
    ) -> None:
        self._worker = worker
        self._served = served
        self._turns: Mapping[str, int] = {}
        self._committer = committer
        self._clock = clock
        self._alarm = Alarm(clock, self.wake)
        self._on_empty = on_empty
        self._free: dict[int, asyncio.Future[Job | None]] = {}
        self._ahead = Ahead()
        self._looking: Timer | None = None
        self._wanted = False
        self._draining = False
        committer.serve(self)

    async def next_job(self, slot: int) -> Job | None:
        """The next job for this slot, which has done the one before; None when the worker drains."""
        now = _now()
        self._ahead.free(slot, now)
        if self._draining:
            return None
        if (job := self._ahead.take()) is not None:
            self._ahead.hand(job, slot, now, is_guess=True)
            self.wake()
            return job
        self._free[slot] = asyncio.get_running_loop().create_future()
        self.wake()
        return await self._free[slot]

    def wake(self) -> None:
        """Look for jobs: one may have been added, or is due, or a slot is free."""
        if not self._draining and (self._free or self._ahead.wanted(_now())):
            self._wanted = True
            self._committer.wake()

    def drain(self) -> None:
        """Hand out nothing more, and put back what is claimed ahead."""
        self._draining = True
        self._alarm.set(None)
        for waiting in self._free.values():
            waiting.set_result(None)
        self._free.clear()
        self._put_back(self._ahead.drop(lambda _: True))

    def cancel(self, runs: frozenset[tuple[int, int]]) -> None:
        """Cancel what is claimed ahead of these, as (seq, run)."""
        for job in self._ahead.drop(lambda job: job.run_key in runs):
            self._committer.settle(Ended(job, Cancelled()))

    def pause(self, queues: frozenset[str]) -> None:
        """Put back what is claimed ahead of these queues: it would start across their pause."""
        self._put_back(self._ahead.drop(lambda job: job.queue in queues))

    def claim(self, now: float) -> Ask[Claimed] | None:
        """The claim that is wanted: for the slots that are free first, and for those that soon will be."""
        slots = [*sorted(self._free), *self._ahead.wanted(_now())] if self._wanted else []
        self._wanted = False
        return functools.partial(claim, self._worker, slots, now, self._served, self._turns) if slots else None

    def deliver(self, claimed: Claimed) -> None:
        """Hand each job to its slot; keep what came for a slot that is not free yet, put back what came too late."""
        now = _now()
        self._turns = claimed.turns
        for job in claimed.jobs:
            if self._draining:
                self._put_back([job])
            elif job.slot in self._free:
                self._hand(job, job.slot, now, is_guess=False)
            else:
                self._ahead.add(job, now)
        while self._free and (spare := self._ahead.take()) is not None:
            self._hand(spare, next(iter(self._free)), now, is_guess=True)
        if not self._draining:
            self._alarm.set(claimed.next_run_at)
            self._look_later()
            if not claimed.jobs:
                self._on_empty()

    @property
    def can_wait(self) -> float:
        """For how many seconds no slot will miss a claim: all are busy, and may even have the next job already."""
        if self._free:
            return 0.0
        return LONG_REST if self._ahead.has_jobs else REST

    def fail(self) -> None:
        """Ask again: the committer waits before it tries."""
        self.wake()

    def _hand(self, job: Job, slot: int, now: float, *, is_guess: bool) -> None:
        self._ahead.hand(job, slot, now, is_guess=is_guess)
        self._free.pop(slot).set_result(job)

    def _look_later(self) -> None:
        if self._looking is None and not self._ahead.is_empty:
            self._looking = self._clock.call_later(SHORT, self._look)

    def _look(self) -> None:
        """See to what was claimed ahead and takes longer than was thought."""
        self._looking = None
        now = _now()
        begun = [
            Begun(held.job, held.slot, self._clock.now() - (now - held.since)) for held in self._ahead.lasting(now)
        ]
        if begun:
            self._committer.begin(begun)
        self._put_back(self._ahead.stale(now))
        self._look_later()

    def _put_back(self, jobs: Iterable[Job]) -> None:
        now = self._clock.now()
        for job in jobs:
            assert job.slot is not None
            self._committer.settle(Ended(job, Interrupted(began=False), Begun(job, job.slot, now)))


def _now() -> float:
    return asyncio.get_running_loop().time()
