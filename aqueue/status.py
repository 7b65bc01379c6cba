"""The queue at a glance: the workers that live, and how many jobs there are in which state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aqueue.model.job import State
from aqueue.model.line import Served
from aqueue.store.queues import QueueRow
from aqueue.store.roster import WorkerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker that lives. `stop` is "drain" or "now" when it was asked to go; `running` is how many runs it has."""

    id: str
    pid: int
    host: str
    concurrency: int
    started_at: float
    stop: str | None
    running: int
    queues: Served | None
    """The queues that it serves; None is all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The queue at a glance. `queues` holds each named queue; states without jobs are left out there."""

    counts: Mapping[State, int]
    queues: Mapping[str, QueueRow]
    workers: Sequence[Worker]
    next_run_at: float | None

    @property
    def total(self) -> int:
        """How many jobs there are."""
        return sum(self.counts.values())


def worker_of(row: WorkerRow) -> Worker:
    """A worker that lives, as the store knows it."""
    return Worker(
        id=row.id,
        pid=row.pid,
        host=row.host,
        concurrency=row.concurrency,
        started_at=row.started_at,
        stop=row.stop,
        running=row.running,
        queues=row.queues,
    )
