"""Many descriptors behind one: the pipes and pidfds of all runs wait in an epoll of their own.

The loop watches that one descriptor. A job opens three and closes them again, and asyncio's own add_reader and
remove_reader keep books in Python on each, which costs several times what the kernel does; here it is one system call.
"""

import asyncio
import select
import weakref
from collections.abc import Callable
from typing import Protocol

SOON = 0.005
"""Seconds until what may wait is watched: most short jobs have ended by then."""

AT_ONCE = 64
"""How many ready descriptors are served before the loop gets its turn."""


class Readers(Protocol):
    """Calls back while a descriptor has something to read, or has come to its end."""

    def add(self, descriptor: int, on_ready: Callable[[], object]) -> None:
        """Call back from now on. Raises OSError where the kernel takes no more."""

    def add_soon(self, descriptor: int, on_ready: Callable[[], object]) -> None:
        """The same, from some milliseconds on: what is removed before then costs nothing."""

    def remove(self, descriptor: int) -> None:
        """Call back no more; before the descriptor is closed."""


def readers() -> Readers:
    """Those of the running loop."""
    loop = asyncio.get_running_loop()
    made = _readers.get(loop)
    if made is None:
        made = _readers[loop] = _Epoll(loop) if hasattr(select, "epoll") else _OneByOne()
    return made


_readers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Readers] = weakref.WeakKeyDictionary()


class _Epoll:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._on_ready: dict[int, Callable[[], object]] = {}
        self._soon: dict[int, Callable[[], object]] = {}
        loop.add_reader(self._epoll.fileno(), self._serve)

    def add(self, descriptor: int, on_ready: Callable[[], object]) -> None:
        self._epoll.register(descriptor, select.EPOLLIN)
        self._on_ready[descriptor] = on_ready

    def add_soon(self, descriptor: int, on_ready: Callable[[], object]) -> None:
        if not self._soon:
            asyncio.get_running_loop().call_later(SOON, self._add_all)
        self._soon[descriptor] = on_ready

    def _add_all(self) -> None:
        soon, self._soon = self._soon, {}
        for descriptor, on_ready in soon.items():
            try:
                self.add(descriptor, on_ready)
            except OSError:  # the kernel has no room for it at the moment
                self.add_soon(descriptor, on_ready)

    def remove(self, descriptor: int) -> None:
        if self._soon.pop(descriptor, None) is not None:
            return
        del self._on_ready[descriptor]
        self._epoll.unregister(descriptor)

    def _serve(self) -> None:
        for descriptor, _ in self._epoll.poll(0, AT_ONCE):
            on_ready = self._on_ready.get(descriptor)
            if on_ready is not None:  # else one that was served before it has removed it
                on_ready()


class _OneByOne:
    """Where there is no epoll: the loop's own."""

    def add(self, descriptor: int, on_ready: Callable[[], object]) -> None:
        asyncio.get_running_loop().add_reader(descriptor, on_ready)

    def add_soon(self, descriptor: int, on_ready: Callable[[], object]) -> None:
        self.add(descriptor, on_ready)

    def remove(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
