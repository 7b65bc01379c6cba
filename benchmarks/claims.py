"""Claims and settles alone, without processes: what the store can do for a worker whose jobs take no time.

python -m benchmarks.claims URL BATCH        claims and settles until nothing is left; prints how many that were,
and by `time.perf_counter` from when to when.
"""

import asyncio
import sys
import time

from aqueue.model import lifecycle
from aqueue.model.ending import Exited
from aqueue.model.job import Job
from aqueue.model.settings import Settings
from aqueue.store import line, open_store, sql
from aqueue.store.protocol import Store

SETTINGS = Settings()
DONE = Exited(0)


async def work_off(url: str, batch: int) -> tuple[int, float, float]:
    """Claim and settle in batches, each a transaction, until nothing is left."""
    store = await open_store(url, worker=True)
    try:
        begun = time.perf_counter()
        jobs, done = await _turn(store, [], batch), 0
        while jobs:
            done += len(jobs)
            jobs = await _turn(store, jobs, batch)
        return done, begun, time.perf_counter()
    finally:
        await store.close()


async def _turn(store: Store, ended: list[Job], batch: int) -> list[Job]:
    now = store.now()
    decisions = [
        sql.Decision(job, lifecycle.settle(job, DONE, SETTINGS, now), sql.EndOfRun(DONE, None, now)) for job in ended
    ]
    asks = [lambda: sql.settle(decisions, now)] if decisions else []
    turned = await store.turn([*asks, lambda: line.claim("bench", range(batch), now)])
    await store.checkpoint_when_large()
    return list(turned.outcomes[-1].jobs)


if __name__ == "__main__":
    print(*asyncio.run(work_off(sys.argv[1], int(sys.argv[2]))))
