"""`aqueue status`: the queue at a glance."""

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.jobrows import SPARE, rows_of
from aqueue.cli.present import ago_or_in, show_json
from aqueue.cli.table import show_table
from aqueue.documents import status_document
from aqueue.model.job import Job, State
from aqueue.queue import Filter, Queue, Status

QUIET = 0.1
"""Seconds between two pictures of `--watch` at least: nobody reads faster."""

SHOWN_RUNNING = 20
"""How many of the running jobs are shown."""

TICK = 1.0
"""Seconds between two pictures in which nothing has changed but for how long it has been so."""


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and show what changes until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
async def status(db: str | None, watch: bool, as_json: bool) -> None:
    """Show how many jobs are in each state, the workers, and what comes next.

    \b
    Examples:
      aqueue status
      aqueue status --watch
      aqueue status --json | jq .counts.dead
    """
    async with Queue.open(db) as queue:
        if not watch:
            (await _look(queue, as_json=as_json)).show()
        elif as_json:
            await _print_changes(queue, as_json=True)
        else:
            await _watch(queue)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment."""

    status: Status
    running: Sequence[Job]
    as_json: bool

    def show(self) -> None:
        """Print it."""
        if self.as_json:
            show_json(status_document(self.status))
        else:
            _show(self.status, self.running)

    @property
    def ages(self) -> bool:
        """Whether it says how long something has lasted, or will."""
        return bool(self.running) or self.status.next_run_at is not None


async def _look(queue: Queue, *, as_json: bool) -> Look:
    running = [] if as_json else await queue.list(Filter(state=State.PROCESSING), limit=SHOWN_RUNNING)
    return Look(await queue.status(), running, as_json)


async def _print_changes(queue: Queue, *, as_json: bool) -> None:
    async for _ in queue.changes():
        (await _look(queue, as_json=as_json)).show()
        if not as_json:
            print()
        sys.stdout.flush()
        await asyncio.sleep(QUIET)


async def _watch(queue: Queue) -> None:
    """Show it in place. While nothing changes nothing is read, and only the clock goes on."""
    from aqueue.cli.live import live

    with live() as picture:
        if picture is None:
            await _print_changes(queue, as_json=False)
            return
        async for _ in queue.changes():
            seen = await _look(queue, as_json=False)
            picture.draw(seen.show, again_after=TICK if seen.ages else None)
            await asyncio.sleep(QUIET)


def _show(seen: Status, running: Sequence[Job]) -> None:
    if seen.total:
        show_table(list(_rows_of_counts(seen)))
    else:
        print("The queue is empty.")
    for queue in seen.queues.values():
        if queue.paused:
            print(f"The queue {escape(queue.name)} is paused.")
    print()
    _show_workers(seen)
    if running:
        print()
        show_table(rows_of(running, time.time(), verbose=False), spare=(*SPARE, "ERROR"))
    if seen.next_run_at is not None:
        print(f"\nThe next waiting job is due {_due(seen.next_run_at, time.time())}.")


def _due(moment: float, now: float) -> str:
    """When a job can start; one that is late waits for a slot or a worker."""
    return ago_or_in(moment, now) if moment > now else "now"


def _rows_of_counts(seen: Status) -> Iterator[Mapping[str, str]]:
    """A row a state, with a column for each queue where there are several."""
    for state in State:
        if seen.counts[state]:
            queues = seen.queues if len(seen.queues) > 1 else {}
            by_queue = {escape(name): str(queue.counts.get(state, "")) for name, queue in queues.items()}
            yield {"STATE": state, "JOBS": str(seen.counts[state]), **by_queue}


def _show_workers(seen: Status) -> None:
    if not seen.workers:
        print("No worker is running.")
        return
    slots = sum(worker.concurrency for worker in seen.workers)
    busy = sum(worker.running for worker in seen.workers)
    workers = "1 worker runs" if len(seen.workers) == 1 else f"{len(seen.workers)} workers run"
    print(f"{workers}: {busy} of {slots} {'slot is' if slots == 1 else 'slots are'} busy.")
