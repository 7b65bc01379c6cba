"""Jobs that wait for one another. None of them is retried: whatever fails dies."""

from collections.abc import Sequence

from aqueue.model.ending import Exited
from aqueue.model.newjob import NewJob
from aqueue.store.protocol import Store

from .harness import enqueue, new, run

DEATH = Exited(1)


def job(job_id: str, *after: str, after_any: Sequence[str] = (), **keys: object) -> NewJob:
    return new(job_id, id=job_id, max_retries=0, after=[*after], after_any=[*after_any], **keys)


DIAMOND = (job("top"), job("left", "top"), job("right", "top"), job("bottom", "left", "right"))


async def diamond(store: Store) -> None:
    await enqueue(store, *DIAMOND)


async def end(store: Store, *ids: str) -> None:
    """Let these complete, one after the other."""
    for job_id in ids:
        await run(store, job_id)
