"""Processes as /proc(5) shows them, and waiting for their end.

That a process is gone is believed only when the kernel says so. Where it has no descriptor or no memory to answer with,
OSError is raised: whoever took that for "gone" would start a job beside its own earlier run.
"""

import asyncio
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY = 0.05
"""Seconds between two looks at a process where there is no pidfd to be had."""

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
"""What the kernel says when it has no descriptor, no process or no memory to give."""


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """Who a process is. `started` is the moment of its start in clock ticks: with the id it is unmistakable."""

    pid: int
    parent: int
    group: int
    session: int
    started: int


def running() -> Iterator[ProcessFacts]:
    """All processes that run: a zombie that nobody has reaped does not. Raises OSError in a shortage."""
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit() and (facts := look_at(int(entry.name))) is not None:
                yield facts


def look_at(pid: int) -> ProcessFacts | None:
    """The process with this id; None if none runs. Raises OSError in a shortage."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError as error:
        raise_shortage(error)
        return None
    # "pid (name) state parent group session …", and the name may hold anything.
    fields = stat.rpartition(b")")[2].split()
    if fields[0] in {b"Z", b"X"}:
        return None
    return ProcessFacts(pid, int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def environment_of(pid: int) -> bytes:
    """The environment that a process was started with, each variable between NULs; empty if it may not be read.

    Raises OSError in a shortage.
    """
    try:
        return b"\0" + Path(f"/proc/{pid}/environ").read_bytes() + b"\0"
    except OSError as error:
        raise_shortage(error)
        return b""


def raise_shortage(error: OSError) -> None:
    """Raise this error if it says nothing of what was asked, but only that the kernel could not answer."""
    if error.errno in SHORTAGES:
        raise error


async def end_of(pid: int) -> None:
    """Wait until this process has ended, or at least for a moment where the system cannot tell."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (OSError, AttributeError):
        # No descriptor is left at the moment, or the system has no pidfds.
        await asyncio.sleep(LOOK_EVERY)
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
