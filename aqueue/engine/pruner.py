"""The pruner: removes what has been kept for long enough, and gives its space back.

One timer is armed for the moment at which the next job may go. Whenever jobs may have finished, here or anywhere, it is
enough to know that those cannot go before the shortest time is over for which any are kept: nothing has to be read for
that, and where nothing can expire there is no timer.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from aqueue.engine.alarm import Alarm
from aqueue.engine.clock import Clock
from aqueue.engine.troubles import Troubles
from aqueue.model.errors import StoreBusy, StoreError
from aqueue.model.retention import expired_by, kept_for, next_expiry, soonest_expiry
from aqueue.model.settings import Settings
from aqueue.store import pruning
from aqueue.store.protocol import Store
from aqueue.store.sweep import SPARE_PAGES, Sweep

AT_MOST_EVERY = 60.0
"""Seconds between two sweeps: what expires meanwhile goes with the next.

Where something is kept for a shorter time, that is the time between them: who keeps jobs for a few seconds does not
expect to see them for a minute. But it is a second at least.
"""

SHORTEST_PAUSE = 1.0

REST = 3.0
"""For how long the write lock is left to others after each slice of a sweep, as a multiple of what the slice took."""


class Pruner:
    """Sweeps when something has expired."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Callable[[], Settings],
        troubles: Troubles,
        on_foreign: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._troubles = troubles
        self._on_foreign = on_foreign
        self._due = asyncio.Event()
        self._due.set()
        self._alarm = Alarm(clock, self._due.set, is_exact=False)
        self._armed: float | None = None
        self._stirred = False
        self._not_before = 0.0

    def look(self) -> None:
        """What is kept for how long has changed, or the clock was set."""
        self._due.set()

    def stir(self) -> None:
        """Jobs may have finished. What has finished later cannot expire earlier, so that is heard once a sweep."""
        if not self._stirred:
            self._stirred = True
            self._arm(soonest_expiry(self._settings(), self._clock.now()))

    async def run(self) -> None:
        """Sweep whenever it is time to, until this is cancelled."""
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                await self.sweep()
        finally:
            self._disarm()

    async def sweep(self) -> None:
        """Remove what may go now, and arm for what is next. What cannot be removed waits for another time."""
        self._disarm()
        self._not_before = self._clock.now() + _pause(self._settings())
        try:
            await self._sweep()
            self._troubles.end("prune")
        except StoreBusy:  # whoever holds the lock is waited for by others already
            self._arm(self._not_before)
        except StoreError as error:
            self._troubles.begin("prune", f"cannot remove what has been kept for long enough: {error}")
            self._arm(self._not_before)

    async def _sweep(self) -> None:
        settings = self._settings()
        if await self._may_remove(settings):
            with self._store.lobby.sweeping() as alone:
                if alone:  # else another worker is at it, and there is nothing to do but to look again later
                    await self._remove(settings)
        self._arm(await self._next_expiry(settings))

    async def _may_remove(self, settings: Settings) -> bool:
        expiry = await self._next_expiry(settings)
        if expiry is not None and expiry <= self._clock.now():
            return True
        return await self._store.read(partial(pruning.is_surplus, settings.output_total, SPARE_PAGES))

    async def _next_expiry(self, settings: Settings) -> float | None:
        oldest = await self._store.read(partial(pruning.oldest, kept_for(settings)))
        return next_expiry(oldest, settings)

    async def _remove(self, settings: Settings) -> None:
        sweep = Sweep(self._store, rest=REST, on_foreign=self._on_foreign)
        await sweep.remove(expired_by(settings, self._clock.now()))
        await sweep.drop_output(settings.output_total)
        await sweep.give_back(SPARE_PAGES)
        await sweep.finish()

    def _arm(self, moment: float | None) -> None:
        """Sweep at this moment at the latest."""
        if moment is not None and (self._armed is None or moment < self._armed):
            self._armed = max(moment, self._not_before)
            self._alarm.set(self._armed)

    def _disarm(self) -> None:
        self._armed, self._stirred = None, False
        self._alarm.set(None)


def _pause(settings: Settings) -> float:
    """The least time between two sweeps, in seconds."""
    return min([AT_MOST_EVERY, *(max(SHORTEST_PAUSE, keep) for keep in kept_for(settings).values())])
