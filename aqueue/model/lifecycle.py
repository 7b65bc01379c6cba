"""The transitions of a job: the only home of "retry or dead?" and of "may this be cancelled?".

The letters are those of the table in the README. Promotion (a) and the claim (d) choose their rows by predicate in
the store, and what becomes of jobs that wait for others (b, c) is decided in `dependencies`; everything else is decided
here, from a job as it was read, and written by one guarded statement.

    a  scheduled → pending              when its time has come, or by `release`
    b  blocked → pending, scheduled     when all it waits for has ended well
    c  blocked → cancelled              when something it waits for has not
    d  pending, failed → processing     claimed
    e  processing → completed           exit code 0
    f  processing → failed              any other end, retries are left
    g  processing → dead                any other end, none left or not to be retried
    h  processing → pending, failed     not counted: interrupted, or "not now"
    i  unfinished → cancelled           `cancel`
    j  dead, cancelled, completed, failed → pending    `retry`; with parents → blocked, and from there as they say
    k  pending, failed → scheduled      `hold`; a blocked job is held as it is
"""

from typing import assert_never

from aqueue.model.ending import (
    SUCCESS,
    Cancelled,
    Ending,
    Exited,
    Interrupted,
    Lost,
    NotStarted,
    Signalled,
    TimedOut,
    error_of,
    exit_code_of,
    signal_of,
)
from aqueue.model.errors import WrongState
from aqueue.model.job import FINISHED, Decidable, Job, State
from aqueue.model.record import record
from aqueue.model.settings import Settings


@record(kw_only=True)
class Transition:
    """What becomes of a job.

    `run_at` is when it is due: None while it is held, or when it will not run again. `finished_at` is set in the
    three finished states only. The exit code, the signal and the error are those of the last run that ended.
    """

    state: State
    attempts: int
    run_at: float | None
    held: bool = False
    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    finished_at: float | None = None


def settle(
    job: Job, ending: Ending, settings: Settings, now: float, *, spread: float = 0.0, last_line: str = ""
) -> Transition:
    """Decide what becomes of a job whose run has ended (e, f, g, h, i).

    ``spread`` is a random number from -1 to 1 for the jitter, ``last_line`` the last line of the run's stderr.
    """
    if job.state is not State.PROCESSING:
        raise WrongState(f"job {job.id} is {job.state}: it has no run that could end")
    end = _End(job, ending, settings, now, spread, last_line)
    if job.cancel_requested and ending != SUCCESS:
        return _End(job, Cancelled(), settings, now, spread, last_line).finished(State.CANCELLED)
    match ending:
        case Exited(code):
            return end.exited(code)
        case NotStarted(for_good=True):
            return end.finished(State.DEAD)
        case Signalled() | TimedOut() | NotStarted() | Lost():
            return end.failed()
        case Cancelled():
            return end.finished(State.CANCELLED)
        case Interrupted():
            return _put_back(job)
        case _:  # pragma: no cover - the type checker proves it
            assert_never(ending)


@record
class _End:
    """The end of a run, and the transitions that it can mean."""

    job: Job
    ending: Ending
    settings: Settings
    now: float
    spread: float
    last_line: str

    def exited(self, code: int) -> Transition:
        if code == 0:
            return self.finished(State.COMPLETED)
        if code in self.job.defer_on:
            return self._deferred()
        return self.finished(State.DEAD) if code in self.job.no_retry_on else self.failed()

    def failed(self) -> Transition:
        if not self.job.retries_left:
            return self.finished(State.DEAD)
        return self._waiting(self.job.attempts)

    def finished(self, state: State) -> Transition:
        return Transition(
            state=state,
            attempts=self.job.attempts,
            run_at=None,
            exit_code=exit_code_of(self.ending),
            signal=signal_of(self.ending),
            error=error_of(self.ending, self.last_line),
            finished_at=self.now,
        )

    def _deferred(self) -> Transition:
        # Not counted, so the wait does not grow either: it is always that before the next counted attempt.
        return self._waiting(self.job.attempts - 1)

    def _waiting(self, attempts: int) -> Transition:
        return Transition(
            state=State.FAILED,
            attempts=attempts,
            run_at=self.now + self.job.backoff(self.settings).wait(max(1, self.job.attempts), self.spread),
            exit_code=exit_code_of(self.ending),
            signal=signal_of(self.ending),
            error=error_of(self.ending, self.last_line),
        )


