"""The verbs about workers: who works on the queue, and what others want of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aqueue.model.line import Served
from aqueue.store import queues
from aqueue.store.statement import Statement, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker as the store knows it."""

    id: str
    pid: int
    host: str
    concurrency: int
    started_at: float
    process_started: int
    """When its process started, in clock ticks: with the process id it is unmistakable."""
    boot: str
    """The boot of the machine that it runs in."""
    pid_namespace: str
    """The namespace in which its processes have their ids."""
    cgroup: str | None = None
    """The folder of the cgroup that it has for itself and its runs."""
    queues: Served | None = None
    """The queues that it serves; None is all of them."""
    stop: str | None = None
    running: int = 0


@dataclass(frozen=True, slots=True)
class Orders:
    """What others want of a worker: to stop ("drain" or "now"), and to end these runs, as (seq, run).

    Of the queues that are paused it starts none.
    """

    stop: str | None
    cancels: frozenset[tuple[int, int]]
    paused: frozenset[str]


def register(worker: WorkerRow) -> Verb[None]:
    """Make a worker known."""
    yield Statement(
        "register",
        {
            "id": worker.id,
            "pid": worker.pid,
            "host": worker.host,
            "concurrency": worker.concurrency,
            "now": worker.started_at,
            "process_started": worker.process_started,
            "boot": worker.boot,
            "pid_namespace": worker.pid_namespace,
            "cgroup": worker.cgroup,
            "queues": None if worker.queues is None else json.dumps(dict(worker.queues)),
        },
    )


def unregister(ids: Sequence[str]) -> Verb[None]:
    """Forget workers that have gone."""
    yield Statement("unregister", {"ids": json.dumps(list(ids))})


def workers() -> Verb[Sequence[WorkerRow]]:
    """The workers that have not been seen to go; whether they live, their presence tells."""
    rows = yield Statement("workers")
    return [WorkerRow(**{**dict(row), "queues": json.loads(row["queues"] or "null")}) for row in rows]


def workers_of_runs() -> Verb[frozenset[str]]:
    """The workers whose runs go on, as far as the store knows."""
    rows = yield Statement("workers_of_runs")
    return frozenset(row["worker"] for row in rows)


def request_stop(ids: Sequence[str], stop: str) -> Verb[Sequence[str]]:
    """Ask workers to drain ("drain") or to end their jobs and go ("now"); returns those that were told."""
    rows = yield Statement("request_stop", {"ids": json.dumps(list(ids)), "stop": stop})
    return sorted(row["id"] for row in rows)


def orders(worker: str) -> Verb[Orders]:
    """What others want of a worker."""
    stops = yield Statement("stop_requested", {"worker": worker})
    cancels = yield Statement("cancels_requested", {"worker": worker})
    paused = yield from queues.paused()
    return Orders(
        stop=stops[0]["stop"] if stops else None,
        cancels=frozenset((row["seq"], row["run"]) for row in cancels),
        paused=paused,
    )
