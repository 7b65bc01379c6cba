"""procrastinate with nothing to do but its books: prints the jobs a second that one worker claims and finishes."""

import asyncio
import sys
import time

import procrastinate


async def do_nothing() -> None:
    """A job."""


async def work(url: str, count: int) -> float:
    """Jobs a second."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=4, max_size=16))

    nothing = app.task(name="nothing")(do_nothing)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*[{}] * count)
        begun = time.perf_counter()
        await app.run_worker_async(wait=False, concurrency=100, listen_notify=False, install_signal_handlers=False)
        return count / (time.perf_counter() - begun)


print(asyncio.run(work(sys.argv[1], int(sys.argv[2]))))
