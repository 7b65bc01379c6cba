"""What is said on stderr of new jobs that are not as asked for: others are there instead, or they are cancelled."""

import sys

from aqueue.cli.escape import escape
from aqueue.model.unique import Enqueued
from aqueue.queue import Queue


async def tell(queue: Queue, enqueued: Enqueued) -> None:
    """Tell which jobs were not added, because unfinished ones have their keys, and which cannot run any more."""
    existing, cancelled, count = len(enqueued.existing), enqueued.cancelled, len(enqueued.ids)
    if count == 1 and (existing or cancelled):
        job = await queue.get(enqueued.ids[0])
        key = escape(repr(job.unique))
        holds = f"Job {job.id}, which is not finished, has the unique key {key}: none is added."
        _say(holds if existing else f"Job {job.id} is {job.error}.")
        return
    if existing:
        _say(f"{existing} of {count} jobs are not added: unfinished ones have their unique keys.")
    if cancelled:
        _say(f"{cancelled} of {count} jobs are cancelled: what they wait for has ended badly.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)
