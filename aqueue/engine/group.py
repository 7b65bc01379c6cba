"""The process group of a run: signalling it, and waiting until nothing of it is left."""

import asyncio
import contextlib
import os
import signal
import weakref
from collections.abc import Mapping
from pathlib import Path

from aqueue.engine import proc

REST = 3.0
"""A census is not taken again before so many times as long as the last one took."""


def send(group: int, number: int) -> None:
    """Send a signal to a process group, if there is one and it may be sent."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def is_empty(group: int) -> bool:
    """Whether no process of the group is left, running or not yet reaped."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


async def end(group: int, kill_after: float) -> None:
    """End what is left of a group: TERM, and KILL after so many seconds. Returns when nothing of it runs."""
    if is_empty(group):
        return
    send(group, signal.SIGTERM)
    try:
        await asyncio.wait_for(gone(group), kill_after)
    except TimeoutError:
        send(group, signal.SIGKILL)
        await gone(group)


async def gone(group: int) -> None:
    """Wait until nothing of the group runs."""
    while not is_empty(group):
        try:
            member = await _member_of(group)
        except OSError:
            # No descriptor is left to look with. At least an empty group can be told without.
            await asyncio.sleep(proc.LOOK_EVERY)
            continue
        if member is None:
            return
        await proc.end_of(member)


async def _member_of(group: int) -> int | None:
    """A process of the group that runs. Raises OSError in a shortage."""
    if not Path("/proc/self/stat").exists():
        return None if is_empty(group) else group
    return (await _census().taken()).get(group)


class _Census:
    """One look at all processes for all who wait for the end of a group.

    Where hundreds of runs are ended at once, a look for each of them would take longer than they do.
    """

    def __init__(self) -> None:
        self._asked: asyncio.Future[Mapping[int, int]] | None = None
        self._not_before = 0.0

    async def taken(self) -> Mapping[int, int]:
        """Of each group a process that runs, as of a moment after this call. Raises OSError in a shortage."""
        if self._asked is None:
            loop = asyncio.get_running_loop()
            self._asked = loop.create_future()
            loop.call_at(max(self._not_before, loop.time()), self._take, loop, self._asked)
        return await asyncio.shield(self._asked)

    def _take(self, loop: asyncio.AbstractEventLoop, asked: "asyncio.Future[Mapping[int, int]]") -> None:
        self._asked = None
        begun = loop.time()
        try:
            asked.set_result({process.group: process.pid for process in proc.running()})
        except OSError as error:
            asked.set_exception(error)
            asked.exception()  # perhaps nobody waits for it any more
        self._not_before = loop.time() + REST * (loop.time() - begun)


_censuses: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Census] = weakref.WeakKeyDictionary()


def _census() -> _Census:
    return _censuses.setdefault(asyncio.get_running_loop(), _Census())
