"""The process group of a run: signalling it, and waiting until nothing of it is left."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

LOOK_EVERY = 0.05
"""Seconds between two looks at a group where the system has no /proc and no pidfd."""


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
    while members := list(_members(group)):
        await _end_of(members[0])


def _members(group: int) -> Iterator[int]:
    """The processes of a group that run: a zombie that nobody reaps does not count."""
    if not hasattr(os, "pidfd_open"):
        if not is_empty(group):
            yield group
        return
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and _group_of(int(entry.name)) == group:
            yield int(entry.name)


def _group_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # "pid (name) state parent group …", and the name may hold anything.
    state, _, group = stat.rpartition(b")")[2].split()[:3]
    return None if state in {b"Z", b"X"} else int(group)


async def _end_of(pid: int) -> None:
    """Wait until this process has ended, or at least for a moment where the system cannot tell."""
    if not hasattr(os, "pidfd_open"):
        await asyncio.sleep(LOOK_EVERY)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
