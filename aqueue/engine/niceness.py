"""Starting something nicer than the worker, without a moment in which it is not.

A niceness is a thread's own on Linux, and a child has that of the thread that starts it. So a run with a niceness is
started by a thread that has taken it on first: it can start no process before it is nice, as it could if the worker
changed it from outside. Without a right nobody can take a niceness back; that is why the thread is used once.
`preexec_fn` would triple the cost of every start, and nice(1) would run a command that it cannot make nicer.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TypeVar

from aqueue.engine.unable import Unable

T = TypeVar("T")

_wanted: ContextVar[int] = ContextVar("niceness", default=0)


@contextlib.contextmanager
def nicer(by: int | None) -> Iterator[None]:
    """What is started in this block is to be nicer than the worker by so much; less than 0 takes a right."""
    token = _wanted.set(by or 0)
    try:
        yield
    finally:
        _wanted.reset(token)


def nicely(start: Callable[[], T]) -> T:
    """Start something as nice as is wanted here. Raises Unable without a right to that, and what `start` raises."""
    by = _wanted.get()
    return start() if by == 0 else _in_a_thread(by, start)


def _in_a_thread(by: int, start: Callable[[], T]) -> T:
    if sys.platform != "linux":  # elsewhere it is the worker's as a whole, which could not take it back
        raise Unable("a niceness of its own can be had on Linux only")
    outcome: list[T | BaseException] = []

    def run() -> None:
        try:
            _be_nicer(by)
            outcome.append(start())
        except (OSError, ValueError, Unable) as error:
            outcome.append(error)

    thread = threading.Thread(target=run, name="nice start")
    thread.start()
    thread.join()
    (came_of_it,) = outcome
    if isinstance(came_of_it, BaseException):
        raise came_of_it
    return came_of_it


def _be_nicer(by: int) -> None:
    try:
        os.nice(by)
    except PermissionError:
        raise Unable(f"a niceness of {by} takes a right that this worker does not have") from None
