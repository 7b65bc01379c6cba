"""A queue as it is after a year: a long past, much that is scheduled for long from now, and a line that waits."""

import time
from collections.abc import Iterator

from benchmarks.figures import Figure
from benchmarks.finished import Past, forget, with_past
from benchmarks.ours import Queue
from benchmarks.parts.growth import EMPTY, File, compared
from benchmarks.plan import Plan

SCHEDULE = """
INSERT INTO jobs (command, priority, run_at)
WITH RECURSIVE line (place) AS (SELECT 1 UNION ALL SELECT place + 1 FROM line WHERE place < :count)
SELECT 'true # in a month', 100, :at + place FROM line
"""

MONTH = 30 * 86400.0


def measure(plan: Plan) -> Iterator[Figure]:
    """Costs with 1,000,000 completed, 100,000 scheduled, 10,000 pending jobs, as ratios to an empty queue."""
    past, none = Past(plan.amount(1_000_000, 20_000)), Past(0)
    scheduled, pending = plan.amount(100_000, 2_000), plan.amount(10_000, 200)
    with with_past(none) as empty, with_past(past) as full:
        _schedule(full, scheduled)
        try:
            name = f"{past.count:,} completed, {scheduled:,} scheduled, {pending:,} pending"
            files = {EMPTY: File(empty, none, pending), name: File(full, past, pending)}
            yield from compared("mix", files, plan, {})
        finally:
            forget(full, past)


def _schedule(one: Queue, count: int) -> None:
    with one.sql() as connection:
        connection.execute(SCHEDULE, {"count": count, "at": time.time() + MONTH})
