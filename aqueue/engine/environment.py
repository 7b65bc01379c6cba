"""The environment in which runs find themselves: what the worker has, what the job wants, and who they are."""

import os
from collections.abc import Mapping

from aqueue.model.job import Job


class Environment:
    """What the runs of one worker have in common, encoded once: a run takes but a copy of it."""

    def __init__(self, environ: Mapping[str, str], worker: str, database: str) -> None:
        self._inherited = {
            os.fsencode(name): os.fsencode(value) for name, value in environ.items() if not name.startswith("AQUEUE_")
        }
        self._of_the_worker = {b"AQUEUE_DB": os.fsencode(database), b"AQUEUE_WORKER": os.fsencode(worker)}

    def of(self, job: Job, slot: int) -> Mapping[bytes, bytes]:
        """That of a run. The worker's own settings are not in it, and what says who it is cannot be overruled."""
        wanted = {os.fsencode(name): os.fsencode(value) for name, value in job.env.items()} if job.env else {}
        return {
            **self._inherited,
            **wanted,
            **self._of_the_worker,
            b"AQUEUE_JOB_ID": job.id.encode(),
            b"AQUEUE_RUN": b"%d" % job.run,
            b"AQUEUE_ATTEMPT": b"%d" % job.attempts,
            b"AQUEUE_RETRIES_LEFT": b"%d" % job.retries_left,
            b"AQUEUE_QUEUE": os.fsencode(job.queue),
            b"AQUEUE_SLOT": b"%d" % slot,
        }