def _put_back(job: Job) -> Transition:
    # The job keeps its place in the line and what it knew of the run before: this one did not happen.
    return Transition(
        state=State.PENDING,
        attempts=job.attempts - 1,
        run_at=job.run_at,
        exit_code=job.exit_code,
        signal=job.signal,
        error=job.error,
    )


def cancel(job: Decidable, now: float) -> Transition | None:
    """Stop an unfinished job (i), or keep one that was cancelled with a parent from coming back with it.

    None for a running one: its worker must end it first and then settle it.
    """
    if job.state in FINISHED and job.cancelled_for is None:
        raise WrongState(f"job {job.id} is {job.state} and cannot be cancelled")
    if job.state is State.PROCESSING:
        return None
    return Transition(
        state=State.CANCELLED, attempts=job.attempts, run_at=None, error=error_of(Cancelled(), ""), finished_at=now
    )


def retry(job: Decidable, now: float) -> Transition:
    """Give a job a fresh set of attempts, now (j); one with parents is blocked until these are looked at."""
    if job.state not in {State.DEAD, State.CANCELLED, State.COMPLETED, State.FAILED}:
        raise WrongState(f"job {job.id} is {job.state} and cannot be retried")
    return Transition(
        state=State.BLOCKED if job.waits else State.PENDING,
        attempts=0,
        run_at=None if job.waits else now,
        exit_code=job.exit_code,
        signal=job.signal,
        error=job.error,
    )


def hold(job: Decidable) -> Transition:
    """Keep a waiting job from running until it is released (k)."""
    if job.state not in {State.PENDING, State.FAILED, State.SCHEDULED, State.BLOCKED} or job.held:
        raise WrongState(f"job {job.id} is {_state_for_people(job)} and cannot be held")
    return _waiting(job, _unless_blocked(job, State.SCHEDULED), None, held=True)


def release(job: Decidable, now: float) -> Transition:
    """Let a scheduled or held job run now (a), or a blocked one as soon as its parents let it."""
    if job.state is State.BLOCKED and (job.held or job.run_at is not None):
        return _waiting(job, State.BLOCKED, None, held=False)
    if job.state is State.BLOCKED:
        raise WrongState(f"job {job.id} is blocked: it waits for other jobs, not for a release")
    if job.state is not State.SCHEDULED:
        raise WrongState(f"job {job.id} is {job.state} and needs no release")
    return _waiting(job, State.PENDING, now, held=False)


def postpone(job: Decidable, run_at: float, now: float) -> Transition:
    """Let a waiting job run at another moment; one that is past means now."""
    if job.state not in {State.PENDING, State.FAILED, State.SCHEDULED, State.BLOCKED}:
        raise WrongState(f"job {job.id} is {job.state} and cannot be given another time")
    state = State.SCHEDULED if run_at > now else State.PENDING
    return _waiting(job, _unless_blocked(job, state), max(run_at, now), held=False)


def _unless_blocked(job: Decidable, state: State) -> State:
    return State.BLOCKED if job.state is State.BLOCKED else state


def reschedule(job: Decidable, now: float, *, hold_it: bool | None, run_at: float | None) -> Transition | None:
    """What an edit of its time makes of a job: held, released, or due at another moment. None if that is no change.

    A held job has no time, so the one beats the other.
    """
    if hold_it is True:
        return None if job.held else hold(job)
    if run_at is not None:
        return postpone(job, run_at, now)
    return release(job, now) if hold_it is False and job.held else None


def check_editable(job: Decidable) -> None:
    """Raise WrongState for a job that runs: its run could not be told from what it says of itself."""
    if job.state is State.PROCESSING:
        raise WrongState(f"job {job.id} is {job.state} and cannot be edited")


def check_removable(job: Decidable) -> None:
    """Raise WrongState for a job that runs."""
    if job.state is State.PROCESSING:
        raise WrongState(f"job {job.id} is {job.state} and cannot be removed; cancel it first")


def _waiting(job: Decidable, state: State, run_at: float | None, *, held: bool) -> Transition:
    return Transition(
        state=state,
        attempts=job.attempts,
        run_at=run_at,
        held=held,
        exit_code=job.exit_code,
        signal=job.signal,
        error=job.error,
    )


def _state_for_people(job: Decidable) -> str:
    return "held" if job.held and job.state not in FINISHED else job.state
