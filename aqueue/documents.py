"""What scripts read of the queue itself, for every face: its status, queues, workers and events as JSON documents."""

from collections.abc import Mapping
from typing import Any

from aqueue.model.job import State
from aqueue.model.text import format_time
from aqueue.status import Status, Worker
from aqueue.store.history import Event
from aqueue.store.queues import QueueRow


def status_document(seen: Status) -> dict[str, Any]:
    """The status."""
    return {
        "counts": _counts(seen.counts),
        "total": seen.total,
        "queues": [{**queue_document(queue), "counts": _counts(queue.counts)} for queue in seen.queues.values()],
        "workers": [worker_document(worker) for worker in seen.workers],
        "next_run_at": None if seen.next_run_at is None else format_time(seen.next_run_at),
    }


def queue_document(queue: QueueRow) -> dict[str, Any]:
    """What was said of a queue."""
    return {
        "name": queue.name,
        "paused": queue.paused,
        "limit": queue.limit,
        "rate": None if queue.rate is None else str(queue.rate),
    }


def queue_at_work(queue: QueueRow, oldest: float | None) -> dict[str, Any]:
    """A queue with what waits and runs in it, and since when its oldest due job has waited."""
    return {
        **queue_document(queue),
        "waiting": queue.waiting,
        "running": queue.running,
        "oldest": None if oldest is None else format_time(oldest),
        "counts": _counts(queue.counts),
    }


def worker_document(worker: Worker) -> dict[str, Any]:
    """A worker."""
    return {
        "id": worker.id,
        "pid": worker.pid,
        "host": worker.host,
        "concurrency": worker.concurrency,
        "running": worker.running,
        "started_at": format_time(worker.started_at),
    }


def worker_with_queues(worker: Worker) -> dict[str, Any]:
    """A worker with the queues that it serves; null is all of them."""
    return {**worker_document(worker), "queues": None if worker.queues is None else dict(worker.queues)}


def event_document(event: Event) -> dict[str, Any]:
    """An event."""
    return {
        "event": event.event,
        "at": format_time(event.at),
        "job": event.job,
        "from": event.was,
        "to": event.state,
        "run": event.run or None,
        "attempt": event.attempt or None,
        "worker": event.worker,
        "ending": event.ending,
        "error": event.error,
    }


def _counts(counts: Mapping[State, int]) -> dict[str, int]:
    return {state.value: counts.get(state, 0) for state in State}
