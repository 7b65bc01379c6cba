"""The client's schedules: what a program does with the cron part of a queue, as ``queue.schedules``."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aqueue.model.job import Job
from aqueue.model.schedule import Missed, NewSchedule, Schedule
from aqueue.model.settings import Settings
from aqueue.store import reading
from aqueue.store import schedules as store_verbs
from aqueue.store.protocol import Store

__all__ = ["Missed", "Schedule", "Schedules"]


class Schedules:
    """The jobs that are enqueued again and again: ``await queue.schedules.add("nightly", "@daily", "backup.sh")``."""

    def __init__(self, store: Store, settings: Callable[[], Awaitable[Settings]]) -> None:
        self._store = store
        self._settings = settings

    async def add(
        self,
        name: str,
        schedule: str,
        command: str,
        *,
        timezone: str = "UTC",
        missed: str = Missed.SKIP,
        overlap: bool = False,
        **options: Any,
    ) -> Schedule:
        """Add a schedule, or replace the one of this name. The options are the keys of its jobs, as in `enqueue`.

        Its first tick is the next one from now. Raises InvalidInput.
        """
        job = {"command": command, **options}
        added, _ = await self.put(name, schedule, job, timezone=timezone, missed=missed, overlap=overlap)
        return added

    async def put(
        self, name: str, schedule: str, job: dict[str, Any], *, timezone: str, missed: str, overlap: bool
    ) -> tuple[Schedule, bool]:
        """The same as `add` with the keys of the job in one; also says whether there was a schedule of this name."""
        now = self._store.now()
        new = NewSchedule.parse(name, schedule, job, timezone=timezone, missed=missed, overlap=overlap, now=now)
        return await self._store.write(lambda: store_verbs.add(new, now))

    async def list(self) -> Sequence[Schedule]:
        """All schedules, by name, each with its last job that has ended and one that has not."""
        return await self._store.read(store_verbs.schedules)

    async def get(self, name: str) -> Schedule:
        """The schedule of this name. Raises NoSuchSchedule."""
        return await self._store.read(lambda: store_verbs.find(name))

    async def remove(self, name: str) -> Schedule:
        """Forget a schedule; the jobs that it made stay. Raises NoSuchSchedule."""
        return await self._store.write(lambda: store_verbs.remove(name))

    async def pause(self, name: str) -> Schedule:
        """Let a schedule make no jobs until it is resumed. Raises NoSuchSchedule."""
        return await self._store.write(lambda: store_verbs.pause(name))

    async def resume(self, name: str) -> Schedule:
        """Let a paused schedule go on from now; what lies before is not made up for. Raises NoSuchSchedule."""
        now = self._store.now()
        return await self._store.write(lambda: store_verbs.resume(name, now))

    async def trigger(self, name: str) -> Job:
        """Make a job of a schedule now. Raises NoSuchSchedule, and WrongState while one is unfinished.

        With overlap, that does not matter.
        """
        settings, now = await self._settings(), self._store.now()
        job_id = await self._store.write(lambda: store_verbs.trigger(name, settings, now))
        (job,) = await self._store.read(lambda: reading.find([job_id]))
        return job
