"""What faces show of a queue that lives: pages of jobs, the whole at a glance, what changes. As ``queue.views``."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from aqueue.model.job import Job, Run, State
from aqueue.model.schedule import Schedule
from aqueue.model.selection import Filter
from aqueue.status import Status, Worker, worker_of
from aqueue.store import chain, changes, history, overview, pages, printed, reading
from aqueue.store.chain import Relatives
from aqueue.store.changes import Changes, Since
from aqueue.store.minutes import SECONDS, Minute
from aqueue.store.pages import Dead, Order, Page
from aqueue.store.printed import Part, Piece, Place, Stream
from aqueue.store.protocol import Store
from aqueue.store.queues import QueueRow
from aqueue.store.roster import WorkerRow

__all__ = ["Changes", "Dead", "Order", "Overview", "Page", "Part", "Piece", "Place", "Seen", "Since", "Stream", "Views"]

HOUR = 60
"""Minutes for which an overview tells what each came to."""

DAY = 24 * HOUR

SLOTS = 64
"""How many slots of a worker are looked into."""

COMING = 5
"""How many of the jobs and of the schedules that come next are told."""

LOOKED_AT = 10_000
"""How many of the newest dead jobs are grouped by their errors."""

NAMED = 5
"""How many jobs of such a group are named."""

RUNS = 200
"""How many runs of a job are told, the newest."""

RELATIVES = 50
"""How many parents and how many children of a job are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The queue at a glance. The minutes are the last sixty, the oldest first; `today` is that of UTC."""

    status: Status
    today: Minute
    minutes: Sequence[Minute]
    oldest: Mapping[str, float]
    running: Mapping[str, Mapping[int, Job]]
    """By worker and slot, what runs there."""
    next: Sequence[Job]
    schedules: Sequence[Schedule]
    cursor: int

    @property
    def average_attempts(self) -> float | None:
        """How many attempts a job has taken that completed or died today."""
        ended = self.today.completed + self.today.dead
        return self.today.attempts / ended if ended else None


@dataclass(frozen=True, slots=True)
class Seen:
    """A job with what belongs to it; `cursor` is an event after which whatever changed may not be seen here."""

    job: Job
    runs: Sequence[Run]
    relatives: Relatives
    cursor: int


class Views:
    """Looks at a queue; each is one transaction, takes bounded time, and changes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, wanted: Filter, order: Order, limit: int, at: int | None = None) -> Page:
        """At most `limit` jobs that match, behind a place; it may be none, and others still follow: `next` tells."""
        return await self._store.read(lambda: pages.page(wanted, order, limit, at))

    async def counts(self, queue: str | None = None) -> Mapping[State, int]:
        """How many jobs there are in each state, in one queue or in all."""
        by_queue = await self._store.read(reading.counts)
        return _summed([counts for name, counts in by_queue.items() if queue in (None, name)])

    async def overview(self) -> Overview:
        """The queue at a glance."""
        now = int(time.time()) // SECONDS
        midnight = now - now % DAY
        first = min(midnight, now - HOUR + 1)
        seen = await self._store.read(lambda: overview.overview(first, slots=SLOTS, coming=COMING))
        return Overview(
            status=self.status(seen.queues, seen.workers, None),
            today=_sum([minute for minute in seen.minutes if minute.minute >= midnight], midnight),
            minutes=_filled(seen.minutes, now),
            oldest=seen.oldest,
            running=_in_slots(seen.running),
            next=seen.next,
            schedules=seen.schedules,
            cursor=seen.cursor,
        )

    async def job(self, job_id: str) -> Seen:
        """A job with its newest runs and its relatives. Raises NoSuchJob."""
        cursor = await self._store.read(history.newest_event)
        (job,) = await self._store.read(lambda: reading.find([job_id]))
        runs = await self._store.read(lambda: pages.newest_runs(job, RUNS))
        relatives = await self._store.read(lambda: chain.relatives(job, RELATIVES))
        return Seen(job, runs, relatives, cursor)

    async def dead(self, limit: int) -> Sequence[Dead]:
        """The newest dead jobs by their errors, the most frequent first."""
        return await self._store.read(lambda: pages.dead_by_error(limit, LOOKED_AT, NAMED))

    async def printed(self, place: Place) -> Part:
        """What a run has printed from a position on, as far as it is read at once."""
        return await self._store.read(partial(printed.part, place))

    async def changes(self, after: Since | None, most: int, wanted: Sequence[Place] = ()) -> Changes:
        """What has changed since then, at most so many jobs, and what runs have printed."""
        return await self._store.read(lambda: changes.changes(after, most, wanted))

    def heard(self, on_ring: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `on_ring` in the running loop whenever something has changed, until the end of the block."""
        return self._store.doorbell.hung_up(on_ring)

    def status(self, queues: Mapping[str, QueueRow], workers: Sequence[WorkerRow], next_run_at: float | None) -> Status:
        """The status that follows from what was read."""
        return Status(
            counts=_summed([queue.counts for queue in queues.values()]),
            queues=queues,
            workers=[worker_of(row) for row in workers if self._store.lobby.is_alive(row.id)],
            next_run_at=next_run_at,
        )

    async def answers(self, within: float) -> bool:
        """Whether the store answers within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._store.read(reading.next_run_at)
                return True
        return False


def takes_jobs(workers: Sequence[Worker]) -> bool:
    """Whether one of these workers takes jobs, and was not asked to go."""
    return any(worker.stop is None for worker in workers)


def _summed(counts: Sequence[Mapping[State, int]]) -> Mapping[State, int]:
    return {state: sum(one.get(state, 0) for one in counts) for state in State}


def _sum(minutes: Sequence[Minute], first: int) -> Minute:
    return Minute(
        minute=first,
        completed=sum(one.completed for one in minutes),
        failed=sum(one.failed for one in minutes),
        dead=sum(one.dead for one in minutes),
        attempts=sum(one.attempts for one in minutes),
    )


def _filled(minutes: Sequence[Minute], now: int) -> Sequence[Minute]:
    """The minutes of the last hour, also those in which nothing has ended."""
    known = {one.minute: one for one in minutes}
    return [known.get(number) or Minute(minute=number) for number in range(now - HOUR + 1, now + 1)]


def _in_slots(jobs: Sequence[Job]) -> Mapping[str, Mapping[int, Job]]:
    """By worker and slot. Of two in one slot, one was claimed ahead: the other is the one that runs."""
    slots: dict[str, dict[int, Job]] = {}
    for job in sorted(jobs, key=lambda job: job.started_at or 0.0, reverse=True):
        if job.worker is not None and job.slot is not None:
            slots.setdefault(job.worker, {})[job.slot] = job
    return slots
