"""Jobs that are claimed before a slot is free for them, so that short jobs need not wait for the store between them.

A turn of the store takes some milliseconds: as long as many a job. While all runs are short, the worker therefore
claims a few jobs more than it has slots, and a slot that becomes free takes the first of them at once. As soon as a run
lasts, none is claimed ahead any more, and what is left of them is put back before anybody could miss it.

A claim says which slot a job has and when it was started. For one that was claimed ahead both are only a guess, of a
few milliseconds: the truth is written with the end of its run, or as soon as the run turns out to last.
"""

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from aqueue.model.job import Job

SHORT = 0.05
"""Seconds below which a run is short."""

ENOUGH = 8
"""How many runs a slot, all of them short, make it likely that the next are short too."""

FEWEST, MOST = 8, 32
"""How many jobs are claimed ahead: as many as there are slots, within these bounds."""


@dataclass(slots=True)
class Held:
    """A job that a slot has, and since when, by the loop's clock. `is_guess` is whether the store has only a guess."""

    job: Job
    slot: int
    since: float
    is_guess: bool


class Ahead:
    """The jobs that are claimed ahead for so many slots, and whether there should be more."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._short_runs = 0
        self._jobs: deque[tuple[Job, float]] = deque()
        self._held: dict[int, Held] = {}

    @property
    def is_empty(self) -> bool:
        """Whether none is claimed ahead, and none runs of which the store has only a guess."""
        return not self._jobs and not any(held.is_guess for held in self._held.values())

    def wanted(self) -> list[int]:
        """The busy slots for which jobs should be claimed ahead, one each time that it is named."""
        if self._short_runs < ENOUGH * self._slots:
            return []
        count = min(max(self._slots, FEWEST), MOST) - len(self._jobs)
        return list(itertools.islice(itertools.cycle(self._held), max(0, count)))

    def add(self, job: Job, now: float) -> None:
        """A job has come for which no slot is free."""
        self._jobs.append((job, now))

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
            self._short_runs = self._short_runs + 1 if now - held.since < SHORT else 0

    def lasting(self, now: float) -> Iterator[Held]:
        """The runs that turn out to last, and of which the store has only a guess; each is told once."""
        for held in self._held.values():
            if now - held.since >= SHORT:
                self._short_runs = 0
                if held.is_guess:
                    held.is_guess = False
                    yield held

    def stale(self, now: float) -> Iterator[Job]:
        """The jobs that no slot has taken in time: they are not kept any longer."""
        while self._jobs and now - self._jobs[0][1] >= SHORT:
            yield self._jobs.popleft()[0]

    def drop(self, seqs: frozenset[tuple[int, int]] | None = None) -> list[Job]:
        """Keep these, as (seq, run), no longer; without any, none is kept."""
        dropped = [job for job, _ in self._jobs if seqs is None or (job.seq, job.run) in seqs]
        self._jobs = deque(one for one in self._jobs if one[0] not in dropped)
        return dropped
