"""What Prometheus reads: the queue as the store knows it at that moment, and what this worker has counted so far.

Nothing is kept for it but the plain numbers of `engine/tally.py`: they are translated when somebody asks. The series
are bounded, whatever names people give to their queues. What comes from the store is the same whichever process is
asked; what a worker has counted is its own, so that sums over all of them are right.
"""

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import CollectorRegistry

from aqueue import __version__
from aqueue.engine.tally import Histogram, Tally
from aqueue.model.ending import Cancelled, Exited, Interrupted, Lost, NotStarted, Signalled, TimedOut
from aqueue.model.errors import StoreError
from aqueue.model.job import State
from aqueue.queue import Queue
from aqueue.status import Worker
from aqueue.store.queues import QueueRow

NAMED = 50
"""How many queues have series of their own."""

OPENMETRICS = "application/openmetrics-text"
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
_SUFFIXES = {"counter": "_total", "info": "_info"}

OTHERS = "_others"
"""What stands for all other queues: no queue can be called that, for a name begins with a letter or a digit."""

_RUNS = (
    *(
        (kind, state)
        for kind in (Exited, Signalled, TimedOut, NotStarted, Lost)
        for state in (State.FAILED, State.DEAD)
    ),
    (Exited, State.COMPLETED),
    (Cancelled, State.CANCELLED),
    (Interrupted, State.PENDING),
)
"""The ends of runs that are shown also before there was one: a series that comes late begins without its first step."""


class Engine(Protocol):
    """The worker in this process."""

    id: str
    tally: Tally

    @property
    def concurrency(self) -> int:
        """How many slots it has."""

    @property
    def running(self) -> int:
        """How many of them are busy."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The queue at one moment, with the sizes of its files."""

    queues: Mapping[str, QueueRow]
    oldest: Mapping[str, float]
    workers: Sequence[Worker]
    sizes: Mapping[str, int]


async def exposition(queue: Queue, engine: Engine | None, now: float, accept: str | None = None) -> tuple[bytes, str]:
    """All metrics as text with its content type, in the format that the `Accept` header wants.

    `engine` is the worker in this process, if there is one, and `now` its clock's time. Where the store does not serve,
    there is what the process knows, and `aqueue_store_up` is 0.
    """
    try:
        seen = await _look(queue)
    except StoreError:
        seen = None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector([*_of_the_store(seen), *_of_the_worker(engine, now), _build()]))
    ProcessCollector(registry=registry)
    text = generate_latest(registry)
    if OPENMETRICS in (accept or ""):
        return text, CONTENT_TYPE_LATEST
    return _plain(text.decode(), registry.collect()).encode(), PLAIN


def _plain(openmetrics: str, metrics: Iterable[Metric]) -> str:
    """OpenMetrics text in Prometheus' older format: there, what is said of a metric has the name of its samples.

    The library can write it, too, but with a whole HTTP server around.
    """
    suffixes = {metric.name: _SUFFIXES.get(metric.type, "") for metric in metrics}
    lines = []
    for line in openmetrics.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            sign, what, name, rest = line.split(" ", 3)
            kind = "gauge" if (what, rest) == ("TYPE", "info") else rest
            line = f"{sign} {what} {name}{suffixes[name]} {kind}"
        lines.append(line)
    return "\n".join(line for line in lines if line != "# EOF") + "\n"


async def _look(queue: Queue) -> Seen:
    files = {"database": queue.place.database, "wal": queue.place.wal}
    return Seen(
        queues=await queue.queues(),
        oldest=await queue.oldest(),
        workers=await queue.workers(),
        sizes={name: path.stat().st_size for name, path in files.items() if path.is_file()},
    )


