"""Jobs that are claimed before a slot is free for them, so that short jobs need not wait for the store between them.

A turn of the store takes some milliseconds: as long as many a job. While runs are short, the worker therefore claims
what its slots will probably do in the next moment, and a slot that becomes free takes the first of those jobs at once.
What no slot has taken in time is put back before anybody could miss it: then a run lasts longer than the ones before,
and nothing is claimed ahead again until many short ones have followed.

A claim says which slot a job has and when it was started. For one that was claimed ahead both are only a guess, of a
few milliseconds: the truth is written with the end of its run, or as soon as the run turns out to last.
"""

import itertools
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aqueue.model.job import Job

SUPPLY = 0.06
"""For how many seconds of work is claimed ahead."""

SHORT = 0.1
"""Seconds after which a run lasts, and a job that waits ahead has waited too long."""

MOST = 128
"""How many jobs are claimed ahead at most."""

MEMORY = 16
"""Over about how many runs the typical one is taken."""


@dataclass(slots=True)
class Held:
    """A job that a slot has, and since when, by the loop's clock. `is_guess` is whether the store has only a guess."""

    job: Job
    slot: int
    since: float
    is_guess: bool


class Ahead:
    """The jobs that are claimed ahead, and whether there should be more."""

    def __init__(self) -> None:
        self._typical = 2 * SHORT
        self._jobs: deque[tuple[Job, float]] = deque()
        self._held: dict[int, Held] = {}

    @property
    def has_jobs(self) -> bool:
        """Whether a slot that becomes free has a job at once."""
        return bool(self._jobs)

    @property
    def is_empty(self) -> bool:
        """Whether none is claimed ahead, and none runs of which the store has only a guess."""
        return not self._jobs and not any(held.is_guess for held in self._held.values())

    def wanted(self, now: float) -> list[int]:
        """The busy slots for which jobs should be claimed ahead, one each time that it is named.

        None before half of the last ones are gone: so they come in batches.
        """
        enough = 2 * len(self._jobs)
        if self._typical >= SUPPLY or self._supply(len(self._held)) < enough:  # even if all of them are brisk
            return []
        brisk = [slot for slot, held in self._held.items() if now - held.since < SHORT]
        count = self._supply(len(brisk))
        return list(itertools.islice(itertools.cycle(brisk), count - len(self._jobs))) if count >= enough else []

    def _supply(self, slots: int) -> int:
        """How many jobs so many slots will probably do."""
        return min(MOST, int(slots * SUPPLY / self._typical))

    def add(self, job: Job, now: float) -> None:
        """A job has come for which no slot is free: it waits behind those of its priority and above."""
        place = bisect_right(self._jobs, -job.priority, key=lambda waiting: -waiting[0].priority)
        self._jobs.insert(place, (job, now))

    def take(self) -> Job | None:
        """The first of them."""
        return self._jobs.popleft()[0] if self._jobs else None

    def hand(self, job: Job, slot: int, now: float, *, is_guess: bool) -> None:
        """A slot has got a job."""
        self._held[slot] = Held(job, slot, now, is_guess)

    def free(self, slot: int, now: float) -> None:
        """A slot has done its job, if it had one."""
        held = self._held.pop(slot, None)
        if held is not None:
            self._typical += (min(now - held.since, 2 * SHORT) - self._typical) / MEMORY

    def lasting(self, now: float) -> Iterator[Held]:
        """The runs that turn out to last, and of which the store has only a guess; each is told once."""
        for held in self._held.values():
            if held.is_guess and now - held.since >= SHORT:
                held.is_guess = False
                yield held

    def stale(self, now: float) -> Iterator[Job]:
        """The jobs that no slot has taken in time: they are not kept any longer."""
        late = {job.seq for job, since in self._jobs if now - since >= SHORT}
        if late:
            self._typical = 2 * SHORT
        yield from self.drop(lambda job: job.seq in late)

    def drop(self, unwanted: Callable[[Job], bool]) -> list[Job]:
        """Keep those that are not wanted any longer no more, and tell which there were."""
        dropped = [job for job, _ in self._jobs if unwanted(job)]
        self._jobs = deque(one for one in self._jobs if one[0] not in dropped)
        return dropped
