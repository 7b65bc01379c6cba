"""One job that prints a gigabyte, and what the worker and the other jobs notice of it."""

import random
import time
from collections.abc import Iterator

from benchmarks.figures import MIB, SECONDS, Figure, at_most, delays, one
from benchmarks.ours import Queue, queue
from benchmarks.pipes import Pipe, pipe
from benchmarks.plan import Plan
from benchmarks.processes import MEBIBYTE, forget_peak, peak

SETTLED = 50
"""Small jobs before the flood, after which the worker has all the memory that it always needs."""


def measure(plan: Plan) -> Iterator[Figure]:
    """One job that prints 1 GB: growth of the worker's memory, and the start of other jobs meanwhile."""
    size = plan.amount(1_000_000_000, 50_000_000)
    with queue() as ours, ours.worker(4) as worker, pipe(ours.folder, "says") as says:
        for _ in range(SETTLED):
            _started(ours, says)
        before = peak(worker)
        forget_peak(worker)
        begun = time.perf_counter()
        (job,) = ours.enqueue([f"head -c {size} /dev/zero"])
        started = list(_meanwhile(ours, says, job))
        seconds = time.perf_counter() - begun
        grown = (peak(worker) - before) / MEBIBYTE
    what = f"a job that prints {size / 1e9:g} GB"
    yield one("flood.grown", f"{what}: growth of the worker's peak memory", grown, MIB, at_most(10))
    yield from delays("flood.others", f"{what}: other jobs start after", started, p99=at_most(50))
    yield one("flood.seconds", f"{what} takes", seconds, SECONDS)


def _meanwhile(ours: Queue, says: Pipe, job: str) -> Iterator[float]:
    """Milliseconds from the enqueue of other jobs to their start, until that job has ended."""
    while ours.value("SELECT finished_at IS NULL FROM jobs WHERE seq = ?", int(job)):
        yield _started(ours, says)
        time.sleep(random.uniform(0.005, 0.02))


def _started(ours: Queue, says: Pipe) -> float:
    with ours.sql() as connection:
        begun = time.perf_counter()
        connection.execute("INSERT INTO jobs (command) VALUES (?)", (says.saying,))
        return 1000 * (says.heard() - begun)
