"""A worker's lease: the server's clock says until when it is believed to live.

A heartbeat renews it. One that has passed is never renewed, so whoever sees that it has passed may take over: the two
can never both be right. The worker itself reckons from the moment at which it sent its last renewal, by a clock that
also counts while the machine sleeps: that is always earlier than what the server reckons from. It ends what runs a
margin before that. Only a worker that was stopped meanwhile, or a machine, comes too late: what it then writes is
refused, and what it runs is killed the moment it goes on.

The heartbeat also brings the server's time, and tells of workers whose lease has passed and of rings that were lost.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from aqueue.model.errors import StoreError
from aqueue.store.postgres.address import LEASE
from aqueue.store.postgres.bell import Doorbell
from aqueue.store.postgres.driving import own
from aqueue.store.postgres.explaining import LOST, explanation
from aqueue.store.postgres.link import LONGEST_WAIT, Link
from aqueue.store.protocol import Watcher

AFTER_THE_END = 0.05
"""Seconds after the end of another worker's lease at which it is looked at again."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease lasts, and what follows from that. All are seconds."""

    lease: float

    @property
    def margin(self) -> float:
        """How long before its end the runs are ended: a TERM, a KILL a second later, and room for a slow moment."""
        return max(2.0, 0.3 * self.lease)

    @property
    def interval(self) -> float:
        """From heartbeat to heartbeat: two of them may be lost."""
        return (self.lease - self.margin) / 3

    @property
    def answer(self) -> float:
        """How long the server may take to answer a heartbeat before it is taken for unreachable."""
        return max(self.interval, 1.0)

    @property
    def longest_wait(self) -> float:
        """How long to wait between two tries to connect, so that a server that is back in time is soon found."""
        return min(self.answer / 4, LONGEST_WAIT)


class Lease:
    """Keeps a worker alive in the eyes of the others, and tells its watcher when it does not succeed."""

    def __init__(
        self,
        link: Link,
        doorbell: Doorbell,
        worker: str,
        lease: float,
        watcher: Watcher,
        *,
        on_time: Callable[[float, float], None],
        on_silence: Callable[[], None],
        title: str,
    ) -> None:
        self._link = link
        self._doorbell = doorbell
        self._worker = worker
        self._terms = Terms(lease)
        self._watcher = watcher
        self._on_time = on_time
        self._on_silence = on_silence
        self._title = title
        self._newest: tuple[Any, Any] = (None, None)
        self._good_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Renew it until the others have taken over, or this is cancelled."""
        self._link.longest_wait = self._terms.longest_wait
        # It was registered a moment ago, for as long as the schema says.
        self._renewed(_clock(), min(self._terms.lease, LEASE / 2))
        listening = asyncio.get_running_loop().create_task(self._listen(), name="echo")
        try:
            while True:
                pause = await self._beat()
                if pause is None:
                    return
                await asyncio.sleep(pause)
        finally:
            listening.cancel()
            self._disarm()

    async def _listen(self) -> None:
        """See to it that rings are heard, one way or the other."""
        if not await self._doorbell.can_hear() and self._link.is_up:
            self._watcher.blind(
                "no notifications come through: is there a pool before the server? looking every second instead"
            )
            await self._doorbell.look()

    async def _beat(self) -> float | None:
        """Renew it once; says how long to wait before the next time, or None when it is over."""
        sent = _clock()
        try:
            async with asyncio.timeout(self._terms.answer):
                is_alive, around = await self._ask()
        except (*LOST, asyncpg.PostgresError, StoreError) as error:
            self._on_silence()
            self._watcher.unreachable(str(explanation(error, self._title)))
            return self._terms.interval / 10
        self._watcher.unreachable(None)
        if not is_alive:
            self._disarm()
            self._watcher.outlived(at_once=True)
            return None
        self._renewed(sent, self._terms.lease)
        self._on_time(around["now"], _clock() - sent)
        return self._seen(around)

    async def _ask(self) -> tuple[bool, Mapping[str, Any]]:
        async with self._doorbell.using:
            connection = await self._link.get()
            renew, around = own("renew"), own("around")
            values = {"worker": self._worker, "lease": self._terms.lease}
            renewed = await connection.fetch(renew.text, *(values[name] for name in renew.names))
            (row,) = await connection.fetch(around.text, *(values[name] for name in around.names))
            return bool(renewed), row

    def _seen(self, around: Mapping[str, Any]) -> float:
        # The number of an event can be seen before others that are written at the same time: so it counts twice.
        if self._newest != (around["newest"], around["newest"]):
            self._watcher.changed()
        self._newest = (self._newest[1], around["newest"])
        soonest = around["soonest"]
        if around["orphaned"] or (soonest is not None and soonest <= 0):
            self._watcher.departed()
        if soonest is not None and 0 < soonest < self._terms.interval:
            return float(soonest) + AFTER_THE_END
        return self._terms.interval

    def _renewed(self, sent: float, seconds: float) -> None:
        self._disarm()
        self._good_until = sent + seconds
        wait = self._good_until - Terms(seconds).margin - _clock()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._endangered)

    def _endangered(self) -> None:
        self._timer = None
        left = self._good_until - _clock()
        self._watcher.outlived(at_once=left <= 0)
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._endangered)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _clock() -> float:
    """Seconds that also count while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
