"""Whether a worker grows: its resident memory after the first jobs, and after very many."""

import time
from collections.abc import Iterator

from benchmarks.figures import MIB, Figure, at_most, one
from benchmarks.ours import Queue, queue
from benchmarks.plan import Plan
from benchmarks.processes import MEBIBYTE, peak, resident

SLOTS = 8
LOOK = 0.5
"""Seconds between looks at whether the line is worked off."""


def measure(plan: Plan) -> Iterator[Figure]:
    """The worker's memory over 100,000 jobs."""
    first, rest = plan.amount(10_000, 200), plan.amount(90_000, 400)
    with queue() as ours, ours.worker(SLOTS) as worker:
        early = _after(ours, first, worker)
        late = _after(ours, rest, worker)
        yield one("memory.early", f"memory of a worker after {first:,} jobs", early, MIB)
        grown, note = late - early, f"{late:.1f} MiB, at most {peak(worker) / MEBIBYTE:.1f} MiB"
        yield one("memory.grown", f"growth until {first + rest:,} jobs", grown, MIB, at_most(1), note=note)


def _after(ours: Queue, count: int, worker: int) -> float:
    ours.enqueue(["true"] * count)
    while ours.number("pending", "processing"):
        time.sleep(LOOK)
    return resident(worker) / MEBIBYTE
