"""`aqueue health`: does a worker of this queue live here, and does it answer?"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncclick as click

from aqueue.cli.parameters import DURATION
from aqueue.model.errors import Refused
from aqueue.model.text import format_duration
from aqueue.store import home, open_store, pulse, roster
from aqueue.store.opening import url_of
from aqueue.store.protocol import Store


@click.command()
@click.option("--timeout", type=DURATION, default="5s", metavar="DUR", help="How long that may take; default: 5s.")
@click.pass_obj
async def health(db: str | None, timeout: float) -> None:
    """Ask whether a worker of this queue lives here and answers.

    For HEALTHCHECK and for probes that run a command: without a port. Exits 0 if the queue can be read and the event
    loop of a worker answers that was started in this container, or on this machine; else 1, with the reason.

    \b
    Examples:
      aqueue health
      aqueue health --timeout 2s
    """
    waits = _Waits("the queue cannot be read")
    try:
        async with asyncio.timeout(timeout):
            print(f"{await _answer(db, waits)} answers")
    except TimeoutError:
        raise Refused(f"{waits.what} within {format_duration(timeout)}") from None


class _Waits:
    """What is waited for, as it is told if it takes too long."""

    def __init__(self, what: str) -> None:
        self.what = what


async def _answer(db: str | None, waits: _Waits) -> str:
    """The id of a worker that has answered. Raises Refused where there is none."""
    async with _opened(db) as store:
        here = _living_here(store, await store.read(roster.workers))
        if not here:
            raise Refused(f"no worker of {store.title} runs here")
        waits.what = f"{' or '.join(here)} lives, but does not answer"
        return await pulse.feel(store.place, here)


@contextlib.asynccontextmanager
async def _opened(db: str | None) -> AsyncIterator[Store]:
    """The queue, if there is one: who asks for its health does not make it."""
    database = url_of(db)
    if "://" not in database and not Path(database).exists():
        raise Refused(f"there is no queue at {database}")
    store = await open_store(db)
    try:
        yield store
    finally:
        await store.close()


def _living_here(store: Store, workers: Sequence[roster.WorkerRow]) -> Sequence[str]:
    place = (home.boot(), home.pid_namespace())
    here = [worker.id for worker in workers if (worker.boot, worker.pid_namespace) == place]
    return [worker for worker in here if store.lobby.is_alive(worker)]
