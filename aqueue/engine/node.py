"""The composition root of a worker: which parts there are, what they know of each other, and how it comes and goes.

doorbell, watch, alarm ──▶ dispatcher ──▶ committer ──▶ store
                               │             ▲
                               ▼             │
                            slots 0…N-1 ── runs
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from aqueue.engine.clock import Clock, SystemClock
from aqueue.engine.committer import Committer, Ended
from aqueue.engine.dispatcher import Dispatcher
from aqueue.engine.events import Began, Draining, Interrupting, Listener, Started, Trouble
from aqueue.engine.process import Run, environment, use_pidfds
from aqueue.model.ending import Cancelled, Interrupted
from aqueue.model.errors import StoreError
from aqueue.model.job import Job
from aqueue.model.settings import resolve
from aqueue.store import sql
from aqueue.store.sqlite import SqliteStore

LAST_GRACE = 1.0
"""Seconds from TERM to KILL when the worker ends what still runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a worker works. `grace` is how many seconds a drain may take; None is as long as it takes."""

    concurrency: int = 1
    burst: bool = False
    grace: float | None = None


class Node:
    """One worker: so many slots on one event loop."""

    def __init__(
        self,
        store: SqliteStore,
        options: Options,
        listener: Listener,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
    ) -> None:
        self.id = f"w{secrets.token_hex(4)}"
        self._store = store
        self._options = options
        self._listener = listener
        self._environ = dict(environ)
        self._clock = clock or SystemClock()
        self._settings = resolve({}, self._environ)
        self._runs: dict[int, Run] = {}
        self._draining = False
        self._reading = asyncio.Event()
        self._committer = Committer(
            store, self.id, self._clock, lambda: self._settings, listener, on_foreign=self._reading.set
        )
        self._dispatcher = Dispatcher(self._committer, self._clock, on_empty=self._look_whether_done)

    async def run(self) -> None:
        """Work until drained. Raises StoreError if the store does not serve at the start."""
        use_pidfds()
        with self._store.lobby.present(self.id), self._store.doorbell.hung_up(self._rung):
            await self._register()
            with self._store.doorbell.watched(self._dispatcher.wake, lambda text: self._listener(Trouble(text))):
                self._listener(Began(self.id, self._options.concurrency))
                await self._work()
            await self._store.write(lambda: sql.unregister([self.id]))

    def drain(self) -> None:
        """Take nothing new and return from `run` when what runs has ended, or has been ended after the grace."""
        if self._draining:
            return
        self._draining = True
        self._dispatcher.drain()
        self._listener(Draining(len(self._runs)))
        if self._options.grace is not None:
            self._clock.call_later(self._options.grace, self.interrupt)

    def interrupt(self) -> None:
        """Drain, end what runs and put its jobs back, uncounted."""
        self.drain()
        if self._runs:
            self._listener(Interrupting(len(self._runs)))
        for run in self._runs.values():
            run.end(Interrupted(), LAST_GRACE)

    async def _register(self) -> None:
        row = sql.WorkerRow(
            id=self.id,
            pid=os.getpid(),
            host=socket.gethostname(),
            concurrency=self._options.concurrency,
            started_at=self._clock.now(),
        )
        await self._store.write(lambda: sql.register(row))
        await self._read_orders()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            committer = tasks.create_task(self._committer.run(), name="committer")
            reader = tasks.create_task(self._obey(), name="orders")
            async with asyncio.TaskGroup() as slots:
                for slot in range(self._options.concurrency):
                    slots.create_task(self._serve(slot), name=f"slot {slot}")
            self._committer.stop()
            await committer
            reader.cancel()

    async def _serve(self, slot: int) -> None:
        """One slot: a job, its run, the end of it, and the next."""
        while (job := await self._dispatcher.next_job(slot)) is not None:
            self._committer.settle(await self._run(job))

    async def _run(self, job: Job) -> Ended:
        run = Run(job, environment(self._environ, job, self._store.url), self._clock, self._settings.kill_after)
        self._runs[job.seq] = run
        self._listener(Started(job))
        begun = asyncio.get_running_loop().time()
        try:
            outcome = await run.run()
        finally:
            del self._runs[job.seq]
        return Ended(job, outcome.ending, outcome.last_line, asyncio.get_running_loop().time() - begun)

    def _rung(self) -> None:
        self._reading.set()
        self._dispatcher.wake()

    async def _obey(self) -> None:
        """Read the orders and the settings whenever somebody rang or wrote."""
        while True:
            await self._reading.wait()
            self._reading.clear()
            try:
                await self._read_orders()
            except StoreError as error:
                self._listener(Trouble(str(error)))

    async def _read_orders(self) -> None:
        orders = await self._store.read(lambda: sql.orders(self.id))
        self._settings = resolve(await self._store.read(sql.settings), self._environ)
        for run in list(self._runs.values()):
            if (run.job.seq, run.job.run) in orders.cancels:
                run.end(Cancelled(), self._settings.kill_after)
        if orders.stop == "now":
            self.interrupt()
        elif orders.stop == "drain":
            self.drain()

    def _look_whether_done(self) -> None:
        if self._options.burst and not self._runs:
            self._burst_check = asyncio.ensure_future(self._drain_when_worked_off())

    async def _drain_when_worked_off(self) -> None:
        if await self._store.read(sql.is_worked_off):
            self.drain()
