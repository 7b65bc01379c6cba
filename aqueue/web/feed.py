"""What open pages are told while they are open: one reader for all of them, woken by the doorbell.

The feed reads once for each change, and not oftener than every tenth of a second, and hands what it has read to all
pages. A page that takes nothing at the moment, because its client is slow, is not waited for: what it has still to be
told is put together, and never becomes more than one message. Without pages there is no feed, and nothing is woken.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aqueue.documents import status_document
from aqueue.model.document import job_document
from aqueue.model.errors import AqueueError
from aqueue.queue import QueueRow
from aqueue.status import Status
from aqueue.views import Changes, Part, Place, Since, Views
from aqueue.web.answers import text_of
from aqueue.web.printed import behind, pieces_of

QUIET = 0.1
"""Seconds between two looks at least."""

REST = 4.0
"""How many times as long as a look took nobody looks again: pages must not keep a CPU busy that jobs want."""

BUSY = 0.15
SHORT = 0.005
"""Seconds between two looks where much changes, so that a look takes as long as that.

Were it longer, more would change from one to the next than one message tells.
"""

MOST_JOBS = 200
"""How many jobs one message tells at most."""

MOST_CHARACTERS = 1024**2
"""… and of how many characters their commands may be, together."""

MOST_QUEUES = 100
"""How many queues a status tells at most, those with the most to do."""

GOING_AWAY, TRY_AGAIN = 1001, 1011
"""Why a page is closed. https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

GOODBYE = 0.5
"""Seconds that pages may take to go."""


class News:
    """What has changed, as every page is told it; written out once for all of them."""

    def __init__(
        self,
        cursor: int,
        jobs: Mapping[str, dict[str, Any]],
        removed: Mapping[str, None],
        status: dict[str, Any],
        *,
        more: bool,
    ) -> None:
        self.cursor = cursor
        self.jobs = jobs
        self.removed = removed
        self.status = status
        self.more = more

    @classmethod
    def of(cls, changes: Changes, status: Status) -> "News":
        """The news in what was read."""
        jobs = {job.id: job_document(job) for job in changes.jobs}
        kept = _newest(jobs)
        more = changes.more or len(kept) < len(jobs)
        return cls(changes.since.event, kept, dict.fromkeys(changes.removed), _status_document(status), more=more)

    @property
    def is_empty(self) -> bool:
        """Whether no job has changed."""
        return not self.jobs and not self.removed and not self.more

    def after(self, older: "News") -> "News":
        """These and older ones, in one."""
        jobs = {**older.jobs, **self.jobs}
        removed = {**older.removed, **self.removed}
        kept = _newest(jobs)
        more = self.more or older.more or len(jobs) > len(kept) or len(removed) > MOST_JOBS
        left = dict.fromkeys(list(removed)[-MOST_JOBS:])
        return News(self.cursor, kept, left, self.status, more=more)

    @cached_property
    def text(self) -> str:
        """The message, but for its last brace."""
        document = {
            "cursor": self.cursor,
            "jobs": list(self.jobs.values()),
            "more": self.more,
            "removed": list(self.removed),
            "status": self.status,
        }
        return text_of(document)[:-1]


@dataclass(frozen=True, slots=True)
class Follow:
    """The run whose output a page shows: the id of its job, and the place from which on."""

    job: str
    place: Place


class Page:
    """An open page: what it has still to be told, which is at most one message."""

    def __init__(self, feed: "Feed") -> None:
        self._feed = feed
        self._news: News | None = None
        self._output: dict[str, Any] | None = None
        self._follow: Follow | None = None
        self._missed = False
        self.woken = asyncio.Event()
        """Set when there is something to be told, or the page is to close."""
        self.closing: int | None = None
        """Why it is to close."""

    @property
    def wanted(self) -> Place | None:
        """The place from which on output is to be read for it now."""
        return self._follow.place if self._follow and self._output is None else None

    def follow(self, follow: Follow | None) -> None:
        """Tell it the output of this run from now on, or of none."""
        self._follow, self._output, self._missed = follow, None, False
        if follow is not None:
            self._feed.stir()

    def hear(self, news: News, parts: Mapping[Place, Part], *, is_new: bool) -> None:
        """Take what was read."""
        self._missed = self._missed or (self._follow is not None and self._output is not None)
        has_output = self._take_output(parts)
        if is_new or has_output:
            self._news = news if self._news is None else news.after(self._news)
            self.woken.set()

    def _take_output(self, parts: Mapping[Place, Part]) -> bool:
        follow, place = self._follow, self.wanted
        part = parts.get(place) if place else None
        if follow is None or place is None or part is None or not (part.pieces or part.ended):
            return False
        is_over = part.ended and not part.more
        self._output = output_document(follow.job, place, part)
        next_place = Place(place.seq, place.run, behind(part, place))
        self._follow = None if is_over else Follow(follow.job, next_place)
        self._missed = part.more
        return True

    def take(self) -> str | None:
        """The message to be sent now, if there is one."""
        self.woken.clear()
        news, output = self._news, self._output
        self._news = self._output = None
        if news is None:
            return None
        if self._missed:
            self._missed = False
            self._feed.stir()
        return f'{news.text},"output":{text_of(output)}}}' if output else f"{news.text}}}"

    def close(self, why: int) -> None:
        """Let it be closed."""
        self.closing = why
        self.woken.set()


