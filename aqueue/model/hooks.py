"""Hooks: a job of its own that tells of another one that is dead or has completed.

It is enqueued in the transaction that ends the other: so it is never lost, and there is exactly one. It has the other's
queue and priority, so that whoever serves those serves it. What becomes of a hook is never told by another.
"""

import re
from collections.abc import Mapping

from aqueue.model.job import Job, State
from aqueue.model.lifecycle import Transition
from aqueue.model.newjob import NewJob
from aqueue.model.settings import Settings

TAG = "hook"
"""What hooks are found by in lists."""

LONGEST_VALUE = 32 * 1024
"""Bytes of a variable. The kernel takes less than 128 KiB for one, and with a small stack for all of them together."""

_UNSAYABLE = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
"""What no variable can hold: NUL, and surrogates that do not stand for a byte."""


def hook(job: Job, transition: Transition, settings: Settings) -> NewJob | None:
    """The job that tells what has become of this one; None if nobody wants to know."""
    match transition.state:
        case State.DEAD:
            command = settings.on_dead
        case State.COMPLETED:
            command = settings.on_completed
        case _:
            return None
    if command is None or job.hook_of is not None:
        return None
    return NewJob(
        command=command,
        queue=job.queue,
        priority=job.priority,
        max_retries=settings.max_retries,
        timeout=settings.timeout or 0,
        tags=(TAG,),
        env={name: _sayable(text) for name, text in _variables(job, transition).items()},
        hook_of=job.id,
    )


def _variables(job: Job, transition: Transition) -> Mapping[str, str]:
    return {
        "AQUEUE_HOOK_JOB_ID": job.id,
        "AQUEUE_HOOK_STATE": transition.state,
        "AQUEUE_HOOK_ERROR": transition.error or "",
        "AQUEUE_HOOK_EXIT_CODE": "" if transition.exit_code is None else str(transition.exit_code),
        "AQUEUE_HOOK_COMMAND": job.command,
        "AQUEUE_HOOK_QUEUE": job.queue,
        "AQUEUE_HOOK_TAGS": ",".join(job.tags),
        "AQUEUE_HOOK_RUN": str(job.run),
        "AQUEUE_HOOK_ATTEMPTS": str(transition.attempts),
    }


def _sayable(text: str) -> str:
    """The text as a variable can hold it, cut to a bearable length. Bytes that are no UTF-8 stay what they are."""
    sayable = _UNSAYABLE.sub("\ufffd", text)
    data = sayable.encode(errors="surrogateescape")
    if len(data) <= LONGEST_VALUE:
        return sayable
    end = LONGEST_VALUE
    while data[end] & 0xC0 == 0x80 and LONGEST_VALUE - end < 3:  # in the middle of a character
        end -= 1
    return data[:end].decode(errors="surrogateescape") + "…"
