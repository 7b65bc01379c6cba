"""Stopping workers: ask them through the store, and wait until they are gone, however they go."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aqueue.cli.narration import counted
from aqueue.model.errors import Refused
from aqueue.queue import Queue, Worker

LOOKS = (0.0, 0.001, 0.010, 0.050)
"""Seconds to wait before each look at a sign of life: the kernel can tell of its end just before it is one."""


async def stop_workers(db: str | None, ids: Sequence[str], *, now: bool) -> None:
    """Stop these workers, without ids all; returns when they are gone. Raises Refused for one that does not run."""
    async with Queue.open(db) as queue:
        asked = _chosen(await queue.workers(), ids)
        if not asked:
            _say("No worker is running.")
            return
        with _departures(queue) as departures, _processes(asked) as processes:
            await queue.stop_workers([worker.id for worker in asked], now=now)
            _say(_asking(asked, now=now))
            await _see_off([worker.id for worker in asked], departures, processes)


def _chosen(living: Sequence[Worker], ids: Sequence[str]) -> Sequence[Worker]:
    by_id = {worker.id: worker for worker in living}
    for one in ids:
        if one not in by_id:
            raise Refused(f"no worker {one} is running")
    return [by_id[one] for one in dict.fromkeys(ids)] if ids else living


def _asking(workers: Sequence[Worker], *, now: bool) -> str:
    names = ", ".join(worker.id for worker in workers)
    running = sum(worker.running for worker in workers)
    if not running:
        return f"Asked {names} to stop."
    if now:
        return f"Asked {names} to end {counted(running, 'job')} and stop."
    return f"Asked {names} to drain; waiting for {counted(running, 'job')} to end. Ctrl-C ends only this waiting."


async def _see_off(workers: Sequence[str], departures: "_Departures", processes: Mapping[str, int]) -> None:
    left = list(workers)
    while left:
        await departures.next()
        for look in LOOKS:
            await asyncio.sleep(look)
            living = await departures.queue.living()
            gone = [worker for worker in left if worker not in living]
            left = [worker for worker in left if worker in living]
            for worker in gone:
                if worker in processes:
                    await _end_of(processes[worker])
                _say(f"{worker} has stopped.")


class _Departures:
    """Hears when a worker may have gone. At the beginning, one may."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._heard = asyncio.Event()
        self._heard.set()

    async def next(self) -> None:
        await self._heard.wait()
        self._heard.clear()

    def changed(self) -> None:
        """That is nothing to us."""

    def departed(self) -> None:
        self._heard.set()

    def replaced(self) -> None:
        self._heard.set()

    def blind(self, reason: str) -> None:
        """Then there is a look every second, which is all that can be done."""

    def unreachable(self, reason: str | None) -> None:
        """The next look will tell."""

    def outlived(self, *, at_once: bool) -> None:
        """We are no worker."""


@contextlib.contextmanager
def _departures(queue: Queue) -> Iterator[_Departures]:
    departures = _Departures(queue)
    with queue.watched(departures):
        yield departures


@contextlib.contextmanager
def _processes(workers: Sequence[Worker]) -> Iterator[Mapping[str, int]]:
    """Descriptors of the workers' processes, of those that can be seen from here: `pidfd_open(2)`.

    A worker leaves the queue before its process has ended.
    """
    found: dict[str, int] = {}
    try:
        for worker in workers:
            with contextlib.suppress(OSError, AttributeError):
                found[worker.id] = os.pidfd_open(worker.pid)
        yield {worker.id: found[worker.id] for worker in workers if worker.id in found and _is_process_of(worker)}
    finally:
        for descriptor in found.values():
            os.close(descriptor)


def _is_process_of(worker: Worker) -> bool:
    """Whether the process with that id here is the worker: it may live in another namespace of process ids."""
    with contextlib.suppress(OSError):
        return any(entry.readlink().name.startswith(worker.id) for entry in Path(f"/proc/{worker.pid}/fd").iterdir())
    return False


async def _end_of(pidfd: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(pidfd)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
