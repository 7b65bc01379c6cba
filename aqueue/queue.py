"""The client: what a program does with a queue. It never imports the engine, so that `aqueue enqueue` stays light."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aqueue.model import lifecycle, retention
from aqueue.model.errors import InvalidInput
from aqueue.model.job import Job, Run, State
from aqueue.model.newjob import Alike, NewJob, check_edit, check_queue
from aqueue.model.rate import Rate
from aqueue.model.selection import Filter
from aqueue.model.settings import Settings, key_named, parse_setting, resolve, stored_text
from aqueue.model.unique import Enqueued
from aqueue.model.why import Crew, why
from aqueue.selection import Outcome, Selection
from aqueue.status import Status, Worker, worker_of
from aqueue.store import chain, history, open_store, printed, pruning, queues, reading, roster, sql, stored, sweep
from aqueue.store.batch import Batch
from aqueue.store.chain import Chain
from aqueue.store.enqueueing import enqueue_batch
from aqueue.store.examine import examine
from aqueue.store.finding import Finding
from aqueue.store.history import Event
from aqueue.store.place import Place
from aqueue.store.printed import Piece
from aqueue.store.protocol import Store, Watcher
from aqueue.store.queues import QueueRow
from aqueue.store.statement import Ask, Verb
from aqueue.store.sweep import Pruned
from aqueue.waiting import Ended, until_ended

if TYPE_CHECKING:
    from aqueue.schedules import Schedules
    from aqueue.views import Views

__all__ = ["Ended", "Filter", "Outcome", "Pruned", "Queue", "QueueRow", "Selection", "Status", "Worker"]

PIECES_AT_ONCE = 64
EVENTS_AT_ONCE = 1000


class Queue:
    """A queue of jobs: ``async with Queue.open("queue.db") as queue: job = await queue.enqueue("echo hi")``."""

    def __init__(self, store: Store, environ: Mapping[str, str]) -> None:
        self._store = store
        self._environ = environ

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, path: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] = os.environ
    ) -> AsyncIterator["Queue"]:
        """Open the queue at this path, made on first use; without one, that of `AQUEUE_DB`, or the user's own.

        Raises StoreError when there is no queue to be had at that path.
        """
        store = await open_store(None if path is None else os.fspath(path), environ=environ)
        try:
            yield cls(store, environ)
        finally:
            await store.close()

    @property
    def url(self) -> str:
        """Where the queue is kept: what `AQUEUE_DB` would have to be. It may hold a password."""
        return self._store.url

    @property
    def title(self) -> str:
        """The same for people: without a password."""
        return self._store.title

    async def enqueue(self, command: str, **options: Any) -> Job:
        """Add one job. The options are the keys of a job's JSON: `id`, `queue`, `priority`, `delay`, `env`, …

        When this returns, the job is on the disk. With a `unique` key that an unfinished job has, that one is returned,
        and none is made. Raises InvalidInput, DuplicateId, and NoSuchJob for one that it is to wait for.
        """
        enqueued = await self.enqueue_many([NewJob.parse({"command": command, **options}, self._store.now())])
        return await self.get(enqueued.ids[0])

    async def enqueue_many(self, jobs: Iterable[NewJob | Alike]) -> Enqueued:
        """Add jobs, all or none, but for those whose unique key an unfinished job has.

        There may be any number of them, one after the other from an iterator: they take no memory, and the queue is
        not locked before the last one is there. Raises DuplicateId, NoSuchJob for one that they are to wait for, and
        Cycle.
        """
        with self.batch() as batch:
            batch.add(jobs, self._store.now())
            return await self.enqueue_batch(batch)

    def batch(self) -> Batch:
        """An empty batch for `enqueue_batch`; what does not fit into memory waits in the folder of the queue."""
        return Batch(self._store.folder)

    async def enqueue_batch(self, batch: Batch, on_written: Callable[[int], None] = lambda _: None) -> Enqueued:
        """Add the jobs of a batch, as `enqueue_many` does.

        `on_written` is told how many of them are written so far, in this loop; they count when all of them are.
        """
        settings, now, loop = await self.settings(), self._store.now(), asyncio.get_running_loop()
        chunks = partial(batch.watched, lambda count: loop.call_soon_threadsafe(on_written, count))
        try:
            return await self._store.write(lambda: enqueue_batch(chunks(), settings, now), checked=True)
        except asyncio.CancelledError:
            batch.give_up()  # or else it would go on to its end, and nobody would be told the ids
            raise

    async def get(self, job_id: str) -> Job:
        """The job with this id. Raises NoSuchJob."""
        (job,) = await self._store.read(lambda: reading.find([job_id]))
        return job

    async def find(self, ids: Sequence[str]) -> Sequence[Job]:
        """The jobs with these ids, in the same order. Raises NoSuchJob."""
        return await self._store.read(lambda: reading.find(ids))

    async def runs(self, job: Job) -> Sequence[Run]:
        """The history of a job: its runs, first to last."""
        return await self._store.read(lambda: reading.history(job))

    async def list(self, wanted: Filter | None = None, *, limit: int | None = None) -> Sequence[Job]:
        """The newest jobs that match, newest first; without a limit, all of them."""
        return await self._store.read(lambda: reading.select(wanted or Filter(), limit))

    async def status(self) -> Status:
        """Counts, living workers and the next waiting job."""
        named = await self._store.read(queues.queues)
        return Status(
            counts={state: sum(queue.counts.get(state, 0) for queue in named.values()) for state in State},
            queues=named,
            workers=await self.workers(),
            next_run_at=await self._store.read(reading.next_run_at),
        )

    async def cancel(self, *ids: str, dry_run: bool = False) -> Sequence[Job]:
        """Stop unfinished jobs, all or none. Raises NoSuchJob, and WrongState for a finished one.

        A running job is asked to end, and is `processing` until its processes are gone. Here and below, a `dry_run`
        raises what the verb would raise, and changes nothing.
        """
        now = self._store.now()
        return await self._change(ids, lambda job: lifecycle.cancel(job, now), dry_run=dry_run)

    async def retry(self, *ids: str, dry_run: bool = False) -> Sequence[Job]:
        """Give jobs a fresh set of attempts, now, all or none. Raises NoSuchJob and WrongState."""
        now = self._store.now()
        return await self._change(ids, lambda job: lifecycle.retry(job, now), dry_run=dry_run)

    async def hold(self, *ids: str, dry_run: bool = False) -> Sequence[Job]:
        """Keep waiting jobs from running, all or none. Raises NoSuchJob and WrongState."""
        return await self._change(ids, lifecycle.hold, dry_run=dry_run)

    async def release(self, *ids: str, dry_run: bool = False) -> Sequence[Job]:
        """Let scheduled or held jobs run now, all or none. Raises NoSuchJob and WrongState."""
        now = self._store.now()
        return await self._change(ids, lambda job: lifecycle.release(job, now), dry_run=dry_run)

    async def remove(self, *ids: str, dry_run: bool = False) -> Sequence[Job]:
        """Delete jobs with their history, all or none. Raises NoSuchJob, and WrongState for a running one."""
        removed = partial(sql.remove, _distinct(ids), lifecycle.check_removable)
        return await self._done(ids, removed, dry_run=dry_run)

    async def prune(self, *, older_than: float | None = None, state: State | None = None) -> Pruned:
        """Remove what the settings keep no longer, or finished more than so many seconds ago, or is in this state only.

        It is done in slices, so that others need not wait; what is done stays done when it is cancelled. Jobs that
        others wait for are spared. Raises InvalidInput for a state in which jobs are not finished.
        """
        settings = await self.settings()
        before = retention.chosen_by_hand(settings, self._store.now(), older_than=older_than, state=state)
        as_configured = older_than is None and state is None
        return await sweep.by_hand(self._store, before, settings.output_total if as_configured else None)

    async def prunable(self, *, older_than: float | None = None, state: State | None = None) -> int:
        """How many jobs `prune` would remove. Raises InvalidInput."""
        settings = await self.settings()
        before = retention.chosen_by_hand(settings, self._store.now(), older_than=older_than, state=state)
        return await self._store.read(lambda: pruning.count(before))

    async def edit(self, job_id: str, *, dry_run: bool = False, **changes: Any) -> Job:
        """Change the command or the options of a job that does not run; the keys are those of `enqueue`.

        Raises NoSuchJob, InvalidInput, and WrongState for a running job, or for a `delay`, `run_at` or `hold` of one
        that does not wait.
        """
        now = self._store.now()
        values, time_ = check_edit(changes, now, job_id)

        def decide(job: Job) -> lifecycle.Transition | None:
            lifecycle.check_editable(job)
            return lifecycle.reschedule(job, now, hold_it=time_.hold, run_at=time_.run_at)

        (job,) = await self._done([job_id], partial(sql.edit, job_id, values, decide, now), dry_run=dry_run)
        return job

    def select(
        self,
        wanted: Filter | None = None,
        *,
        dry_run: bool = False,
        confirm: Callable[[int], Awaitable[None]] | None = None,
        progress: Callable[[Outcome], None] | None = None,
    ) -> Selection:
        """All jobs that match, for a verb on all of them: ``await queue.select(Filter(tag="x")).cancel()``.

        A `dry_run` counts and changes nothing. `confirm` is told how many jobs are meant before the first of them is
        changed; what it raises ends it. `progress` is told after each slice what has come of it so far.
        """
        return Selection(self._store, wanted or Filter(), dry_run=dry_run, confirm=confirm, progress=progress)

    async def why(self, job_id: str) -> str:
        """Why a job is not running, in one sentence. Raises NoSuchJob."""
        job = await self.get(job_id)
        workers = [Crew(worker.concurrency, worker.running, worker.queues) for worker in await self.workers()]
        line = await self._store.read(lambda: queues.line_of(job.queue))
        ahead = await self._store.read(lambda: reading.ahead(job))
        kept = await self._store.read(lambda: chain.kept(job))
        return why(job, line, ahead=ahead, workers=workers, now=self._store.now(), kept=kept)

    async def chain(self, job: Job) -> Chain:
        """The jobs that it comes after and those that come after it, near ones before far ones, and not too many."""
        return await self._store.read(lambda: chain.chain(job))

    async def output(self, job: Job, run: int, start: int = 0) -> AsyncIterator[Piece]:
        """What a run has printed so far, from a position on.

        Where a piece begins behind the end of the one before it, what lies between was left out.
        """
        while pieces := await self._store.read(partial(printed.read, job.seq, run, start, PIECES_AT_ONCE)):
            for piece in pieces:
                yield piece
            start = pieces[-1].end

    async def events(self, job_id: str | None = None, *, after: int = 0) -> AsyncIterator[Event]:
        """Every transition of one job or of all, behind the event with this number, first to last."""
        seq = None if job_id is None else (await self.get(job_id)).seq
        while events := await self._store.read(partial(history.events, after, EVENTS_AT_ONCE, seq)):
            for event in events:
                yield event
            after = events[-1].event

    async def newest_event(self) -> int:
        """The number of the newest event; 0 if there is none."""
        return await self._store.read(history.newest_event)

    async def wait(
        self, *ids: str, timeout: float | None = None, progress: Callable[[Ended], None] | None = None
    ) -> Sequence[Job]:
        """Wait until these jobs are finished, and return them. Raises TimeoutError after so many seconds.

        Raises NoSuchJob, also when one is removed meanwhile, and CannotFinish for a job that is held, or that waits for
        one that is: only a person can end such a wait. `progress` is told how far it is.
        """
        async with asyncio.timeout(timeout):
            while True:
                jobs = await self.find(ids)
                unfinished = list({job.seq: None for job in jobs if not job.is_finished})
                if not unfinished:
                    return jobs
                async with contextlib.aclosing(until_ended(self._store, unfinished)) as looks:
                    async for ended in looks:
                        if ended.removed:
                            break
                        if progress is not None:
                            progress(ended)

    async def watch(self, *ids: str) -> AsyncGenerator[Sequence[Job], None]:
        """The jobs as they are, at once and whenever something in the queue has changed."""
        changed = asyncio.Event()
        with self._store.doorbell.hung_up(changed.set):
            while True:
                changed.clear()
                yield await self.find(ids)
                await changed.wait()

    async def changes(self) -> AsyncIterator[None]:
        """Yields at once, and then whenever something in the queue has changed."""
        changed = asyncio.Event()
        with self._store.doorbell.hung_up(changed.set):
            while True:
                changed.clear()
                yield
                await changed.wait()

    @property
    def schedules(self) -> "Schedules":
        """The jobs that are enqueued again and again."""
        from aqueue.schedules import Schedules  # only who has schedules pays for them

        return Schedules(self._store, self.settings)

    @property
    def views(self) -> "Views":
        """What faces show of the queue while it lives."""
        from aqueue.views import Views

        return Views(self._store)

    @property
    def place(self) -> Place:
        """Where the files of the queue on this machine are."""
        return self._store.place

    def watched(self, watcher: Watcher) -> contextlib.AbstractContextManager[None]:
        """Tell the watcher what becomes of the queue and of its workers, until the end of the block."""
        return self._store.watched(watcher)

    async def living(self) -> frozenset[str]:
        """The ids of the workers that live."""
        return await self._store.living()

    async def workers(self) -> Sequence[Worker]:
        """The workers that live, in the order of their starts."""
        rows, living = await self._store.read(roster.workers), await self._store.living()
        return [worker_of(row) for row in rows if row.id in living]

    async def stop_workers(self, ids: Iterable[str], *, now: bool) -> Sequence[str]:
        """Ask workers to drain, or with `now` to end their jobs and put them back; returns those that were told."""
        wanted = list(ids)
        return await self._store.write(lambda: roster.request_stop(wanted, "now" if now else "drain"))

    async def queues(self) -> Mapping[str, QueueRow]:
        """All queues that have jobs, or of which something was said, by their names."""
        return await self._store.read(queues.queues)

    async def oldest(self) -> Mapping[str, float]:
        """Since when the job that has waited for longest in each queue has been due."""
        return await self._store.read(queues.oldest)

    async def pause_queue(self, name: str) -> None:
        """Start no job of a queue; those that run go on. Raises InvalidInput for what is no name."""
        await self._say(name, lambda: queues.pause(name, paused=True))

    async def resume_queue(self, name: str) -> None:
        """Start jobs of a queue again."""
        await self._say(name, lambda: queues.pause(name, paused=False))

    async def limit_queue(self, name: str, most: int | None) -> None:
        """Let at most so many jobs of a queue run at once, over all workers; None is any number.

        Raises InvalidInput for a bound below 1: to start none, pause the queue.
        """
        if most is not None and most < 1:
            raise InvalidInput(f"a limit is at least 1, not {most}; to start none, pause the queue")
        await self._say(name, lambda: queues.limit(name, most))

    async def rate_queue(self, name: str, rate: Rate | None) -> None:
        """Let the jobs of a queue start at this rate at most; None is any."""
        now = self._store.now()
        await self._say(name, lambda: queues.rate(name, rate, now))

    async def _say(self, name: str, verb: Callable[[], Verb[None]]) -> None:
        check_queue(name)
        await self._store.write(verb)

    async def settings(self) -> Settings:
        """The settings in force: the environment's over the stored ones over the defaults."""
        return resolve(await self.stored_settings(), self._environ)

    async def stored_settings(self) -> Mapping[str, str]:
        """The settings stored with the queue, as texts."""
        return await self._store.read(stored.settings)

    async def set_setting(self, key: str, text: str) -> str:
        """Store a setting; running workers take it over at once. Returns its key. Raises InvalidSetting."""
        name = key_named(key)
        value = stored_text(parse_setting(name, text))
        await self._store.write(lambda: stored.set_setting(name, value))
        return name

    async def unset_setting(self, key: str) -> bool:
        """Forget a stored setting; says whether there was one. Raises InvalidSetting."""
        name = key_named(key)
        return await self._store.write(lambda: stored.unset_setting(name))

    async def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the queue to a new file while it goes on being used. Raises StoreUnavailable."""
        await self._store.backup(Path(path).absolute())

    async def examine(self) -> Sequence[Finding]:
        """Look whether the file is sound and its place is safe."""
        return await examine(self._store, self._environ)

    async def _change(
        self, ids: Sequence[str], decide: Callable[[Job], lifecycle.Transition | None], *, dry_run: bool
    ) -> Sequence[Job]:
        changed = partial(sql.change, _distinct(ids), decide, self._store.now())
        return await self._done(ids, changed, dry_run=dry_run)

    async def _done(self, ids: Sequence[str], ask: Ask[Sequence[Job]], *, dry_run: bool) -> Sequence[Job]:
        """Do it; in a dry run, do it and undo it, for other jobs have a say in it, too."""
        return await self._store.write((lambda: sql.tried(_distinct(ids), ask())) if dry_run else ask)


def _distinct(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))
