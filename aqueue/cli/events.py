"""`aqueue events`: every transition."""

import json
import sys

import asyncclick as click

from aqueue.cli.escape import escape
from aqueue.cli.present import local_time
from aqueue.documents import event_document
from aqueue.queue import Queue
from aqueue.store.history import Event


@click.command()
@click.argument("job_id", metavar="[ID]", required=False)
@click.option("-f", "--follow", is_flag=True, help="Stay, and print what happens until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array; with --follow, an object a line.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line.")
@click.pass_obj
async def events(db: str | None, job_id: str | None, follow: bool, as_json: bool, as_lines: bool) -> None:
    """Print every transition of a job, or of all jobs, in the order in which they happened.

    With --follow and without an ID, only what happens from now on.

    \b
    Examples:
      aqueue events 7
      aqueue events --follow --jsonl
    """
    async with Queue.open(db) as queue:
        if not follow:
            await _print_all(queue, job_id, as_json=as_json, as_lines=as_lines)
            return
        position = 0 if job_id else await queue.newest_event()
        async for _ in queue.changes():
            async for event in queue.events(job_id, after=position):
                position = event.event
                print(json.dumps(event_document(event)) if as_json or as_lines else line(event))
            sys.stdout.flush()


async def _print_all(queue: Queue, job_id: str | None, *, as_json: bool, as_lines: bool) -> None:
    if as_json:
        print(json.dumps([event_document(event) async for event in queue.events(job_id)], indent=2))
        return
    async for event in queue.events(job_id):
        print(json.dumps(event_document(event)) if as_lines else line(event))


def line(event: Event) -> str:
    """An event as a person reads it."""
    what = f"{event.was} → {event.state}" if event.was else f"enqueued, {event.state}"
    facts = [f"attempt {event.attempt} on {event.worker}" if event.worker else "", escape(event.error or "")]
    return "  ".join([local_time(event.at), f"job {event.job}", what, *filter(None, facts)])
