"""`aqueue status`: the queue at a glance."""

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.jobrows import SPARE, rows_of
from aqueue.cli.present import ago_or_in, show_json
from aqueue.cli.table import show_table
from aqueue.cli.worker import document as worker_document
from aqueue.model.job import Job, State
from aqueue.model.text import format_time
from aqueue.queue import Filter, Queue, QueueRow, Status

QUIET = 0.1
"""Seconds between two pictures of `--watch` at least: nobody reads faster."""

SHOWN_RUNNING = 20
"""How many of the running jobs are shown."""

FROM_THE_TOP = "\x1b[H\x1b[J"
"""Puts the cursor of a terminal into the corner and clears what is below it (ECMA-48)."""


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
            await _show_once(queue, as_json=as_json)
            return
        async for _ in queue.changes():
            if sys.stdout.isatty() and not as_json:
                print(FROM_THE_TOP, end="")
            await _show_once(queue, as_json=as_json)
            sys.stdout.flush()
            await asyncio.sleep(QUIET)


async def _show_once(queue: Queue, *, as_json: bool) -> None:
    seen = await queue.status()
    if as_json:
        show_json(status_document(seen))
    else:
        _show(seen, await queue.list(Filter(state=State.PROCESSING), limit=SHOWN_RUNNING))


def status_document(seen: Status) -> dict[str, Any]:
    """The status as scripts read it."""
    return {
        "counts": _counts(seen.counts),
        "total": seen.total,
        "queues": [{**queue_document(queue), "counts": _counts(queue.counts)} for queue in seen.queues.values()],
        "workers": [worker_document(worker) for worker in seen.workers],
        "next_run_at": None if seen.next_run_at is None else format_time(seen.next_run_at),
    }


def queue_document(queue: QueueRow) -> dict[str, Any]:
    """What was said of a queue, as scripts read it."""
    return {
        "name": queue.name,
        "paused": queue.paused,
        "limit": queue.limit,
        "rate": None if queue.rate is None else str(queue.rate),
    }


def _counts(counts: Mapping[State, int]) -> dict[str, int]:
    return {state.value: counts.get(state, 0) for state in State}


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
