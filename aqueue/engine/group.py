"""The process group of a run: signalling it, and waiting until nothing of it is left."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from aqueue.engine import proc


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
        await asyncio.wait_for(_gone(group), kill_after)
    except TimeoutError:
        send(group, signal.SIGKILL)
        await _gone(group)


async def _gone(group: int) -> None:
    while True:
        try:
            members = _members(group)
        except OSError:
            # No descriptor is left to look with. At least an empty group can be told without.
            if is_empty(group):
                return
            await asyncio.sleep(proc.LOOK_EVERY)
            continue
        if not members:
            return
        await proc.end_of(members[0])


def _members(group: int) -> list[int]:
    if not Path("/proc/self/stat").exists():
        return [] if is_empty(group) else [group]
    return [process.pid for process in proc.running() if process.group == group]
