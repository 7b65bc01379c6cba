"""Rescue: taking back the jobs of a worker that died.

First all that its runs left behind is killed, and only when that is gone are the runs settled as lost: two runs of one
job never go on at the same time. Several workers may rescue the same dead one: each settle is guarded, and the second
changes nothing.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from aqueue.engine import cgroup, leftovers, proc, room
from aqueue.engine.committer import Ended
from aqueue.engine.events import Listener, Rescuing
from aqueue.engine.troubles import Troubles
from aqueue.model.ending import Lost
from aqueue.model.errors import StoreError, StoreUnavailable
from aqueue.model.job import Job
from aqueue.store import home, pulse, reading, roster
from aqueue.store.protocol import Store

LOOKS = (0.0, 0.001, 0.010, 0.050)
"""Seconds to wait before each look at a sign of life: the kernel can tell of the end just before it drops the lock."""

RETRY_AFTER = 1.0
"""Seconds until a rescue that failed is tried again."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the processes of this worker are to be found by others."""

    process_started: int
    boot: str
    pid_namespace: str

    @classmethod
    def here(cls) -> "Home":
        """The home of this process. Raises StoreUnavailable where that cannot be told at the moment.

        A worker that could not say where it is would have its leftovers looked for in the wrong place.
        """
        try:
            own = proc.look_at(os.getpid())
            boot, namespace = home.boot(), home.pid_namespace()
        except OSError as error:
            raise StoreUnavailable(f"cannot register a worker: {error.strerror}") from error
        return cls(own.started if own else 0, boot, namespace)


class Rescuer:
    """Looks for dead workers at the start and whenever one may have gone."""

    def __init__(
        self,
        store: Store,
        settle: Callable[[Ended], None],
        on_rescued: Callable[[], None],
        listener: Listener,
        troubles: Troubles,
    ) -> None:
        self._store = store
        self._settle = settle
        self._on_rescued = on_rescued
        self._listener = listener
        self._troubles = troubles
        self._home = Home.here()
        self._told = asyncio.Event()
        self._told.set()

    def look(self) -> None:
        """A worker may have gone."""
        self._told.set()

    async def run(self) -> None:
        """Rescue whenever it is needed, for ever."""
        while True:
            await self._told.wait()
            self._told.clear()
            try:
                await self._rescue_the_dead()
                self._troubles.end("rescue")
            except* (StoreError, OSError) as errors:
                self._troubles.begin("rescue", f"cannot take back the jobs of dead workers: {errors.exceptions[0]}")
                self._told.set()
                await asyncio.sleep(RETRY_AFTER)

    async def _rescue_the_dead(self) -> None:
        known = {worker.id: worker for worker in await self._store.read(roster.workers)}
        suspects = known.keys() | await self._store.read(roster.workers_of_runs) | self._store.lobby.seen()
        async with asyncio.TaskGroup() as rescues:
            for wait in LOOKS:
                await asyncio.sleep(wait)
                dead = suspects - await self._store.living()
                suspects -= dead
                for worker in sorted(dead):
                    rescues.create_task(self._rescue(worker, known.get(worker)), name=f"rescue of {worker}")

    async def _rescue(self, worker: str, known: roster.WorkerRow | None) -> None:
        jobs = await self._store.read(lambda: reading.processing_of(worker))
        try:
            await self._end_leftovers(worker, known, jobs)
        except leftovers.OwnLeftover:
            self._troubles.begin(worker, f"{worker} died, and a job of it started this worker: another must take over")
            return
        if jobs:
            self._listener(Rescuing(worker, len(jobs)))
        for job in jobs:
            self._settle(Ended(job, Lost(worker)))
        self._store.lobby.forget(worker)
        pulse.forget(self._store.place, worker)
        await self._store.write(lambda: roster.unregister([worker]))
        self._on_rescued()

    async def _end_leftovers(self, worker: str, known: roster.WorkerRow | None, jobs: Iterable[Job]) -> None:
        folder = Path(known.cgroup) if known is not None and known.cgroup is not None else None
        if known is not None and not self._left_anything_here(known):
            if folder is not None:
                cgroup.forget(folder)
            return
        if folder is not None and not self._store.lobby.is_alive(worker):
            if cgroup.is_ours(folder):
                raise leftovers.OwnLeftover
            await cgroup.kill(folder)
        if Path("/proc/self/environ").exists():
            await leftovers.end(worker, jobs)
        room.forget(worker)

    def _left_anything_here(self, known: roster.WorkerRow) -> bool:
        """Whether there can be leftovers, and they may be ended from here.

        After a reboot there are none, and what lived in another namespace of process ids has died with its first
        process. A worker whose process goes on works on the original of this queue, of which this is a copy: its runs
        must not be touched. Only where it has shown itself here is it one of ours, which has been stopped for too long.
        """
        if (known.boot, known.pid_namespace) != (self._home.boot, self._home.pid_namespace):
            return False
        process = proc.look_at(known.pid)
        return (
            self._store.lobby.is_alive(known.id)
            or process is None
            or process.started != known.process_started
            or not _has_memory(known.pid)
        )


def _has_memory(pid: int) -> bool:
    # A process that is being killed still has an entry, but it gave up its memory before it dropped its locks.
    return proc.environment_of(pid).strip(b"\0") != b""
