"""What the benchmark asks of every other tool."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.pipes import pipe


@dataclass(frozen=True, slots=True)
class Standing:
    """A peer that waits for jobs, by these processes.

    `enqueue` takes a command of the shell and returns when it is acknowledged; `enqueue_all` takes many, in the fastest
    way that the peer has.
    """

    enqueue: Callable[[str], object]
    enqueue_all: Callable[[Sequence[str]], object]
    pids: tuple[int, ...]


class Peer(ABC):
    """Another tool that runs commands."""

    key: ClassVar[str]
    name: ClassVar[str]
    lacks: ClassVar[str]
    """What it cannot do, in a few words, and how it was set up where there was a choice."""
    most_slots: ClassVar[int] = 1_000_000
    """How many commands it can run at a time."""
    longest: ClassVar[int] = 1_000_000
    """How long a line it bears."""
    enough: ClassVar[int] = 1_000_000
    """How many jobs are enough to measure it with, where as many as for others would take minutes."""
    starts_early: ClassVar[bool] = False
    """Whether it makes a job's process when the job is enqueued: that is no part of working off the line then."""

    @abstractmethod
    def version(self) -> str:
        """Its version. Raises Impossible if it is not here."""

    @abstractmethod
    def standing(self, folder: Path, slots: int) -> AbstractContextManager[Standing]:
        """Have it wait for jobs in this empty folder, for the block. Raises Impossible if it is no queue."""

    @abstractmethod
    def work_off(self, command: str, count: int, slots: int, folder: Path) -> float:
        """Work off a line of equal commands that is there already; seconds. The folder is empty."""

    def whole(self, command: str, count: int, slots: int, folder: Path) -> float:
        """Take so many equal commands and run them; seconds from the first enqueue to the last start."""
        with pipe(folder, "ended") as ended, self.standing(folder, slots) as standing:
            begun = ended.now()
            standing.enqueue_all([command] * count)
            standing.enqueue(ended.saying)
            return ended.heard() - begun
