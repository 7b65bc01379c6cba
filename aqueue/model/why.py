"""Why a job is not running, in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aqueue.model.dependencies import Parent
from aqueue.model.job import Job, State
from aqueue.model.line import Line, Served
from aqueue.model.text import format_duration


class Crew(NamedTuple):
    """A living worker: how many slots it has, how many of them run something, and the queues that it serves."""

    slots: int
    busy: int
    queues: Served | None = None

    def serves(self, queue: str) -> bool:
        """Whether it takes jobs of this queue."""
        return self.queues is None or queue in self.queues

    def most_of(self, queue: str) -> int:
        """How many jobs of a queue that it serves it runs at once at most."""
        bound = self.queues.get(queue) if self.queues is not None else None
        return self.slots if bound is None else min(bound, self.slots)


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeps a job that waits for others: some of the parents that have not ended, and how many there are in all.

    Of one that was cancelled with a parent, `cause` is the id of the job that began it.
    """

    parents: Sequence[Parent] = ()
    count: int = 0
    cause: str | None = None


def why(job: Job, line: Line, *, ahead: int, workers: Sequence[Crew], now: float, kept: Kept = Kept()) -> str:
    """Say why a job is not running, or that it is.

    ``line`` is what was said of its queue, ``ahead`` how many jobs are before it there, ``workers`` those that live,
    ``kept`` what other jobs have to do with it.
    """
    match job.state:
        case State.PROCESSING:
            return "it is running" + (", and is being ended because it was cancelled" if job.cancel_requested else "")
        case State.COMPLETED:
            return "it has completed"
        case State.DEAD | State.CANCELLED:
            return f"it is {job.state}{_how_it_ended(job)}; {_way_back(job, kept)}"
        case State.BLOCKED:
            return _waits_for(job, kept)
        case State.SCHEDULED | State.FAILED if not _is_due(job, now):
            return _waits(job, now)
        case State.SCHEDULED | State.FAILED | State.PENDING:
            return _is_in_the_line(line, ahead, workers, now)


def _is_due(job: Job, now: float) -> bool:
    return job.run_at is not None and job.run_at <= now


def _waits(job: Job, now: float) -> str:
    if job.held or job.run_at is None:
        return f"it is held; `aqueue release {job.id}` lets it run"
    wait = format_duration(max(0.001, round(job.run_at - now, 1)))
    if job.state is State.FAILED:
        return f"it failed{_how_it_ended(job)} and backs off: attempt {job.attempts + 1} starts in {wait}"
    return f"it waits until its time: it is due in {wait}"


def _how_it_ended(job: Job) -> str:
    """The error in brackets, where it says more than the state does."""
    more = (job.error or "").removeprefix(job.state).removeprefix(": ")
    return f" ({more})" if more else ""


def _way_back(job: Job, kept: Kept) -> str:
    if kept.cause is not None:
        return f"`aqueue retry {kept.cause}` brings it back"
    if job.cancelled_for is not None:
        return f"that job was removed; `aqueue edit {job.id} --after none` frees it"
    return f"`aqueue retry {job.id}` runs it again"


def _waits_for(job: Job, kept: Kept) -> str:
    names = [_named(parent) for parent in kept.parents]
    more = kept.count - len(names)
    listed = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 and not more else ", ".join(names)
    whom = f"{listed} and {more} more" if more else listed or "no other job any more; `aqueue check` may tell why"
    return f"it waits for {whom}" + ("; then it is held" if job.held else "")


def _named(parent: Parent) -> str:
    state = "held" if parent.held and parent.state is State.SCHEDULED else parent.state
    return f"{'the end of ' if parent.on_any else ''}job {parent.id} ({state})"


def _is_in_the_line(line: Line, ahead: int, workers: Sequence[Crew], now: float) -> str:
    before = f", and {ahead} {'job is' if ahead == 1 else 'jobs are'} before it" if ahead else ""
    if line.paused:
        return f"its queue {line.queue} is paused; `aqueue queue resume {line.queue}` lets it run"
    if not workers:
        return "no worker runs; start one with `aqueue worker`"
    serving = [worker for worker in workers if worker.serves(line.queue)]
    if not serving:
        return f"no worker serves its queue {line.queue}; start one with `aqueue worker -q {line.queue}`"
    return (_its_queue_is_full(line, serving) or _slots_are_full(serving) or _rate(line, now) or _SOON) + before


_SOON = "it is about to start"


def _its_queue_is_full(line: Line, serving: Sequence[Crew]) -> str | None:
    if line.limit is not None and line.running >= line.limit:
        return f"its queue {line.queue} has a limit of {line.limit}, and so many of its jobs run"
    most = sum(worker.most_of(line.queue) for worker in serving)
    if most < sum(worker.slots for worker in serving) and line.running >= most:
        return f"the workers that serve its queue {line.queue} run at most {most} of its jobs at once, and so many run"
    return None


def _slots_are_full(serving: Sequence[Crew]) -> str | None:
    slots = sum(worker.slots for worker in serving)
    if any(worker.busy < worker.slots for worker in serving):
        return None
    return f"all {slots} slots are full" if slots > 1 else "the only slot is full"


def _rate(line: Line, now: float) -> str | None:
    if line.bucket is None or line.bucket.starts(now):
        return None
    wait = format_duration(max(0.001, round(line.bucket.next_at(now) - now, 3)))
    return f"its queue {line.queue} has a rate of {line.bucket.rate}, and the next may start in {wait}"
