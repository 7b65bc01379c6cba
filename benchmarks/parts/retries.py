"""How much later than due a retry starts, by the history: its start, less the end of the run before and the wait.

Each retry is due at a moment of its own. Idle, nothing else happens. Under load, short jobs come in all the time, a few
hundred a second. With all slots busy, there is a long line of them, over which the jobs that are retried have priority.
"""

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, at_most, delays
from benchmarks.ours import Queue, queue
from benchmarks.plan import Plan

SLOTS = 8
PAUSE = 0.004
"""Seconds between the jobs that come in, which the worker can well keep up with."""

FIRST, STEP = 0.5, 0.013
"""Seconds: the wait of the first job, and by how much each further one waits longer."""

LATE = """
SELECT 1000 * (later.started_at - earlier.finished_at - jobs.backoff_base)
FROM aqueue_runs AS later
JOIN aqueue_runs AS earlier ON earlier.job = later.job AND earlier.run = 1
JOIN jobs ON jobs.seq = later.job
WHERE later.run = 2 AND jobs.backoff_base IS NOT NULL
"""
"""Milliseconds. The wait before the first retry is the base itself."""


def measure(plan: Plan) -> Iterator[Figure]:
    """Lateness of retries: idle, under load, and with all slots busy."""
    count = plan.amount(40, 20) * plan.rounds
    idle, loaded = _late(count, 0), _beside_others(count)
    full = _late(count, plan.amount(1500, 500) * plan.rounds)
    yield from delays("retries.idle", "a retry starts after it is due", idle, p99=at_most(2))
    yield from delays("retries.load", "a retry starts after it is due, under load", loaded, p99=at_most(10))
    yield from delays("retries.full", "a retry starts after it is due, all slots busy", full)


def _late(count: int, line: int) -> list[float]:
    """Beside a line of other jobs."""
    with queue() as one:
        one.enqueue([*_failing(count), *["true"] * line])
        one.work_off(SLOTS)
        return _found(one)


def _beside_others(count: int) -> list[float]:
    """While other jobs come in."""
    with queue() as one, one.worker(SLOTS), one.sql() as connection:
        one.enqueue(_failing(count))
        while one.number("failed") or not one.number("dead"):
            for _ in range(100):
                connection.execute("INSERT INTO jobs (command) VALUES ('true')")
                time.sleep(PAUSE)
        return _found(one)


def _failing(count: int) -> Iterator[dict[str, Any]]:
    for place in range(count):
        wait = round(FIRST + STEP * place, 6)
        yield {"command": "exit 1", "max_retries": 1, "backoff_base": wait, "priority": 1}


def _found(one: Queue) -> list[float]:
    with one.sql() as connection:
        return [late for (late,) in connection.execute(LATE)]
