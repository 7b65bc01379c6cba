"""The composition root of a worker: which parts there are, what they know of each other, and how it comes and goes.

doorbell, watch, alarm ──▶ dispatcher ──▶ committer ──▶ store
                               │             ▲ ▲
                               ▼             │ └── ticks of the schedules
                            slots 0…N-1 ── runs
"""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from aqueue.engine.beside import Beside
from aqueue.engine.cgroup import Cgroup
from aqueue.engine.children import expect_children, killed_first
from aqueue.engine.clock import Clock, SystemClock
from aqueue.engine.committer import RETRY_AFTER, Committer, Ended
from aqueue.engine.dispatcher import Dispatcher
from aqueue.engine.environment import Environment
from aqueue.engine.events import Began, Draining, Event, Interrupting, Listener, Started
from aqueue.engine.oom import Kills
from aqueue.engine.output import Output, OutputListener
from aqueue.engine.process import Memory, Outcome, Run, Shortage
from aqueue.engine.pruner import Pruner
from aqueue.engine.reaper import strangers_reaped
from aqueue.engine.rescue import Home, Rescuer
from aqueue.engine.room import Rooms
from aqueue.engine.schedules import Ticks, worked_since
from aqueue.engine.tally import Tally
from aqueue.engine.timerfd import clock_watched
from aqueue.engine.troubles import Troubles
from aqueue.model.ending import Cancelled, Interrupted
from aqueue.model.errors import AqueueError, LeaseLost, StoreError, StoreUnavailable
from aqueue.model.job import Job
from aqueue.model.line import Served
from aqueue.model.retention import keeps_other_than
from aqueue.model.settings import Settings, resolve
from aqueue.store import pulse, reading, roster, schedules, stored
from aqueue.store.protocol import Store
from aqueue.store.sql import Begun
from aqueue.store.statement import Verb

LAST_GRACE = 1.0
"""Seconds from TERM to KILL when the worker ends what still runs."""

AFTER_A_SHORTAGE = 1.0
"""Seconds until a run is started again that the machine had no room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a worker works. `grace` is how many seconds a drain may take; None is as long as it takes."""

    concurrency: int = 1
    burst: bool = False
    grace: float | None = None
    queues: Served | None = None
    """The queues that it serves, each with how many of its jobs may run here at once; None is all of them."""
    own_process: bool = False
    """The process is this worker and nothing else.

    So it may move into a cgroup of its own, reap the orphans that come to it, and be the last to be killed.
    """


