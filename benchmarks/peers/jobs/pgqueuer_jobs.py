"""pgqueuer with nothing to do but its books: prints the jobs a second that one worker claims and finishes."""

import asyncio
import sys
import time

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from pgqueuer.types import QueueExecutionMode


async def do_nothing(_job: Job) -> None:
    """A job."""


async def work(url: str, count: int) -> float:
    """Jobs a second."""
    connection = await asyncpg.connect(url)
    driver = AsyncpgDriver(connection)
    queries = Queries(driver)
    await queries.install()
    await queries.enqueue(["nothing"] * count, [None] * count, [0] * count)
    queue = PgQueuer(driver)

    queue.entrypoint("nothing")(do_nothing)
    begun = time.perf_counter()
    await queue.run(batch_size=1000, mode=QueueExecutionMode.drain)
    return count / (time.perf_counter() - begun)


print(asyncio.run(work(sys.argv[1], int(sys.argv[2]))))
