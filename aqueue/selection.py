"""Verbs on all jobs that match, however many: chosen once, and then done in slices that let others in between."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from aqueue.model import lifecycle
from aqueue.model.errors import Refused
from aqueue.model.job import Decidable
from aqueue.model.newjob import NewTime, check_edit
from aqueue.model.selection import Action, Filter, meant_by
from aqueue.store import reading, selection
from aqueue.store.protocol import Store
from aqueue.store.selection import Sliced
from aqueue.store.slices import Pace
from aqueue.store.statement import Verb
from aqueue.waiting import Ended, until_ended

REASONS = 3
"""How many of the reasons why jobs were passed over are kept."""

WEIGHED_AT_ONCE = 5000
"""How many jobs a dry run looks at in one transaction; reading holds nobody up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a verb on a selection, or what has come of it so far.

    `matched` is how many jobs were chosen. Those whose state did not fit, or did not any more, were `passed_over`;
    `reasons` says why, of the first few. In a dry run, `done` is what would have been.
    """

    matched: int
    done: int = 0
    passed_over: int = 0
    reasons: tuple[str, ...] = ()

    def after(self, sliced: Sliced) -> "Outcome":
        """The outcome when this slice is done, too."""
        return replace(
            self,
            done=self.done + sliced.done,
            passed_over=self.passed_over + len(sliced.refused),
            reasons=(*self.reasons, *map(str, islice(sliced.refused, REASONS)))[:REASONS],
        )


Decide = Callable[[Decidable, float], lifecycle.Transition | None]
Act = Callable[[Sequence[int], selection.Decide, float], Verb[Sliced]]
Expect = Callable[[Sequence[int], selection.Decide, Collection[int]], Verb[Sliced]]


class Selection:
    """The jobs that match a filter: ``await queue.select(Filter(queue="mail")).retry()``. Made by `Queue.select`.

    A filter that names no state means, for each verb, the jobs that it is there for: `cancel` and `wait` those that
    are not finished, `retry` the dead ones and those that wait for a retry, `hold` those that wait, `release` the held
    ones, `remove` all that do not run, `edit` those that neither run nor are finished.

    Which jobs these are is fixed when a verb begins. Each slice of them is atomic, and holds the write lock for a few
    hundredths of a second. What does not fit a job's state passes over that job; nothing is raised for it.
    """

    def __init__(
        self,
        store: Store,
        wanted: Filter,
        *,
        dry_run: bool = False,
        confirm: Callable[[int], Awaitable[None]] | None = None,
        progress: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._store = store
        self._wanted = wanted
        self._dry_run = dry_run
        self._confirm = confirm
        self._progress = progress

    async def cancel(self) -> Outcome:
        """Stop them. Those that run are asked to end, and are `processing` until their processes are gone."""
        return await self._run(Action.CANCEL, lifecycle.cancel, selection.change)

    async def retry(self) -> Outcome:
        """Give them a fresh set of attempts, now."""
        return await self._run(Action.RETRY, lifecycle.retry, selection.change)

    async def hold(self) -> Outcome:
        """Keep them from running."""
        return await self._run(Action.HOLD, lambda job, _: lifecycle.hold(job), selection.change)

    async def release(self) -> Outcome:
        """Let them run now."""
        return await self._run(Action.RELEASE, lifecycle.release, selection.change)

    async def remove(self) -> Outcome:
        """Delete them with their history."""
        return await self._run(
            Action.REMOVE,
            _check_removable,
            lambda seqs, decide, _: selection.remove(seqs, decide),
            selection.expect_removal,
        )

    async def edit(self, **changes: Any) -> Outcome:
        """Change their command or their options; the keys are those of `enqueue`. Raises InvalidInput."""
        values, time_ = check_edit(changes, self._store.now())

        def act(seqs: Sequence[int], decide: selection.Decide, now: float) -> Verb[Sliced]:
            return selection.edit(seqs, values, decide, now)

        return await self._run(Action.EDIT, partial(_edited, time_), act)

    async def wait(
        self,
        *,
        timeout: float | None = None,
        progress: Callable[[Ended], None] | None = None,
        examples: int = 0,
        but: Sequence[str] = (),
    ) -> Ended:
        """Wait until they have ended; what is enqueued meanwhile is not waited for, nor are the jobs in `but`.

        `examples` is how many of those that do not complete are to be told. Raises TimeoutError after so many seconds,
        and CannotFinish for a job that is held.
        """
        ended = Ended(total=0, counts={})
        async with asyncio.timeout(timeout):
            spared = {job.seq for job in await self._store.read(lambda: reading.find(but))}
            seqs = [seq for seq in await self._seqs(Action.WAIT) if seq not in spared]
            async with contextlib.aclosing(until_ended(self._store, seqs, examples)) as looks:
                async for ended in looks:
                    if progress is not None:
                        progress(ended)
        return ended

    async def _seqs(self, action: Action) -> Sequence[int]:
        filters = meant_by(action, self._wanted)
        return await self._store.read(lambda: reading.seqs_of(filters))

    async def _run(self, action: Action, decide: Decide, act: Act, expect: Expect = selection.expect) -> Outcome:
        # The newest first: what comes after others is mostly newer than these, and must be removed before them.
        seqs = sorted(await self._seqs(action), reverse=action is Action.REMOVE)
        outcome = Outcome(matched=len(seqs))
        if seqs and self._confirm is not None and not self._dry_run:
            await self._confirm(len(seqs))
        slices = self._expected(seqs, decide, expect) if self._dry_run else self._done(seqs, decide, act)
        async with contextlib.aclosing(slices):
            async for sliced in slices:
                outcome = outcome.after(sliced)
                if self._progress is not None:
                    self._progress(outcome)
        return outcome

    async def _expected(self, seqs: Sequence[int], decide: Decide, expect: Expect) -> AsyncGenerator[Sliced, None]:
        """What could be done of each slice."""
        decide_now, chosen = _at(decide, self._store.now()), frozenset(seqs)
        for start in range(0, len(seqs), WEIGHED_AT_ONCE):
            some = seqs[start : start + WEIGHED_AT_ONCE]
            yield await self._store.read(partial(expect, some, decide_now, chosen))

    async def _done(self, seqs: Sequence[int], decide: Decide, act: Act) -> AsyncGenerator[Sliced, None]:
        """What was done of each slice. What others stood against is tried again for as long as anything is done."""
        pace, entangled = Pace(), dict[int, Refused]()
        while seqs:
            done, entangled = 0, {}
            async with contextlib.aclosing(self._done_once(seqs, decide, act, pace)) as slices:
                async for sliced in slices:
                    done += sliced.done
                    entangled |= sliced.entangled
                    yield sliced
            seqs = list(entangled) if done else []
        if entangled:
            yield Sliced(0, list(entangled.values()))

    async def _done_once(
        self, seqs: Sequence[int], decide: Decide, act: Act, pace: Pace
    ) -> AsyncGenerator[Sliced, None]:
        """A slice after the other. Between two of them, whoever waits for the write lock gets it."""
        coming = iter(seqs)
        left: Sequence[int] = ()
        while some := [*left, *islice(coming, max(0, pace.size - len(left)))]:
            now = self._store.now()
            turned = await self._store.turn([partial(act, some, _at(decide, now), now)])
            (sliced,) = turned.outcomes
            if isinstance(sliced, BaseException):
                raise sliced
            yield sliced
            left = sliced.left
            pace.took(turned.held)
            await asyncio.sleep(pace.rest)


def _at(decide: Decide, now: float) -> selection.Decide:
    return lambda job: decide(job, now)


def _check_removable(job: Decidable, _now: float) -> None:
    lifecycle.check_removable(job)


def _edited(time_: NewTime, job: Decidable, now: float) -> lifecycle.Transition | None:
    lifecycle.check_editable(job)
    return lifecycle.reschedule(job, now, hold_it=time_.hold, run_at=time_.run_at)
