"""The committer: the one task that writes.

It takes all that is asked of it at that moment, does it in one transaction and answers; while that commits, the next
batch forms. An idle worker thus commits a batch of one at once, a busy one large batches, and nothing has to be tuned.

Nothing here is lost by a cancelled wait. The end of a run that was handed over stays here until the store has taken
it, through full disks and locked files. A claim is not waited for at all: its jobs are delivered to the dispatcher,
which puts back what it cannot use.
"""

import asyncio
import functools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aqueue.engine.children import Usage
from aqueue.engine.clock import Clock
from aqueue.engine.events import Disowned, Listener, Settled
from aqueue.engine.output import Output
from aqueue.engine.tally import Tally
from aqueue.engine.troubles import Troubles
from aqueue.model import lifecycle
from aqueue.model.ending import Ending, Interrupted, error_of
from aqueue.model.errors import StoreBusy, StoreError
from aqueue.model.hooks import hook
from aqueue.model.job import Job, RunKey, State
from aqueue.model.record import record
from aqueue.model.settings import Settings
from aqueue.store import printed, sql
from aqueue.store.line import Claimed
from aqueue.store.printed import Printed
from aqueue.store.protocol import Store
from aqueue.store.sql import Begun
from aqueue.store.statement import Ask

RETRY_AFTER = 1.0
"""Seconds until a transaction that the store refused is tried again."""

PATIENCE = 5.0
"""Seconds for which another process may hold the write lock before that is told; it is waited for all the same."""


