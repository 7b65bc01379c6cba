"""Timers of the kernel, `timerfd_create(2)`: one that ends exactly, and one that tells that the clock was set.

The loop's own timers end up to a millisecond late: epoll waits in whole ones, and Python rounds up.
"""

import asyncio
import contextlib
import ctypes
import functools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from aqueue.engine.readers import readers

_CLOCK_REALTIME = 0
_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSTIME_CANCEL_ON_SET = 1 | 2
_FAR = 10 * 366 * 86_400
"""Seconds until the timer would end by itself: longer than a process lives."""


class _Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("interval", "interval_ns", "value", "value_ns")]


class ExactTimer:
    """A call that is still to come."""

    def __init__(self, timer: int, callback: Callable[[], None]) -> None:
        self._timer: int | None = timer
        self._callback = callback

    def cancel(self) -> None:
        """Do not make it."""
        if self._timer is not None:
            readers().remove(self._timer)
            os.close(self._timer)
            self._timer = None

    def ring(self) -> None:
        """The moment has come."""
        self.cancel()
        self._callback()


def exact_timer(seconds: float, callback: Callable[[], None]) -> ExactTimer | None:
    """Call back in the running loop after so many seconds; None where no such timer is to be had."""
    if (timer := _made(_CLOCK_MONOTONIC)) is None:
        return None
    whole, nanoseconds = divmod(max(1, round(seconds * 1e9)), 10**9)  # zero would mean never
    _libc().timerfd_settime(timer, 0, ctypes.byref(_Spec(0, 0, min(whole, _FAR), nanoseconds)), None)
    exact = ExactTimer(timer, callback)
    try:
        readers().add(timer, exact.ring)
    except OSError:
        os.close(timer)
        return None
    return exact


@contextlib.contextmanager
def clock_watched(on_set: Callable[[], None]) -> Iterator[None]:
    """Call `on_set` in the running loop when the system's clock was set; where the system cannot tell, never."""
    if (timer := _made(_CLOCK_REALTIME)) is None:
        yield
        return

    def arm() -> None:
        spec = _Spec(0, 0, int(time.time()) + _FAR, 0)
        _libc().timerfd_settime(timer, _ABSTIME_CANCEL_ON_SET, ctypes.byref(spec), None)

    def hear() -> None:
        with contextlib.suppress(OSError):  # ECANCELED: that is the message
            os.read(timer, 8)
        arm()
        on_set()

    arm()
    loop = asyncio.get_running_loop()
    loop.add_reader(timer, hear)
    try:
        yield
    finally:
        loop.remove_reader(timer)
        os.close(timer)


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None)


def _made(clock: int) -> int | None:
    """A new timer; None where the system has none, or has no more descriptors."""
    if not hasattr(_libc(), "timerfd_create"):
        return None
    timer: int = _libc().timerfd_create(clock, _NONBLOCK_CLOEXEC)
    return timer if timer >= 0 else None
