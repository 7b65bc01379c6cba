"""Why a job is not running, in one sentence."""

from aqueue.model.job import Job, State
from aqueue.model.text import format_duration


def why(job: Job, *, ahead: int, slots: int, busy: int, now: float) -> str:
    """Say why a job is not running, or that it is.

    ``ahead`` is how many jobs are before it in the line, ``slots`` how many slots the living workers have, ``busy`` how
    many of them run something.
    """
    match job.state:
        case State.PROCESSING:
            return "it is running" + (", and is being ended because it was cancelled" if job.cancel_requested else "")
        case State.COMPLETED:
            return "it has completed"
        case State.DEAD | State.CANCELLED:
            return f"it is {job.state}{_how_it_ended(job)}; `aqueue retry {job.id}` runs it again"
        case State.BLOCKED:
            return "it waits for other jobs"
        case State.SCHEDULED | State.FAILED if not _is_due(job, now):
            return _waits(job, now)
        case State.SCHEDULED | State.FAILED | State.PENDING:
            return _is_in_the_line(ahead, slots, busy)


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


def _is_in_the_line(ahead: int, slots: int, busy: int) -> str:
    if not slots:
        return "no worker runs; start one with `aqueue worker`"
    line = f", and {ahead} {'job is' if ahead == 1 else 'jobs are'} before it" if ahead else ""
    if busy >= slots:
        return f"all {slots} slots are full{line}" if slots > 1 else f"the only slot is full{line}"
    return f"it is about to start{line}"