class Node:
    """One worker: so many slots on one event loop."""

    def __init__(
        self,
        store: Store,
        options: Options,
        listener: Listener,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
        on_output: OutputListener | None = None,
        beside: Beside | None = None,
    ) -> None:
        self.id = f"w{secrets.token_hex(4)}"
        self._store = store
        self._options = options
        self._listener = listener
        self._beside = beside
        self._memory = Memory(Rooms(self.id, None), Kills(None))
        self._environ = dict(environ)
        self._environment = Environment(environ, self.id, store.url)
        self._clock = clock or SystemClock(store.now)
        self._on_output = on_output
        self.tally = Tally()
        """What this worker has done so far; of its runs only if `tally.hear` hears what the listener does."""
        self._settings = resolve({}, self._environ)
        self._runs: dict[int, Run] = {}
        self._short: set[int] = set()
        self._draining = False
        self._interrupting = False
        self.was_told_to_stop = False
        """By a person, and not because it was taken for dead."""
        self._pulled: StoreError | None = None
        self._reading = asyncio.Event()
        self._troubles = Troubles(listener)
        self._pruner = Pruner(store, self._clock, lambda: self._settings, self._troubles, on_foreign=self._found)
        self._committer = Committer(
            store, self._clock, lambda: self._settings, self._settled, self._troubles, self._found, self.tally
        )
        self._dispatcher = Dispatcher(
            self.id, options.queues, self._committer, self._clock, on_empty=self._look_whether_done
        )
        self._ticks = Ticks(self._clock, lambda: self._settings, self._committer.wake, self._troubles)
        self._committer.tick(self._ticks)
        self._rescuer = Rescuer(store, self._committer.settle, self._dispatcher.wake, listener, self._troubles)

    @property
    def concurrency(self) -> int:
        """How many slots it has."""
        return self._options.concurrency

    @property
    def running(self) -> int:
        """How many of them are busy."""
        return len(self._runs)

    @property
    def is_in_touch(self) -> bool:
        """Whether the store answers, as far as that is known."""
        return not self._troubles.has("server")

    async def run(self) -> None:
        """Work until drained.

        Raises StoreError if the store does not serve at the start, or is pulled away later, and Refused if what is to
        run beside the slots cannot be started.
        """
        expect_children()
        own = self._options.own_process
        cgroup = Cgroup.enter(self.id) if own else None
        rooms = Rooms(self.id, cgroup)
        self._memory = Memory(rooms, Kills.of_this_cgroup())
        try:
            with strangers_reaped() if own else contextlib.nullcontext(), self._store.lobby.present(self.id):
                await self._run_present(cgroup)
        finally:
            rooms.close()
            if cgroup is not None:
                cgroup.leave()

    async def _run_present(self, cgroup: Cgroup | None) -> None:
        with (
            self._store.doorbell.hung_up(self._rung, deaf_to_own=True),
            pulse.felt(self._store.place, self.id),
            clock_watched(self._clock_was_set),
        ):
            await self._register(cgroup)
            with self._store.watched(self):
                await self._work_beside()
            if self._pulled is not None:
                raise self._pulled
            await self._store.write(lambda: roster.unregister([self.id]))

    async def _work_beside(self) -> None:
        try:
            if self._beside is not None:
                await self._beside.start(self._environ, self._store.url)
            self._listener(Began(self.id, self._options.concurrency))
            with killed_first() if self._options.own_process else contextlib.nullcontext():
                await self._work()
        finally:
            if self._beside is not None:
                self._beside.kill()

    def drain(self) -> None:
        """Take nothing new and return from `run` when what runs has ended, or has been ended after the grace."""
        self.was_told_to_stop = True
        if self._draining:
            return
        self._take_nothing_new()
        self._listener(Draining(len(self._runs)))
        if self._options.grace is not None:
            self._clock.call_later(self._options.grace, self.interrupt)

    def interrupt(self) -> None:
        """Take nothing new, end what runs and put its jobs back, uncounted."""
        self.was_told_to_stop = True
        self._interrupt()

    def _interrupt(self) -> None:
        if self._interrupting:
            return
        self._interrupting, was_told = True, self._draining
        self._take_nothing_new()
        if self._runs:
            self._listener(Interrupting(len(self._runs)))
        if self._beside is not None:
            self._clock.call_later(0 if was_told else LAST_GRACE, self._beside.kill)
        for run in self._runs.values():
            run.end(Interrupted(), LAST_GRACE)

    def _take_nothing_new(self) -> None:
        self._draining = True
        self._dispatcher.drain()
        self._ticks.stop()
        if self._beside is not None:
            self._beside.leave()

    def changed(self) -> None:
        """Any process may have written to the queue."""
        self._dispatcher.wake()

    def _clock_was_set(self) -> None:
        self._dispatcher.wake()
        self._ticks.look()
        self._pruner.look()

    def departed(self) -> None:
        """A worker may have gone."""
        self._rescuer.look()

    def replaced(self) -> None:
        """The database was pulled away: end what runs and stop. What could be written would be seen by nobody."""
        if self._pulled is None:
            self._pulled = StoreUnavailable(f"{self._store.title} was removed or replaced under the worker")
            self._committer.abandon()
            self.interrupt()

    def blind(self, reason: str) -> None:
        """The system cannot tell what changes."""
        self._troubles.begin("watch", reason)

    def unreachable(self, reason: str | None) -> None:
        """The server does not answer, or does so again."""
        if reason is None:
            self._troubles.end("server")
        else:
            self._troubles.begin("server", reason)

    def outlived(self, *, at_once: bool) -> None:
        """Others take this worker for dead, or soon will: end what runs and stop.

        What it still writes of that, the store takes as far as nobody has taken over.
        """
        self._pulled = self._pulled or LeaseLost(f"{self.id} could not show {self._store.title} that it lives")
        self._interrupt()
        for run in self._runs.values() if at_once else ():
            run.end(Interrupted(), 0)

    async def _register(self, cgroup: Cgroup | None) -> None:
        home = Home.here()
        row = roster.WorkerRow(
            id=self.id,
            pid=os.getpid(),
            host=socket.gethostname(),
            concurrency=self._options.concurrency,
            started_at=self._clock.now(),
            process_started=home.process_started,
            boot=home.boot,
            pid_namespace=home.pid_namespace,
            cgroup=str(cgroup.folder) if cgroup else None,
            queues=self._options.queues,
        )
        await self._store.write(lambda: roster.register(row))
        self._ticks.begin(await worked_since(self._store, self.id, row.started_at))
        await self._read_orders()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            committer = tasks.create_task(self._committer.run(), name="committer")
            others = [
                tasks.create_task(self._obey(), name="orders"),
                tasks.create_task(self._rescuer.run(), name="rescuer"),
                tasks.create_task(self._pruner.run(), name="pruner"),
            ]
            beside = tasks.create_task(self._attend(), name="beside")
            async with asyncio.TaskGroup() as slots:
                for slot in range(self._options.concurrency):
                    slots.create_task(self._serve(slot), name=f"slot {slot}")
            self._committer.stop()
            await committer
            await beside
            for task in others:
                task.cancel()

    async def _attend(self) -> None:
        """See to what runs beside the slots: its end is the beginning of ours."""
        if self._beside is not None:
            await self._beside.ended()
            self.drain()

    async def _serve(self, slot: int) -> None:
        """One slot: a job, its run, the end of it, and the next."""
        while (job := await self._dispatcher.next_job(slot)) is not None:
            self._committer.settle(await self._run(job, slot))

    async def _run(self, job: Job, slot: int) -> Ended:
        run = Run(
            job,
            lambda: self._environment.of(job, slot),
            self._clock,
            self._settings.kill_after,
            lambda job: Output(job, self._settings.output_limit, self._clock, self._committer.print, self._on_output),
            lambda: self._started(job, slot),
            self._memory,
        )
        self._runs[job.seq] = run
        if self._interrupting:  # the job was handed out, but its slot had not got so far
            run.end(Interrupted(), LAST_GRACE)
        time = asyncio.get_running_loop().time
        begun, since = Begun(job, slot, self._clock.now()), time()
        try:
            outcome = await self._outcome(run)
        finally:
            del self._runs[job.seq]
            self._has_room(job)
        return Ended(job, outcome.ending, begun, seconds=time() - since, output=outcome.output, usage=outcome.usage)

    async def _outcome(self, run: Run) -> Outcome:
        """Run it, as soon as the machine can: a shortage is no failure of the job."""
        while True:
            try:
                return await run.run()
            except Shortage as shortage:
                self._short.add(run.job.seq)
                self._troubles.begin("start", f"cannot start a job: {shortage}")
            await asyncio.sleep(AFTER_A_SHORTAGE)
            if self._draining:
                return Outcome(Interrupted())

    def _started(self, job: Job, slot: int) -> None:
        self._has_room(job)
        # Not before: it could be that it cannot start, and it should not wait for words.
        self._listener(Started(job, slot, self._clock.now()))

    def _has_room(self, job: Job) -> None:
        """This job waits for the machine no longer; the shortage is over when none does."""
        if job.seq in self._short:
            self._short.remove(job.seq)
            if not self._short:
                self._troubles.end("start")

    def _rung(self) -> None:
        self.tally.bell.ring(self._clock.now())
        self._reading.set()
        self._dispatcher.wake()

    def _found(self) -> None:
        """Another connection has committed."""
        self.tally.bell.find(self._clock.now())
        self._reading.set()

    async def _obey(self) -> None:
        """Read the orders and the settings whenever somebody rang or wrote."""
        while True:
            await self._reading.wait()
            self._reading.clear()
            try:
                await self._read_orders()
                self._troubles.end("orders")
            except AqueueError as error:
                self._troubles.begin("orders", str(error))
                self._reading.set()
                await asyncio.sleep(RETRY_AFTER)

    async def _read_orders(self) -> None:
        orders, next_tick = await self._store.read(self._orders)
        self._obey_settings(resolve(await self._store.read(stored.settings), self._environ))
        self._dispatcher.cancel(orders.cancels)
        self._dispatcher.pause(orders.paused)
        for run in list(self._runs.values()):
            if (run.job.seq, run.job.run) in orders.cancels:
                run.end(Cancelled(), self._settings.kill_after)
        if orders.stop == "now":
            self.interrupt()
        elif orders.stop == "drain":
            self.drain()
        self._ticks.expect(next_tick)

    def _orders(self) -> Verb[tuple[roster.Orders, schedules.NextTick]]:
        orders = yield from roster.orders(self.id)
        return orders, (yield from schedules.next_tick(self._ticks.unread))

    def _obey_settings(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if keeps_other_than(before, settings):
            self._pruner.look()
        self._pruner.stir()  # whoever wrote may have cancelled jobs, and other workers finish some

    def _settled(self, event: Event) -> None:
        self._pruner.stir()
        self._listener(event)

    def _look_whether_done(self) -> None:
        if self._options.burst and not self._runs and not self._ticks.is_due:
            self._burst_check = asyncio.ensure_future(self._drain_when_worked_off())

    async def _drain_when_worked_off(self) -> None:
        try:
            others = await self._store.living() - {self.id}
            if await self._store.read(lambda: reading.is_worked_off(self._options.queues, others.__contains__)):
                self.drain()
            self._troubles.end("burst")
        except StoreError as error:
            self._troubles.begin("burst", str(error))
            await asyncio.sleep(RETRY_AFTER)
            self._dispatcher.wake()
