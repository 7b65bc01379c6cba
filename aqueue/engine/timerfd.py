"""Hearing that somebody has set the clock: a timer that the kernel cancels then. `timerfd_create(2)`."""

import asyncio
import contextlib
import ctypes
import os
import time
from collections.abc import Callable, Iterator

_CLOCK_REALTIME = 0
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_ABSTIME_CANCEL_ON_SET = 1 | 2
_FAR = 10 * 366 * 86_400
"""Seconds until the timer would end by itself: longer than a process lives."""


class _Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("interval", "interval_ns", "value", "value_ns")]


@contextlib.contextmanager
def clock_watched(on_set: Callable[[], None]) -> Iterator[None]:
    """Call `on_set` in the running loop when the system's clock was set; where the system cannot tell, never."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "timerfd_create") or (timer := libc.timerfd_create(_CLOCK_REALTIME, _NONBLOCK_CLOEXEC)) < 0:
        yield
        return

    def arm() -> None:
        spec = _Spec(0, 0, int(time.time()) + _FAR, 0)
        libc.timerfd_settime(timer, _ABSTIME_CANCEL_ON_SET, ctypes.byref(spec), None)

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
