"""The ticks of the schedules: one alarm for the earliest of them, however many schedules there are.

When it rings, the committer takes a look at the schedules into its next turn, before the claim, so that the jobs of a
tick start in the same turn that makes them. The look says when the next one is due. Another process that adds a
schedule rings the doorbell, and where the orders are read then, that moment is read, too. Without schedules nothing of
this ever happens.
"""

from collections.abc import Callable, Iterable
from functools import partial

from aqueue.engine.alarm import Alarm
from aqueue.engine.clock import Clock
from aqueue.engine.troubles import Troubles
from aqueue.model.errors import AqueueError
from aqueue.model.job import Job
from aqueue.model.settings import Settings
from aqueue.store import roster, schedules
from aqueue.store.protocol import Store
from aqueue.store.schedules import NextTick, Ticked, Unread
from aqueue.store.statement import Ask

RETRY_AFTER = 1.0
"""Seconds until the schedules are looked at again after a look that failed."""


class Ticks:
    """Knows when the schedules are to be looked at."""

    def __init__(
        self, clock: Clock, settings: Callable[[], Settings], on_due: Callable[[], None], troubles: Troubles
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._on_due = on_due
        self._troubles = troubles
        self._alarm = Alarm(clock, self.look)
        self._next = NextTick(None, owes=False)
        self._since = clock.now()
        self._stopped = False
        self.unread: tuple[Unread, ...] = ()

    def begin(self, since: float) -> None:
        """A worker is there from this moment on: what was due before it was missed."""
        self._since = since

    def stop(self) -> None:
        """Make no more ticks."""
        self._stopped = True
        self._alarm.set(None)

    def expect(self, next_tick: NextTick) -> None:
        """Take over when to look next, as it was read just now."""
        self._next = next_tick
        self.look()

    def look(self) -> None:
        """Something may be due: the time has come, or the clock was set."""
        self._since = min(self._since, self._clock.now())  # set back, it does not make a worker come later
        if self.is_due:
            self._on_due()
        elif not self._stopped:
            self._alarm.set(self._next.at)

    @property
    def is_due(self) -> bool:
        """Whether there is something to make now."""
        at = self._next.at
        return not self._stopped and (self._next.owes or (at is not None and at <= self._clock.now()))

    def ask(self, now: float, ended: Iterable[Job]) -> Ask[Ticked] | None:
        """The look that is due, if one is: also when jobs of schedules end, for which others may have waited."""
        if self._stopped or not (self.is_due or any(job.cron is not None for job in ended)):
            return None
        return partial(schedules.tick, self._settings(), since=self._since, now=now, unread=self.unread)

    def ticked(self, ticked: Ticked | AqueueError) -> None:
        """Take the answer to a look."""
        if isinstance(ticked, AqueueError):
            self._troubles.begin("schedules", f"cannot make the jobs of schedules: {ticked}")
            self.expect(NextTick(self._clock.now() + RETRY_AFTER, owes=False))
            return
        self._troubles.end("schedules")
        for one in ticked.unread[len(self.unread) :]:
            self._troubles.begin(f"schedule {one.name}", f"schedule {one.name} cannot be read: {one.reason}")
        self.unread = tuple(ticked.unread)
        self.expect(ticked.next)


async def worked_since(store: Store, worker: str, started_at: float) -> float:
    """From when on a worker was there: since the first of those that are there now has started."""
    known, living = await store.read(roster.workers), await store.living()
    return min([started_at, *(row.started_at for row in known if row.id != worker and row.id in living)])
