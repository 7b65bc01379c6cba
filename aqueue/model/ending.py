"""How a run ended: one small type for each way, and the sentence that a person reads about it."""

import signal
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from aqueue.model.record import record


@record
class Exited:
    """The shell ended by itself with this exit code."""

    kind: ClassVar = "exited"
    code: int
    out_of_memory: bool = False
    """Whether the kernel had killed something of it for want of memory."""

    def __str__(self) -> str:
        return f"exit code {self.code}{': out of memory' if self.out_of_memory else ''}"


@dataclass(frozen=True, slots=True)
class Signalled:
    """The shell was killed by this signal, and not by us."""

    kind: ClassVar = "signalled"
    number: int
    out_of_memory: bool = False
    """Whether it was the kernel, for want of memory."""

    def __str__(self) -> str:
        return f"killed by {signal_name(self.number)}{': out of memory' if self.out_of_memory else ''}"


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The run took longer than its timeout, in seconds, and was ended."""

    kind: ClassVar = "timed out"
    after: float

    def __str__(self) -> str:
        return f"timed out after {self.after:g} s"


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The kernel refused to start it, or it asks for what its worker cannot give.

    `for_good` is whether another try would be no different.
    """

    kind: ClassVar = "not started"
    reason: str
    for_good: bool = False

    def __str__(self) -> str:
        return f"could not start: {self.reason}"


@dataclass(frozen=True, slots=True)
class Lost:
    """Its worker died before the end was known."""

    kind: ClassVar = "lost"
    worker: str

    def __str__(self) -> str:
        return f"lost: its worker {self.worker} died"


@dataclass(frozen=True, slots=True)
class Cancelled:
    """It was ended because somebody cancelled the job."""

    kind: ClassVar = "cancelled"

    def __str__(self) -> str:
        return "cancelled"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """It was ended because its worker was shut down, or was put back before it began, for no slot became free."""

    kind: ClassVar = "interrupted"

    began: bool = True

    def __str__(self) -> str:
        return "interrupted by the shutdown of its worker" if self.began else "put back before it began"


Ending: TypeAlias = Exited | Signalled | TimedOut | NotStarted | Lost | Cancelled | Interrupted


SUCCESS = Exited(0)


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; ``signal 40`` for those without a name, such as most real-time signals."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def error_of(ending: Ending, last_line: str) -> str | None:
    """Say how a run ended, with the last line of its stderr; None for success."""
    if ending == SUCCESS:
        return None
    return f"{ending}: {last_line}" if last_line else str(ending)


def exit_code_of(ending: Ending) -> int | None:
    """The exit code, where the shell gave one."""
    return ending.code if isinstance(ending, Exited) else None


def signal_of(ending: Ending) -> int | None:
    """The number of the signal that killed the run, where a stranger sent one."""
    return ending.number if isinstance(ending, Signalled) else None
