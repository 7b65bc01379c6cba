"""`aqueue top`: the queue, live, with the keys to look closer and to do something about it."""

import asyncio
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import asyncclick as click

from aqueue.cli import keys, topview
from aqueue.cli.escape import escape
from aqueue.cli.live import Picture, can_be_drawn_over, live
from aqueue.cli.topoutput import MOST_LINES, Reader
from aqueue.cli.topview import Pointer, Seen
from aqueue.model.errors import AqueueError, NoSuchJob, Refused
from aqueue.model.job import FINISHED, Job, State
from aqueue.model.tempo import Tempo
from aqueue.queue import Filter, Queue

QUIET = 0.1
"""Seconds between two looks at least: nobody reads faster."""

TICK = 1.0
"""Seconds between two pictures in which nothing has changed but for how long it has been so."""

MOST = 200
"""How many jobs can be walked through: more are found by a search."""


@click.command()
@click.pass_obj
async def top(db: str | None) -> None:
    """Watch the queue, look at what jobs print, retry and cancel them, and pause queues.

    Arrows choose a job, Enter shows its output; r retries it, c cancels it, p pauses or resumes its queue, / searches
    in commands, ids and errors, Tab goes through the states, q quits.

    \b
    Example:
      aqueue top
    """
    if not can_be_drawn_over() or not sys.stdin.isatty():
        raise Refused("this needs a terminal; for scripts there is `aqueue status --json`")
    async with Queue.open(db) as queue:
        with live(keep_last=False) as picture:
            assert picture is not None
            await Top(queue, picture).run()


