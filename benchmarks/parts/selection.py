"""Very many jobs changed by one command while a worker works: how long the worker has to wait for it.

The worker has a long line of `true` at a higher priority, so it always starts something. The longest time in which it
started nothing while the command ran is the longest that a claim has waited.
"""

import time
from collections.abc import Iterator
from itertools import pairwise

from benchmarks.figures import MS, SECONDS, Figure, at_most, median
from benchmarks.finished import Past, fill
from benchmarks.ours import Queue, queue
from benchmarks.plan import Plan

SLOTS = 8
COMMAND = ("retry", "--state", "dead", "--yes")


def measure(plan: Plan) -> Iterator[Figure]:
    """100,000 dead jobs retried by one command while a worker runs: the longest wait of a claim."""
    count, line = plan.amount(100_000, 5_000), plan.amount(30_000, 5_000)
    found = [_retried(count, line) for _ in range(min(plan.rounds, 3))]
    what = f"`aqueue {' '.join(COMMAND)}` of {count:,} jobs"
    yield median(
        "selection.wait", f"{what}: the longest wait of a claim", [wait for wait, _ in found], MS, at_most(100)
    )
    yield median("selection.seconds", what, [seconds for _, seconds in found], SECONDS)


def _retried(count: int, line: int) -> tuple[float, float]:
    with queue() as ours:
        fill(ours, Past(count, "dead"))
        ours.enqueue({"command": "true", "priority": 10} for _ in range(line))
        with ours.worker(SLOTS):
            while not ours.number("completed"):
                time.sleep(0.05)
            begun = time.time()
            ours.call(*COMMAND)
            ended = time.time()
        return 1000 * _longest_gap(ours, begun, ended), ended - begun


def _longest_gap(ours: Queue, begun: float, ended: float) -> float:
    """The longest time between two starts, in seconds."""
    query = "SELECT started_at FROM aqueue_runs WHERE started_at BETWEEN ? AND ? ORDER BY started_at"
    with ours.sql() as connection:
        starts: list[float] = [start for (start,) in connection.execute(query, (begun, ended))]
    return max(later - earlier for earlier, later in pairwise([begun, *starts, ended]))
