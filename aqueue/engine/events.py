"""What the engine tells whoever listens: a worker's lines, the demo, metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from aqueue.model.ending import Ending
from aqueue.model.job import Job
from aqueue.model.lifecycle import Transition
from aqueue.model.record import record


@dataclass(frozen=True, slots=True)
class Began:
    """The worker is there and takes jobs."""

    worker: str
    concurrency: int


@record
class Started:
    """A run has begun, in this slot and at this moment: what the job says of both may be a guess, see `ahead`."""

    job: Job
    slot: int
    at: float


@record
class Settled:
    """A run has ended, and what became of its job is in the store. `slot` is None if that is not known."""

    job: Job
    ending: Ending
    transition: Transition
    seconds: float
    at: float
    slot: int | None


@dataclass(frozen=True, slots=True)
class Disowned:
    """A run has ended, but the job had been taken from this worker meanwhile: nothing was changed."""

    job: Job


@dataclass(frozen=True, slots=True)
class Draining:
    """The worker takes nothing new and waits for so many runs to end."""

    running: int


@dataclass(frozen=True, slots=True)
class Interrupting:
    """The worker ends so many runs and puts their jobs back."""

    running: int


@dataclass(frozen=True, slots=True)
class Rescuing:
    """A worker has died: so many jobs are taken back from it."""

    worker: str
    jobs: int


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """What ran beside the slots has ended, with this exit code; so the worker drains."""

    command: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something does not serve; the worker goes on and will say when it is over."""

    text: str


@dataclass(frozen=True, slots=True)
class TroubleOver:
    """What was told with this text is over."""

    text: str


Event: TypeAlias = (
    Began | Started | Settled | Disowned | Draining | Interrupting | Rescuing | CommandEnded | Trouble | TroubleOver
)
Listener: TypeAlias = Callable[[Event], None]