@record
class Ended:
    """A run that has ended, with the job as it was claimed.

    `begun` says where and when its command was started, if that is known, and `seconds` how long it took.
    """

    job: Job
    ending: Ending
    begun: Begun | None = None
    seconds: float = 0.0
    output: Output | None = None
    usage: Usage | None = None

    @property
    def last_line(self) -> str:
        """The last line of its stderr."""
        return self.output.last_line if self.output else ""

    @property
    def slot(self) -> int | None:
        """The slot that it had."""
        return self.job.slot if self.begun is None else self.begun.slot

    def finished_at(self, now: float) -> float:
        """When it ended: a little before it is written."""
        return now if self.begun is None else min(now, self.begun.at + self.seconds)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What goes into one transaction: what was printed, the ends of runs, ticks, and a claim for the free slots."""

    now: float
    outputs: Sequence[tuple[Output, Printed]]
    crowded: bool
    begun: Sequence[Begun]
    ended: Sequence[tuple[Ended, sql.Decision]]
    tick: Ask[Any] | None
    claim: Ask[Claimed] | None

    def asks(self, output_total: int) -> dict[str, Ask[Any]]:
        """The verbs, in that order: a slot that an end frees is filled in the same transaction, also by a tick."""
        asks: dict[str, Ask[Any]] = {}
        if self.outputs or self.crowded:
            asks["print"] = functools.partial(printed.add, [what for _, what in self.outputs], output_total)
        if self.begun:
            asks["begin"] = functools.partial(sql.begin, self.begun)
        if self.ended:
            asks["settle"] = functools.partial(sql.settle, [decision for _, decision in self.ended], self.now)
        if self.tick:
            asks["tick"] = self.tick
        if self.claim:
            asks["claim"] = self.claim
        return asks


class Claimer(Protocol):
    """Who wants jobs: the dispatcher."""

    def wake(self) -> None:
        """There may be jobs."""

    def claim(self, now: float) -> Ask[Claimed] | None:
        """The claim to make now, when jobs are wanted."""

    @property
    def can_wait(self) -> float:
        """For how many seconds no slot will miss a claim."""

    def deliver(self, claimed: Claimed) -> None:
        """Take the jobs of a claim."""

    def fail(self) -> None:
        """The store did not serve: no jobs now."""


class Ticker(Protocol):
    """Who knows when the schedules are to be looked at."""

    def ask(self, now: float, ended: Iterable[Job]) -> Ask[Any] | None:
        """The look that is due, if one is; these jobs have had a run that ends now."""

    def ticked(self, ticked: Any) -> None:
        """Take the answer to it."""


class Committer:
    """Owns the store's writer for as long as the worker lives."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Callable[[], Settings],
        listener: Listener,
        troubles: Troubles,
        on_foreign: Callable[[], None],
        tally: Tally,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._listener = listener
        self._troubles = troubles
        self._on_foreign = on_foreign
        self._tally = tally
        self._claimer: Claimer | None = None
        self._ticker: Ticker | None = None
        self._begun: list[Begun] = []
        self._ended: dict[RunKey, Ended] = {}
        self._printing: set[Output] = set()
        self._crowded = False
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()
        self._stopping = False
        self._abandoned = False

    def serve(self, claimer: Claimer) -> None:
        """Claim for this one from now on."""
        self._claimer = claimer

    def tick(self, ticker: Ticker) -> None:
        """Look at the schedules when this one says so."""
        self._ticker = ticker

    def wake(self) -> None:
        """There may be jobs for the slots."""
        self._asked.set()
        self._hurried.set()

    def settle(self, ended: Ended) -> None:
        """Hand over the end of a run: it will be written, and then told to the listener."""
        if self._abandoned:
            return
        self._ended[ended.job.run_key] = ended
        if ended.output is not None:
            self._printing.add(ended.output)
        self._asked.set()

    def begin(self, begun: Sequence[Begun]) -> None:
        """Write where and when these runs, which were claimed ahead, have really begun."""
        self._begun.extend(begun)
        self._asked.set()

    def print(self, output: Output) -> None:
        """A run has printed something that is to be written."""
        self._printing.add(output)
        self._asked.set()

    def stop(self) -> None:
        """Let `run` return as soon as all that was handed over is written."""
        self._stopping = True
        self.wake()

    def abandon(self) -> None:
        """Let `run` return at once: the store is not there any more, and nothing can be written to it."""
        self._abandoned = True
        self._crowded = False
        self._ended.clear()
        self.stop()

    async def run(self) -> None:
        """Do what is asked until `stop`."""
        while not self._stopping or self._ended or self._crowded:
            await self._next_turn()
            batch = self._next_batch()
            if asks := batch.asks(self._settings().output_total):
                await self._write(batch, asks)

    async def _next_turn(self) -> None:
        """Wait until something is to be done, and for what else comes while no slot misses a claim.

        A turn costs as much as what is in it.
        """
        await self._asked.wait()
        if self._claimer is not None and (rest := self._claimer.can_wait):
            timer = asyncio.get_running_loop().call_later(rest, self._hurried.set)
            await self._hurried.wait()
            timer.cancel()
        self._asked.clear()
        self._hurried.clear()

    def _next_batch(self) -> _Batch:
        now = self._clock.now()
        outputs = [(output, output.unwritten()) for output in self._printing]
        self._printing.clear()
        begun, self._begun = self._begun, []
        tick = self._ticker.ask(now, [ended.job for ended in self._ended.values()]) if self._ticker else None
        if tick and self._claimer:
            self._claimer.wake()
        return _Batch(
            now,
            [(output, what) for output, what in outputs if what],
            self._crowded,
            begun,
            [(ended, self._decide(ended, now)) for ended in self._ended.values()],
            tick,
            self._claimer.claim(now) if self._claimer else None,
        )

    async def _write(self, batch: _Batch, asks: Mapping[str, Ask[Any]]) -> None:
        try:
            turned = await self._store.turn(list(asks.values()), patience=PATIENCE)
        except StoreError as error:
            self._printing.update(output for output, _ in batch.outputs)
            await self._wait_for_the_store(error)
            return
        self._troubles.end("store")
        outcomes = dict(zip(asks, turned.outcomes, strict=True))
        self._written(batch, outcomes)
        self._tally.commit(len(batch.ended), outcomes.get("claim"), turned.held)
        if turned.foreign:
            self._on_foreign()
        await self._checkpoint()

    def _written(self, batch: _Batch, outcomes: Mapping[str, Any]) -> None:
        for output, what in batch.outputs:
            output.written(what)
        self._settled(batch, outcomes.get("settle", {}))
        if self._ticker and "tick" in outcomes:
            self._ticker.ticked(outcomes["tick"])
        if self._claimer and "claim" in outcomes:
            self._claimer.deliver(outcomes["claim"])
        self._crowded = outcomes.get("print", False) and not self._abandoned
        if self._crowded:
            self._asked.set()

    def _decide(self, ended: Ended, now: float) -> sql.Decision:
        finished_at, settings = ended.finished_at(now), self._settings()
        transition = lifecycle.settle(
            ended.job,
            ended.ending,
            settings,
            finished_at,
            spread=random.uniform(-1, 1),  # noqa: S311 - spreads the waits, guards nothing
            last_line=ended.last_line,
        )
        run = sql.EndOfRun(
            ended.ending,
            error_of(ended.ending, ended.last_line),
            finished_at=finished_at,
            begun=ended.begun,
            cpu_seconds=ended.usage.cpu_seconds if ended.usage else None,
            peak_bytes=ended.usage.peak_bytes if ended.usage else None,
        )
        return sql.Decision(ended.job, transition, run, hook(ended.job, transition, settings))

    def _settled(self, batch: _Batch, refused: Mapping[RunKey, Job | None]) -> None:
        for ended, decision in batch.ended:
            key = ended.job.run_key
            self._ended.pop(key, None)
            if key in refused:
                self._refused(ended, refused[key])
            elif ended.ending != Interrupted(began=False):  # nobody needs to know
                at = ended.finished_at(batch.now)
                self._listener(Settled(ended.job, ended.ending, decision.transition, ended.seconds, at, ended.slot))

    def _refused(self, ended: Ended, current: Job | None) -> None:
        """Decide again if the run is still ours and only the job was changed, by a request to cancel it, say."""
        job = ended.job
        if (
            current is not None
            and current.state is State.PROCESSING
            and (current.run, current.worker) == (job.run, job.worker)
        ):
            self.settle(replace(ended, job=current))
        else:
            self._listener(Disowned(job))

    async def _checkpoint(self) -> None:
        try:
            await self._store.checkpoint_when_large()
            self._troubles.end("checkpoint")
        except StoreError as error:
            # Nothing is lost: it stays in the -wal, and the next turn tries again.
            self._troubles.begin("checkpoint", str(error))

    async def _wait_for_the_store(self, error: StoreError) -> None:
        self._troubles.begin("store", str(error))
        if self._claimer:
            self._claimer.fail()
        self._asked.set()
        if not isinstance(error, StoreBusy):
            await asyncio.sleep(RETRY_AFTER)
