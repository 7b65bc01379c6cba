"""The environment in which runs find themselves: what the worker has, what the job wants, and who they are."""

import os
from collections.abc import Mapping

from aqueue.engine.spawn import Block, Common, block, entry
from aqueue.model.job import Job

OF_A_RUN = (b"AQUEUE_JOB_ID", b"AQUEUE_RUN", b"AQUEUE_ATTEMPT", b"AQUEUE_RETRIES_LEFT", b"AQUEUE_QUEUE", b"AQUEUE_SLOT")
"""The variables that say which run it is."""


class Environment:
    """What the runs of one worker have in common, encoded once."""

    def __init__(self, environ: Mapping[str, str], worker: str, database: str) -> None:
        inherited = {name: value for name, value in environ.items() if not name.startswith("AQUEUE_")}
        self._inherited = _encoded(inherited)
        of_the_worker = {"AQUEUE_DB": database, "AQUEUE_WORKER": worker}
        if kind := environ.get("AQUEUE_FILESYSTEM"):  # else a run could not use the queue that it is of
            of_the_worker["AQUEUE_FILESYSTEM"] = kind
        self._of_the_worker = _encoded(of_the_worker)
        self._common = Common(self._variables({}), len(OF_A_RUN))

    def of(self, job: Job, slot: int) -> Block:
        """That of a run. The worker's own settings are not in it, and what says who it is cannot be overruled.

        Raises ValueError where a job wants a variable that cannot be.
        """
        mine = (
            b"AQUEUE_JOB_ID=%b" % job.id.encode(),
            b"AQUEUE_RUN=%d" % job.run,
            b"AQUEUE_ATTEMPT=%d" % job.attempts,
            b"AQUEUE_RETRIES_LEFT=%d" % job.retries_left,
            b"AQUEUE_QUEUE=%b" % os.fsencode(job.queue),
            b"AQUEUE_SLOT=%d" % slot,
        )
        return block([*self._variables(_encoded(job.env)), *mine]) if job.env else self._common.with_(mine)

    def _variables(self, wanted: Mapping[bytes, bytes]) -> list[bytes]:
        variables = {**self._inherited, **wanted, **self._of_the_worker}
        return [entry(name, value) for name, value in variables.items() if name not in OF_A_RUN]


def _encoded(variables: Mapping[str, str]) -> Mapping[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}