class Top:
    """What is shown, and what the keys do to it."""

    def __init__(self, queue: Queue, picture: Picture) -> None:
        self._queue = queue
        self._picture = picture
        self._pointer = Pointer()
        self._seen: Seen | None = None
        self._tempo: Tempo | None = None
        self._reader: Reader | None = None
        self._answered: Callable[[], Awaitable[None]] | None = None
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        self._look_again = asyncio.Event()

    async def run(self) -> None:
        """Show it until the reader quits."""
        with keys.pressed(self._keys.put_nowait) as keyboard:
            self._picture.on_stop, self._picture.on_going_on = keyboard.give_back, keyboard.take
            async with asyncio.TaskGroup() as tasks:
                others = [tasks.create_task(self._watch()), tasks.create_task(self._heed_changes())]
                await self._obey()
                for task in others:
                    task.cancel()

    async def _heed_changes(self) -> None:
        async for _ in self._queue.changes():
            self._look_again.set()

    async def _watch(self) -> None:
        while True:
            self._look_again.clear()
            try:
                await self._look()
            except AqueueError as error:  # a store that is busy is looked at again
                self._pointer.message = escape(str(error))
                asyncio.get_running_loop().call_later(TICK, self._look_again.set)
            self._draw()
            await asyncio.sleep(QUIET)
            await self._look_again.wait()

    async def _look(self) -> None:
        status = await self._queue.status()
        self._seen = Seen(
            title=self._queue.title,
            status=status,
            oldest=await self._queue.oldest(),
            jobs=await self._jobs(),
        )
        if self._pointer.chosen(self._seen.jobs) is None:
            self._pointer.move(self._seen.jobs, 0)
        await self._read_on()

    async def _read_on(self) -> None:
        if self._reader is None:
            return
        try:
            await self._reader.read_on()
        except NoSuchJob:
            self._pointer.message = f"Job {self._reader.reading.job.id} was removed."
            self._reader = None

    async def _jobs(self) -> Sequence[Job]:
        """The jobs that can be walked through: without a state, what runs comes first, then the newest."""
        search = self._pointer.search or None
        if self._pointer.state is not None:
            return await self._queue.list(Filter(state=self._pointer.state, search=search), limit=MOST)
        running = await self._queue.list(Filter(state=State.PROCESSING, search=search), limit=MOST)
        newest = await self._queue.list(Filter(search=search), limit=MOST)
        return [*running, *(job for job in newest if job.state is not State.PROCESSING)][:MOST]

    def _draw(self) -> None:
        if self._seen is not None:
            self._picture.draw(self._show, again_after=TICK)

    def _show(self) -> None:
        assert self._seen is not None
        columns, rows = shutil.get_terminal_size()
        if self._reader is not None:
            lines = topview.output(self._reader.reading, self._pointer, rows, columns)
        else:
            lines = topview.overview(self._seen, self._rate(self._seen), self._pointer, rows, columns)
        print("\n".join(lines))

    def _rate(self, seen: Seen) -> float:
        """How many jobs have finished a second lately, also when nothing has changed since it was looked."""
        finished, now = sum(seen.status.counts[state] for state in FINISHED), time.monotonic()
        if self._tempo is None:  # what had finished before says nothing
            self._tempo = Tempo(now, finished)
        self._tempo.seen(finished, now)
        return self._tempo.rate

    async def _obey(self) -> None:
        """Do what the keys say, until one says to quit."""
        while (key := await self._keys.get()) != keys.GONE:
            self._pointer.message = ""
            if not await self._obeyed(key):
                return
            self._draw()

    async def _obeyed(self, key: str) -> bool:
        """Do what a key says, where the reader is; False to quit."""
        if self._pointer.typing is not None:
            self._type(key)
        elif self._pointer.question is not None:
            await self._answer(key)
        elif key == "q":
            return False
        elif self._reader is not None:
            await self._obey_in_output(key)
        else:
            await self._obey_in_jobs(key)
        return True

    async def _obey_in_jobs(self, key: str) -> None:
        jobs = [] if self._seen is None else self._seen.jobs
        page = max(1, shutil.get_terminal_size().lines // 2)
        match key:
            case keys.UP | "k":
                self._pointer.move(jobs, -1)
            case keys.DOWN | "j":
                self._pointer.move(jobs, 1)
            case keys.PAGE_UP | keys.PAGE_DOWN:
                self._pointer.move(jobs, page if key == keys.PAGE_DOWN else -page)
            case keys.HOME | keys.END | "g" | "G":
                self._pointer.move(jobs, MOST if key in {keys.END, "G"} else -MOST)
            case keys.TAB | keys.BACK_TAB:
                self._choose_state(1 if key == keys.TAB else -1)
            case keys.ESCAPE:
                self._pointer.search, self._pointer.state = "", None
                self._look_again.set()
            case "/":
                self._pointer.typing = self._pointer.search
            case _:
                await self._obey_for(self._pointer.chosen(jobs), key)

    async def _obey_in_output(self, key: str) -> None:
        assert self._reader is not None
        reading, page = self._reader.reading, topview.page_of_output(shutil.get_terminal_size().lines)
        match key:
            case keys.UP | "k":
                reading.scroll(-1, page)
            case keys.DOWN | "j":
                reading.scroll(1, page)
            case keys.PAGE_UP | keys.PAGE_DOWN | " ":
                reading.scroll(-page if key == keys.PAGE_UP else page, page)
            case keys.HOME | "g":
                reading.scroll(-MOST_LINES, page)
            case keys.END | "G" | "f":
                reading.scroll(MOST_LINES, page)
            case keys.ESCAPE | keys.BACKSPACE | keys.ENTER:
                self._reader = None
            case _:
                await self._obey_for(reading.job, key)

    async def _obey_for(self, job: Job | None, key: str) -> None:
        """The keys that mean a job."""
        if job is None:
            return
        match key:
            case keys.ENTER if job.run:
                self._reader = Reader(self._queue, job)
                await self._tried(self._read_on())
            case keys.ENTER:
                self._pointer.message = f"Job {job.id} has not run yet."
                await self._tried(self._say_why(job))
            case "r":
                await self._tried(self._retry(job))
            case "c" if job.state not in FINISHED:
                self._ask(f"Cancel job {job.id}: {escape(job.command)}?", lambda: self._cancel(job))
            case "c":
                self._pointer.message = f"Job {job.id} is {job.state}: there is nothing to cancel."
            case "p":
                await self._tried(self._pause_or_resume(job.queue))

    def _choose_state(self, by: int) -> None:
        states: list[State | None] = [None, *State]
        self._pointer.state = states[(states.index(self._pointer.state) + by) % len(states)]
        self._look_again.set()

    def _type(self, key: str) -> None:
        assert self._pointer.typing is not None
        match key:
            case keys.ENTER:
                self._pointer.search, self._pointer.typing = self._pointer.typing.strip(), None
                self._look_again.set()
            case keys.ESCAPE:
                self._pointer.typing = None
            case keys.BACKSPACE:
                self._pointer.typing = self._pointer.typing[:-1]
            case _ if len(key) == 1:
                self._pointer.typing += key

    def _ask(self, question: str, then: Callable[[], Awaitable[None]]) -> None:
        self._pointer.question, self._answered = question, then

    async def _answer(self, key: str) -> None:
        answered, self._answered, self._pointer.question = self._answered, None, None
        if key in {"y", "Y"} and answered is not None:
            await self._tried(answered())

    async def _tried(self, doing: Awaitable[None]) -> None:
        """Do it; what cannot be done is told in the last line."""
        try:
            await doing
        except AqueueError as error:
            self._pointer.message = escape(str(error))
        self._look_again.set()

    async def _say_why(self, job: Job) -> None:
        self._pointer.message = f"Job {job.id} has not run yet: {escape(await self._queue.why(job.id))}."

    async def _retry(self, job: Job) -> None:
        await self._queue.retry(job.id)
        self._pointer.message = f"Job {job.id} is tried again."

    async def _cancel(self, job: Job) -> None:
        await self._queue.cancel(job.id)
        self._pointer.message = f"Job {job.id} is cancelled."

    async def _pause_or_resume(self, name: str) -> None:
        queues = await self._queue.queues()
        if name in queues and queues[name].paused:
            await self._queue.resume_queue(name)
            self._pointer.message = f"The queue {escape(name)} goes on."
        else:
            await self._queue.pause_queue(name)
            self._pointer.message = f"The queue {escape(name)} is paused: its jobs that run go on."
