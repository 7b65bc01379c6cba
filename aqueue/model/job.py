"""A job as the store remembers it, and its states."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from aqueue.model.backoff import Backoff
from aqueue.model.record import record
from aqueue.model.settings import Settings


class State(StrEnum):
    """Where a job is in its life; `lifecycle` holds the ways from one to another."""

    SCHEDULED = "scheduled"
    BLOCKED = "blocked"
    PENDING = "pending"
    PROCESSING = "processing"
    FAILED = "failed"
    COMPLETED = "completed"
    DEAD = "dead"
    CANCELLED = "cancelled"


FINISHED = frozenset({State.COMPLETED, State.DEAD, State.CANCELLED})
"""The states that a job leaves only by hand."""


class RunKey(NamedTuple):
    """Which run of which job: never used twice."""

    seq: int
    run: int


@record(kw_only=True)
class Job:
    """One shell command and all that is known of it. Times are seconds since the epoch, durations seconds."""

    seq: int
    id: str
    command: str
    state: State
    queue: str
    priority: int
    attempts: int
    max_retries: int
    timeout: float | None
    run_at: float | None
    held: bool
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None
    exit_code: int | None
    signal: int | None
    error: str | None
    run: int
    """The number of the last run; 0 before the first."""
    worker: str | None
    slot: int | None
    cancel_requested: bool
    tags: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    unique: str | None
    cron: str | None
    """The name of the schedule that made it."""
    progress: str | None
    backoff_base: float | None
    backoff_max: float | None
    no_retry_on: tuple[int, ...]
    defer_on: tuple[int, ...]
    hook_of: str | None
    """Of a hook: the id of the job that it tells of."""
    after: tuple[str, ...]
    """The ids of the jobs that must have completed before it, as they were asked for."""
    after_any: tuple[str, ...]
    """The ids of the jobs that must have ended before it, in whatever way."""
    cancelled_for: int | None
    """Of a cancelled job: the seq of the one whose end cancelled it; None if a person did."""
    nice: int | None
    """By how much its runs are nicer than their worker."""
    memory: int | None
    """How many bytes of memory the processes of a run may have together."""

    @property
    def waits(self) -> bool:
        """Whether it comes after other jobs."""
        return bool(self.after or self.after_any)

    @property
    def retries_left(self) -> int:
        """How many more attempts may follow the ones that were begun."""
        return max(0, self.max_retries + 1 - self.attempts)

    @property
    def run_key(self) -> RunKey:
        """The last run."""
        return RunKey(self.seq, self.run)

    @property
    def is_finished(self) -> bool:
        """Whether it is completed, dead or cancelled."""
        return self.state in FINISHED

    def backoff(self, settings: Settings) -> Backoff:
        """The job's own backoff, or the settings' where it has none."""
        return Backoff(
            base=settings.backoff_base if self.backoff_base is None else self.backoff_base,
            maximum=settings.backoff_max if self.backoff_max is None else self.backoff_max,
            jitter=settings.backoff_jitter,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What of a job a decision by hand is made from; the fields are those of a job.

    Where there are many, no more of each is read: what it runs and with what can be large.
    """

    seq: int
    id: str
    state: State
    attempts: int
    run_at: float | None
    held: bool
    exit_code: int | None
    signal: int | None
    error: str | None
    run: int
    worker: str | None
    cancel_requested: bool
    cancelled_for: int | None
    unique: str | None
    waits: bool

    @property
    def run_key(self) -> RunKey:
        """The last run."""
        return RunKey(self.seq, self.run)


Decidable: TypeAlias = Job | Sketch
"""A job of which enough is known to decide what becomes of it by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One start of a job, in its history. `ending` is None while it goes on."""

    run: int
    attempt: int
    worker: str
    slot: int
    started_at: float
    finished_at: float | None
    ending: str | None
    exit_code: int | None
    signal: int | None
    error: str | None
    cpu_seconds: float | None
    peak_bytes: int | None
