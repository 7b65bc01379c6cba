"""The verb that looks at the whole queue at one moment: what is in it, what is at work, what has been, what comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aqueue.model.job import Job
from aqueue.model.schedule import Schedule
from aqueue.store import history, minutes, queues, roster, schedules
from aqueue.store.minutes import Minute
from aqueue.store.queues import QueueRow
from aqueue.store.reading import to_job
from aqueue.store.roster import WorkerRow
from aqueue.store.statement import Statement, Verb

MOST_RUNNING = 2000
"""How many of the jobs that run are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The queue at one moment; `cursor` is its newest event, `oldest` since when each queue has something due."""

    cursor: int
    queues: Mapping[str, QueueRow]
    oldest: Mapping[str, float]
    minutes: Sequence[Minute]
    workers: Sequence[WorkerRow]
    running: Sequence[Job]
    """Those in the first slots of the workers."""
    next: Sequence[Job]
    schedules: Sequence[Schedule]


def overview(first_minute: int, *, slots: int, coming: int) -> Verb[Overview]:
    """Look at it: what has ended since a minute, so many slots of each worker, and so much of what comes next."""
    running = yield Statement("in_slots", {"slots": slots, "limit": MOST_RUNNING})
    waiting = yield Statement("waiting_next", {"limit": coming})
    return Overview(
        cursor=(yield from history.newest_event()),
        queues=(yield from queues.queues()),
        oldest=(yield from queues.oldest()),
        minutes=(yield from minutes.since(first_minute)),
        workers=(yield from roster.workers()),
        running=[to_job(row) for row in running],
        next=[to_job(row) for row in waiting],
        schedules=(yield from schedules.coming(coming)),
    )
