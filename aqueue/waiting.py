"""Waiting for the end of jobs: woken by the doorbell, and then only those are looked at that had not ended."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aqueue.model.errors import CannotFinish
from aqueue.model.job import Job, State
from aqueue.store import chain, reading
from aqueue.store.protocol import Store

REST = 9.0
"""How many times as long as a look took nobody looks again: a hundred thousand jobs must not keep a CPU busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How many of so many jobs have ended, and how. `removed` were deleted meanwhile.

    `examples` are the first of those that did not complete, told when all have ended.
    """

    total: int
    counts: Mapping[State, int]
    removed: int = 0
    examples: Sequence[Job] = ()

    @property
    def done(self) -> int:
        """How many need not be waited for any longer."""
        return sum(self.counts.values()) + self.removed

    @property
    def failed(self) -> int:
        """How many of those have not completed."""
        return self.done - self.counts.get(State.COMPLETED, 0)


async def until_ended(store: Store, seqs: Sequence[int], examples: int = 0) -> AsyncGenerator[Ended, None]:
    """How far these jobs are: at once, and whenever that may have changed, until all have ended.

    Raises CannotFinish for one that is held, or that waits for one that is: only a person can end such a wait.
    """
    changed, clock = asyncio.Event(), asyncio.get_running_loop().time
    counts: Counter[State] = Counter()
    left, bad = list(seqs), list[int]()
    with store.doorbell.hung_up(changed.set):
        while True:
            changed.clear()
            since = clock()
            outlook = await store.read(partial(reading.outlook, left))
            if outlook.held:
                raise CannotFinish(f"job {outlook.held[0]} is held; release it first")
            if (reason := await store.read(partial(chain.cannot_end, left))) is not None:
                raise CannotFinish(reason)
            removed = len(left) - outlook.present
            left = [seq for seq in left if seq not in outlook.ended]
            counts.update(outlook.ended.values())
            bad += _not_completed(outlook.ended)[: examples - len(bad)]
            if len(left) == removed:
                seen = await store.read(partial(reading.by_seq, bad))
                yield Ended(total=len(seqs), counts=dict(counts), removed=removed, examples=seen)
                return
            yield Ended(total=len(seqs), counts=dict(counts), removed=removed)
            await asyncio.sleep(REST * (clock() - since))
            await changed.wait()


def _not_completed(ended: Mapping[int, State]) -> list[int]:
    return [seq for seq, state in ended.items() if state is not State.COMPLETED]
