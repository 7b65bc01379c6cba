"""What the runs of a dead worker left running: finding it in /proc, and ending it.

A run's environment names its worker, its job and its number, and every process inherits it: that finds what changed its
group or its session, forked twice, ignores hang-ups or became another user. What cleared its environment is found by
its parent or its session as long as one of those is found. An orphan that has cleared its environment and left its
session escapes, where the worker had no cgroup.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401 - else `to_thread` does it, perhaps when no file can be opened
import contextlib
import os
import signal
from collections.abc import Iterable

from aqueue.engine import proc
from aqueue.engine.proc import ProcessFacts
from aqueue.model.job import Job

PAUSE = 0.01
"""Seconds between two scans: a process that was just being born shows its environment a moment later."""


class OwnLeftover(Exception):
    """This process itself is part of such a run: another worker has to end it."""


async def end(worker: str, jobs: Iterable[Job]) -> None:
    """Kill all that these runs left, and return when two scans in a row have found nothing.

    Raises OwnLeftover, having killed nothing, if this process is among it, and OSError in a shortage.
    """
    marks = [_mark(worker, job) for job in jobs]
    empty_scans = 0
    while empty_scans < 2:
        found = await _find_aside(marks)
        if any(process.pid == os.getpid() for process in found):
            raise OwnLeftover
        for process in found:
            _kill(process)
        for process in found:
            await proc.end_of(process.pid)
        empty_scans = 0 if found else empty_scans + 1
        await asyncio.sleep(PAUSE)


async def _find_aside(marks: Iterable[frozenset[bytes]]) -> list[ProcessFacts]:
    try:
        # In a thread: a scan of a thousand processes takes ten milliseconds.
        return await asyncio.to_thread(find, marks)
    except RuntimeError:  # "can't start new thread"
        return find(marks)


def find(marks: Iterable[frozenset[bytes]]) -> list[ProcessFacts]:
    """The processes that carry all of one mark, and what descends from them or shares a session with them."""
    wanted = list(marks)
    alive = list(proc.running())
    found = {process.pid: process for process in alive if _carries_one(proc.environment_of(process.pid), wanted)}
    while more := [process for process in alive if process.pid not in found and _belongs(process, found)]:
        found.update((process.pid, process) for process in more)
    return list(found.values())


def _mark(worker: str, job: Job) -> frozenset[bytes]:
    variables = {"AQUEUE_WORKER": worker, "AQUEUE_JOB_ID": job.id, "AQUEUE_RUN": str(job.run)}
    return frozenset(f"\0{name}={value}\0".encode() for name, value in variables.items())


def _carries_one(environment: bytes, marks: Iterable[frozenset[bytes]]) -> bool:
    return any(all(variable in environment for variable in mark) for mark in marks)


def _belongs(process: ProcessFacts, found: dict[int, ProcessFacts]) -> bool:
    # A session counts if a process of the run leads it: then the run made it, and everything in it is the run's.
    return process.parent in found or process.session in found


def _kill(process: ProcessFacts) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        # The id may have gone to another process since the scan; with the descriptor in hand it no longer can.
        now = proc.look_at(process.pid)
        if now is not None and now.started == process.started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
