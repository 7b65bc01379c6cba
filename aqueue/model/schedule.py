"""A schedule: a job that is enqueued again and again, and what its ticks come to.

A *tick* is a moment that the schedule's cron line means; the job that it makes is due at that moment. A tick is
*missed* when no worker was there for it: it lies before the worker's start, or is looked at more than a minute late,
because the machine slept or its clock was set. `missed` says what then:

    skip    nothing
    once    one job for all ticks that were missed, due since the first of them
    all     a job for each of them: they are *owed*, with what has become due before they are looked at

Without `overlap`, a tick makes no job while one of the schedule is unfinished. What is owed is not lost by that: it is
made one by one, each when the one before has ended, and the ticks that come meanwhile are as any that find an
unfinished job. So what is owed is a few spans of time, however many ticks lie in them, and no job before its turn.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from aqueue.model.cron import Cron, parse_cron
from aqueue.model.errors import InvalidInput
from aqueue.model.job import Job
from aqueue.model.newjob import NewJob, check_name

LATE = 60.0
"""Seconds after which a tick is missed although a worker runs."""

SET_BACK = 86_400.0
"""Seconds by which a clock may be set back without a tick coming twice, also when the schedule is added anew then."""

NEVER_KEYS = ("id", "delay", "run_at", "hold", "after", "after_any")
"""Keys of a job that make no sense for one that is made again and again."""

Span: TypeAlias = tuple[float, float]
"""A tick, and the moment before which all that follow it are meant, too."""


class Missed(StrEnum):
    """What becomes of ticks that no worker was there for."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a schedule has come: its next tick that was not looked at, and the missed ones that are owed."""

    next_at: float | None
    owed: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule that was asked for and found to make sense. `job` holds the keys of its jobs."""

    name: str
    cron: Cron
    missed: Missed
    overlap: bool
    job: Mapping[str, Any]

    @classmethod
    def parse(
        cls, name: str, schedule: str, job: Mapping[str, Any], *, timezone: str, missed: str, overlap: bool, now: float
    ) -> "NewSchedule":
        """Check all of it; raises InvalidInput that names what is wrong."""
        return cls(
            name=check_name(name, "a schedule"),
            cron=parse_cron(schedule, timezone),
            missed=parse_missed(missed),
            overlap=overlap,
            job=_checked_job(job, now),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule as the store remembers it. `last` is its last job that has ended, `unfinished` one that has not.

    `created_at` is when it was added, or replaced. `last_at` is the last tick that made a job.
    """

    name: str
    schedule: str
    timezone: str
    missed: Missed
    overlap: bool
    paused: bool
    job: Mapping[str, Any]
    created_at: float
    standing: Standing
    last_at: float | None
    last: Job | None = None
    unfinished: Job | None = None

    @property
    def cron(self) -> Cron:
        """Its line. Raises InvalidInput where that cannot be read, for want of time zone data, say."""
        return parse_cron(self.schedule, self.timezone)

    @property
    def owed_since(self) -> float | None:
        """The first missed tick that a job is still to be made for."""
        return self.standing.owed[0][0] if self.standing.owed else None

    def next_ticks(self, count: int, now: float) -> list[float]:
        """The next ticks from now on; none while it is paused."""
        cron, moment, ticks = self.cron, now, list[float]()
        while not self.paused and len(ticks) < count and (tick := cron.next_after(moment)) is not None:
            ticks.append(moment := tick)
        return ticks

    def new_job(self, run_at: float, now: float) -> NewJob:
        """The job of a tick. Raises InvalidInput where its keys cannot be read."""
        return NewJob.parse({**self.job, "run_at": run_at}, now)


@dataclass(frozen=True, slots=True)
class Due:
    """What a look at a schedule comes to: the ticks that make a job, first to last, and how it stands then."""

    ticks: tuple[float, ...]
    standing: Standing


def parse_missed(text: str) -> Missed:
    """The policy of this name. Raises InvalidInput."""
    try:
        return Missed(text)
    except ValueError:
        raise InvalidInput(f"missed: must be {', '.join(Missed)}, not {text!r}") from None


def _checked_job(job: Mapping[str, Any], now: float) -> Mapping[str, Any]:
    for key in NEVER_KEYS:
        if job.get(key) is not None:
            raise InvalidInput(f"{key}: not for the jobs of a schedule, each of which is a new one, due at its tick")
    NewJob.parse(job, now)
    return {key: value for key, value in job.items() if value is not None or key == "timeout"}


def standing_from(cron: Cron, now: float, last_at: float | None) -> Standing:
    """How a schedule stands that begins now: nothing before this moment is made up for.

    Nor does it repeat what it has made already, where the clock was set back a little. By more than a day, it was
    plainly wrong before.
    """
    begin = last_at if last_at is not None and now < last_at <= now + SET_BACK else now
    return Standing(cron.next_after(begin))


def due(schedule: Schedule, *, now: float, since: float, busy: bool, room: int) -> Due:
    """What to do now with the ticks of a schedule that are due or owed.

    ``since`` is the moment from which on a worker was there, ``busy`` whether a job of it is unfinished, ``room`` how
    many jobs may be made, at least one: what there is no room for stays due, or owed.
    """
    making = _Making(room if schedule.overlap else 0 if busy else 1)
    cron, next_at, owed = schedule.cron, schedule.standing.next_at, schedule.standing.owed
    there = min(now, max(since, now - LATE))
    if next_at is not None and next_at < there:
        if schedule.missed is Missed.ALL:
            owed = (*owed, (next_at, math.floor(now) + 1.0))
            next_at = cron.next_after(now)
        else:
            if schedule.missed is Missed.ONCE:
                making.take(next_at)
            next_at = cron.next_from(there)
    owed = _pay(cron, owed, making)
    while next_at is not None and next_at <= now and making.take(next_at):
        next_at = cron.next_after(next_at)
    if not schedule.overlap and next_at is not None and next_at <= now:  # they have found an unfinished job
        next_at = cron.next_after(now)
    return Due(tuple(making.ticks), Standing(next_at, owed))


@dataclass(slots=True)
class _Making:
    """The ticks that make a job, as long as there is room for more."""

    room: int
    ticks: list[float] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return len(self.ticks) >= self.room

    def take(self, tick: float) -> bool:
        if self.is_full:
            return False
        self.ticks.append(tick)
        return True


def _pay(cron: Cron, owed: tuple[Span, ...], making: _Making) -> tuple[Span, ...]:
    """Take what is owed, first to last; returns what is owed still."""
    while owed and making.take(owed[0][0]):
        (tick, end), *later = owed
        following = cron.next_after(tick)
        owed = tuple(later) if following is None or following >= end else ((following, end), *later)
    return owed