class Feed:
    """Reads what has changed, for all open pages."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._pages: set[Page] = set()
        self._beginning = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._since = Since(0)
        self._status: dict[str, Any] | None = None
        self._rung = asyncio.Event()
        self._empty = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._pages)

    @contextlib.asynccontextmanager
    async def page(self, cursor: int | None) -> AsyncIterator[Page]:
        """A page that is told what has changed since an event, or from now on, until the end of the block."""
        page = Page(self)
        async with self._beginning:
            await self._begin()
            self._pages.add(page)
        try:
            await self._greet(page, cursor)
            yield page
        finally:
            self._pages.discard(page)
            if not self._pages:
                await self._end()

    def stir(self) -> None:
        """Look, although nothing may have changed."""
        self._rung.set()

    async def close(self) -> None:
        """Tell all pages the last news and close them; those that take none are left behind after a moment."""
        self._is_closed = True
        if self._pages:
            with contextlib.suppress(AqueueError):
                await self._look()
        for page in self._pages:
            page.close(GOING_AWAY)
        if self._pages:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), GOODBYE)

    async def _begin(self) -> None:
        if self._reading is None or self._reading.done():
            changes = await self._views.changes(None, 0)
            self._since, self._status = changes.since, News.of(changes, self._status_of(changes)).status
            self._reading = asyncio.create_task(self._read(), name="feed")
            self._reading.add_done_callback(self._stopped)

    async def _end(self) -> None:
        reading, self._reading = self._reading, None
        self._empty.set()
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])

    async def _greet(self, page: Page, cursor: int | None) -> None:
        changes = await self._views.changes(self._since if cursor is None else Since(cursor), MOST_JOBS)
        page.hear(News.of(changes, self._status_of(changes)), {}, is_new=True)
        if self._is_closed:
            page.close(GOING_AWAY)

    async def _read(self) -> None:
        clock = asyncio.get_running_loop().time
        self._rung.set()
        with contextlib.suppress(AqueueError), self._views.heard(self._rung.set):
            while True:
                await self._rung.wait()
                self._rung.clear()
                since = clock()
                await self._look()
                await asyncio.sleep(_rest(clock() - since))

    def _stopped(self, reading: asyncio.Task[None]) -> None:
        """Whatever it was: the pages must not seem to be live. They say so, and come back."""
        if not reading.cancelled():
            for page in self._pages:
                page.close(TRY_AGAIN)

    async def _look(self) -> None:
        wanted = list({place for page in self._pages if (place := page.wanted)})
        changes = await self._views.changes(self._since, MOST_JOBS, wanted)
        news = News.of(changes, self._status_of(changes))
        is_new = not news.is_empty or news.status != self._status
        self._since, self._status = changes.since, news.status
        for page in self._pages:
            page.hear(news, changes.printed, is_new=is_new)

    def _status_of(self, changes: Changes) -> Status:
        return self._views.status(changes.queues, changes.workers, changes.next_run_at)


def _newest(jobs: Mapping[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    """The last of these jobs, as many as one message may tell."""
    some = list(jobs.items())[-MOST_JOBS:]
    room = MOST_CHARACTERS
    for place in reversed(range(len(some))):
        room -= len(some[place][1]["command"])
        if room < 0:
            return dict(some[place + 1 :])
    return jobs if len(some) == len(jobs) else dict(some)


def _rest(took: float) -> float:
    """How long to wait after a look that took so many seconds."""
    return max(QUIET, BUSY if took > SHORT else 0.0, REST * took)


def output_document(job: str, place: Place, part: Part) -> dict[str, Any]:
    """What a run has printed from a place on."""
    return {
        "job": job,
        "run": place.run,
        "pieces": pieces_of(part),
        "next": behind(part, place),
        "ended": part.ended and not part.more,
    }


def busiest(queues: Mapping[str, QueueRow], most: int) -> Sequence[QueueRow]:
    """The queues with the most to do, in the order of their names."""
    if len(queues) <= most:
        return list(queues.values())
    ranked = sorted(queues.values(), key=lambda queue: (-queue.running, -queue.waiting, queue.name))
    return sorted(ranked[:most], key=lambda queue: queue.name)


def _status_document(status: Status) -> dict[str, Any]:
    shown = busiest(status.queues, MOST_QUEUES)
    document = status_document(replace(status, queues={queue.name: queue for queue in shown}))
    more = len(status.queues) - len(shown)
    return {**document, "more_queues": more} if more else document
