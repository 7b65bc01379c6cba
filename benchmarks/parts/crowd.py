"""A thousand jobs at once that do nothing but be there."""

import time
from collections.abc import Iterator

from benchmarks.figures import COUNT, MIB, SECONDS, Figure, at_least, at_most, one
from benchmarks.ours import Queue, queue
from benchmarks.plan import Plan
from benchmarks.processes import MEBIBYTE, peak, proportional

SLEEP = 8
"""Seconds: longer than it takes to start them all."""


def measure(plan: Plan) -> Iterator[Figure]:
    """1,000 sleeping jobs at --concurrency 1000: whether they run together, and the worker's memory."""
    count = plan.amount(1000, 100)
    sleep = plan.amount(SLEEP, 2)
    with queue() as ours, ours.worker(count) as worker:
        ours.enqueue([f"sleep {sleep}"] * count)
        while ours.value("SELECT count(*) FROM aqueue_runs") < count:
            time.sleep(0.1)
        pss = proportional(worker) / MEBIBYTE
        while ours.number("pending", "processing"):
            time.sleep(0.1)
        most, memory = _most_at_once(ours), peak(worker) / MEBIBYTE
        started = ours.value("SELECT max(started_at) - min(started_at) FROM aqueue_runs")
        late = ours.value("SELECT max(finished_at - started_at) FROM aqueue_runs") - sleep
    what = f"{count:,} sleeping jobs"
    yield one("crowd.most", f"{what}: run together", most, COUNT, at_least(count))
    note = f"{pss:.1f} MiB in proportion"
    yield one("crowd.memory", f"{what}: the worker's peak memory", memory, MIB, at_most(100), note=note)
    yield one("crowd.started", f"{what}: from the first start to the last", started, SECONDS)
    yield one("crowd.late", f"{what}: the longest run, beyond its sleep", late, SECONDS)


def _most_at_once(ours: Queue) -> int:
    with ours.sql() as connection:
        runs = connection.execute("SELECT started_at, finished_at FROM aqueue_runs").fetchall()
    moments = sorted([(start, 1) for start, _ in runs] + [(end, -1) for _, end in runs])
    running = most = 0
    for _, change in moments:
        running += change
        most = max(most, running)
    return most