class _Collector:
    """What was collected already, in the shape in which a registry wants it."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def named(queues: Mapping[str, QueueRow]) -> frozenset[str]:
    """The queues that have series of their own.

    Those of which something was said come first, then the others in the order of their names: not the largest first,
    for then series would come and go.
    """
    said = [row.paused or row.limit is not None or row.rate is not None for row in queues.values()]
    in_order = sorted(zip(queues, said, strict=True), key=lambda one: (not one[1], one[0]))
    return frozenset(name for name, _ in in_order[:NAMED])


def _of_the_store(seen: Seen | None) -> Iterator[Metric]:
    yield _gauge("aqueue_store_up", "Whether the queue's store could be read.", float(seen is not None))
    if seen is None:
        return
    names = named(seen.queues)
    yield _jobs(seen.queues, names)
    yield _oldest(seen.oldest, names)
    yield _paused(seen.queues, names)
    yield _gauge("aqueue_queues", "Queues, also those without series of their own.", len(seen.queues))
    yield _gauge("aqueue_workers", "Workers that live, wherever they are.", len(seen.workers))
    slots = sum(worker.concurrency for worker in seen.workers)
    yield _gauge("aqueue_workers_slots", "Slots of all workers that live.", slots)
    size = GaugeMetricFamily("aqueue_file_size_bytes", "Size of the queue's files.", labels=["file"])
    for name, count in seen.sizes.items():
        size.add_metric([name], count)
    yield size


def _jobs(queues: Mapping[str, QueueRow], names: frozenset[str]) -> Metric:
    others: Counter[State] = Counter()
    jobs = GaugeMetricFamily("aqueue_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    for name, row in queues.items():
        if name in names:
            _add_states(jobs, name, row.counts)
        else:
            others.update(row.counts)
    if len(queues) > len(names):
        _add_states(jobs, OTHERS, others)
    return jobs


def _add_states(jobs: GaugeMetricFamily, queue: str, counts: Mapping[State, int]) -> None:
    for state in State:
        jobs.add_metric([queue, state.value], counts.get(state, 0))


def _oldest(oldest: Mapping[str, float], names: frozenset[str]) -> Metric:
    help_ = "Since when the pending job that has waited longest has been due, where one waits."
    metric = GaugeMetricFamily("aqueue_oldest_due_timestamp_seconds", help_, labels=["queue"])
    for name in sorted(oldest.keys() & names):
        metric.add_metric([name], oldest[name])
    if others := [moment for name, moment in oldest.items() if name not in names]:
        metric.add_metric([OTHERS], min(others))
    return metric


def _paused(queues: Mapping[str, QueueRow], names: frozenset[str]) -> Metric:
    metric = GaugeMetricFamily("aqueue_queue_paused", "Whether the queue is paused.", labels=["queue"])
    for name in sorted(names):
        metric.add_metric([name], float(queues[name].paused))
    return metric


def _of_the_worker(engine: Engine | None, now: float) -> Iterator[Metric]:
    if engine is None:
        return
    tally = engine.tally
    yield _gauge("aqueue_slots", "Slots of this worker.", engine.concurrency)
    yield _gauge("aqueue_slots_busy", "Slots of this worker that have a run.", engine.running)
    yield _runs(tally)
    yield _histogram("aqueue_run_duration_seconds", "From the start of a run to its end.", tally.durations)
    yield _histogram("aqueue_run_wait_seconds", "From when a job was due to the start of its run.", tally.waits)
    yield _histogram("aqueue_commit_batch_size", "Ends of runs and claims in a transaction with any.", tally.batches)
    yield _histogram("aqueue_commit_duration_seconds", "For how long a transaction had the write lock.", tally.commits)
    yield from _counters(tally, now)


def _runs(tally: Tally) -> Metric:
    help_ = "Runs (attempts) that have ended on this worker, by their ending and by what became of the job."
    metric = CounterMetricFamily("aqueue_runs", help_, labels=["ending", "state"])
    runs = Counter({(kind.kind, state): 0 for kind, state in _RUNS})
    runs.update(tally.runs)
    for (ending, state), count in runs.items():
        metric.add_metric([ending, state.value], count)
    return metric


def _counters(tally: Tally, now: float) -> Iterator[Metric]:
    bell = tally.bell
    for name, help_, value in (
        ("claims", "How often this worker looked for jobs.", tally.claims),
        ("empty_claims", "How often there were none.", tally.empty_claims),
        ("doorbell_rings", "How often other processes were heard to ring.", bell.rings),
        ("doorbell_misses", "How often writes of others were found that nobody rang for.", bell.misses(now)),
        ("rescues", "Dead workers whose jobs this one took back.", tally.rescues),
        ("rescued_jobs", "Jobs that this worker took back from dead ones.", tally.rescued),
    ):
        yield CounterMetricFamily(f"aqueue_{name}", help_, value=value)


def _build() -> Metric:
    facts = {"version": __version__, "python": platform.python_version()}
    return InfoMetricFamily("aqueue_build", "What is running here.", value=facts)


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _histogram(name: str, help_: str, values: Histogram) -> Metric:
    buckets = [("+Inf" if bound == inf else str(bound), count) for bound, count in values.cumulative()]
    return HistogramMetricFamily(name, help_, buckets=buckets, sum_value=values.sum)
