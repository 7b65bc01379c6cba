"""The one clock of the engine: only the alarm, the timeouts and the grace look at it, so that tests can move it."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from aqueue.engine.timerfd import exact_timer


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Do not make it."""


class Clock(Protocol):
    """Tells the time and calls back."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back after so many seconds, or up to a millisecond more."""

    def call_exactly(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back after so many seconds, as exactly as the machine can. It costs more."""


class SystemClock:
    """The machine's time, or what the store says of it, and the running loop's timers."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        """Seconds since the epoch."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back after so many seconds, or up to a millisecond more: that is how exactly epoll waits."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def call_exactly(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back after so many seconds, by a timer of the kernel where there is one."""
        return exact_timer(seconds, callback) or self.call_later(seconds, callback)
