"""Jobs to decide about."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict, Unpack

from aqueue.model.ending import Cancelled, Ending, Exited, Interrupted, Lost, NotStarted, Signalled, TimedOut
from aqueue.model.job import Job, State

NOW = 1_700_000_000.0

ENDINGS: tuple[Ending, ...] = (
    Exited(0),
    Exited(1),
    Exited(255),
    Signalled(9),
    TimedOut(3.0),
    NotStarted("no such folder"),
    Lost("w1"),
    Cancelled(),
    Interrupted(),
)
"""One of each kind, and of exit codes the good one and two bad ones."""

FAILURES = tuple(ending for ending in ENDINGS if ending not in (Exited(0), Cancelled(), Interrupted()))


class Changes(TypedDict, total=False):
    """The fields of a job, each of which may be given."""

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
    worker: str | None
    slot: int | None
    cancel_requested: bool
    tags: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    unique: str | None
    cron: str | None
    progress: str | None
    backoff_base: float | None
    backoff_max: float | None
    no_retry_on: tuple[int, ...]
    defer_on: tuple[int, ...]
    hook_of: str | None
    after: tuple[str, ...]
    after_any: tuple[str, ...]
    cancelled_for: int | None
    nice: int | None
    memory: int | None


_PENDING = Job(
    seq=7,
    id="7",
    command="true",
    state=State.PENDING,
    queue="default",
    priority=0,
    attempts=0,
    max_retries=3,
    timeout=None,
    run_at=NOW - 5,
    held=False,
    created_at=NOW - 60,
    updated_at=NOW - 60,
    started_at=None,
    finished_at=None,
    exit_code=None,
    signal=None,
    error=None,
    run=0,
    worker=None,
    slot=None,
    cancel_requested=False,
    tags=(),
    env={},
    cwd=None,
    unique=None,
    cron=None,
    progress=None,
    backoff_base=None,
    backoff_max=None,
    no_retry_on=(),
    defer_on=(),
    hook_of=None,
    after=(),
    after_any=(),
    cancelled_for=None,
    nice=None,
    memory=None,
)


def a_job(**changes: Unpack[Changes]) -> Job:
    """A pending job of which some fields are different."""
    return replace(_PENDING, **changes)


def a_running_job(**changes: Unpack[Changes]) -> Job:
    """A job in its first run."""
    running = a_job(state=State.PROCESSING, attempts=1, run=1, worker="w1", slot=0, started_at=NOW - 1)
    return replace(running, **changes)
