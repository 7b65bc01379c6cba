"""What `aqueue top` shows: lines made of what was seen, and of where the reader is. It reads and changes nothing."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aqueue.cli.escape import escape
from aqueue.cli.jobrows import SPARE, rows_of
from aqueue.cli.present import ago_or_in
from aqueue.cli.table import COLOURS, table_lines
from aqueue.cli.terminal import cut, showable, wants_colours, width
from aqueue.model.job import Job, State
from aqueue.queue import QueueRow, Status

SHOWN_QUEUES = 6
"""How many queues are shown: those with the most to do."""

MARK = "> "
NO_MARK = "  "

KEYS = "arrows move  Enter output  r retry  c cancel  p pause queue  / search  Tab state  q quit"
KEYS_OF_OUTPUT = "arrows scroll  End follow  r retry  c cancel  Esc back  q quit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of the queue at one moment. `title` is where it is."""

    title: str
    status: Status
    oldest: Mapping[str, float]
    jobs: Sequence[Job]


@dataclass(slots=True)
class Pointer:
    """Where the reader is: the job that is chosen, and which jobs are looked at."""

    job: str | None = None
    first: int = 0
    state: State | None = None
    search: str = ""
    typing: str | None = None
    """The search as far as it is typed; None while none is."""
    question: str | None = None
    """What is to be answered by y or n."""
    message: str = ""

    def chosen(self, jobs: Sequence[Job]) -> Job | None:
        """The job that is chosen, if it is among these."""
        return next((job for job in jobs if job.id == self.job), None)

    def move(self, jobs: Sequence[Job], by: int) -> None:
        """Choose the job so many rows further down, or up; without a chosen one, the first."""
        places = [job.id for job in jobs]
        if not places:
            self.job = None
            return
        place = places.index(self.job) + by if self.job in places else 0
        self.job = places[min(max(place, 0), len(places) - 1)]


@dataclass(slots=True)
class Reading:
    """What a run has printed, as far as it was read: its last lines, and which of them is the lowest that is shown."""

    job: Job
    lines: Sequence[str] = field(default_factory=list)
    above: int = 0
    """How many lines are below the lowest one that is shown; 0 follows the end."""

    def scroll(self, by: int, page: int) -> None:
        """Go so many lines towards the end, or the beginning."""
        self.above = min(max(0, self.above - by), max(0, len(self.lines) - page))


def overview(seen: Seen, rate: float, pointer: Pointer, rows: int, columns: int) -> list[str]:
    """The overview with the jobs below, in so many rows and columns. `rate` is how many jobs finish a second."""
    now = time.time()
    head = [*_headings(seen, rate, now, columns), "", *_queues(seen, now, columns), ""]
    title = _title(pointer)
    head += [cut(showable(title), columns)] * bool(title)
    lines = [*head, *_jobs(seen.jobs, pointer, now, rows - len(head) - 2, columns)]
    return [*lines, *[""] * (rows - len(lines) - 1), _foot(pointer, KEYS, columns)]


def output(reading: Reading, pointer: Pointer, rows: int, columns: int) -> list[str]:
    """What a job prints."""
    job = reading.job
    state = _coloured(job.state.value)
    head = [
        cut(showable(f"Job {job.id}, run {job.run}: {escape(job.command)}"), columns),
        f"{state}{_error(job, columns)}",
        "",
    ]
    room = page_of_output(rows)
    end = len(reading.lines) - reading.above
    shown = [cut(line, columns) for line in reading.lines[max(0, end - room) : end]]
    below = [f"... and {reading.above} more lines below"] if reading.above else []
    lines = [*head, *(shown or ["Nothing was printed."])]
    return [*lines, *[""] * (rows - len(lines) - len(below) - 1), *below, _foot(pointer, KEYS_OF_OUTPUT, columns)]


def page_of_output(rows: int) -> int:
    """How many lines of output have room in so many rows."""
    return max(1, rows - 5)


def _headings(seen: Seen, rate: float, now: float, columns: int) -> Iterator[str]:
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    title = cut(showable(f"aqueue  {escape(seen.title)}"), columns - len(clock) - 2)
    yield f"{title}{' ' * (columns - width(title) - len(clock))}{clock}"
    yield _wrapped([f"{_coloured(state.value)} {seen.status.counts[state]}" for state in State], columns)
    workers = seen.status.workers
    slots, busy = sum(one.concurrency for one in workers), sum(one.running for one in workers)
    words = (
        "No worker is running."
        if not workers
        else f"{_count(len(workers), 'worker')}, {busy} of {_count(slots, 'slot')} busy"
    )
    due = seen.status.next_run_at
    facts = [
        words,
        f"{rate:.1f} finished a second",
        *([f"next job {ago_or_in(due, now)}"] if due and due > now else []),
    ]
    yield cut(", ".join(facts) if workers else "  ".join(facts), columns)


def _wrapped(words: Sequence[str], columns: int) -> str:
    """The counts in one line; on a narrow terminal without those of what there is none."""
    line = "  ".join(words)
    return line if _plain_width(line) <= columns else "  ".join(word for word in words if not word.endswith(" 0"))


def _plain_width(line: str) -> int:
    return sum(len(part.partition("m")[2]) if number else len(part) for number, part in enumerate(line.split("\x1b[")))


def _queues(seen: Seen, now: float, columns: int) -> Sequence[str]:
    queues = sorted(seen.status.queues.values(), key=lambda one: (-one.running, -one.waiting, one.name))
    rows = [_queue_row(one, seen.oldest.get(one.name), now) for one in queues[:SHOWN_QUEUES]]
    more = [f"... and {len(queues) - SHOWN_QUEUES} more queues"] if len(queues) > SHOWN_QUEUES else []
    return [*table_lines(rows, columns, spare=("RATE", "LIMIT", "OLDEST")), *more]


def _queue_row(one: QueueRow, oldest: float | None, now: float) -> Mapping[str, str]:
    return {
        "QUEUE": escape(one.name),
        "WAITING": str(one.waiting),
        "RUNNING": str(one.running),
        "LATER": str(one.later or ""),
        "OLDEST": "" if oldest is None else ago_or_in(oldest, now).removesuffix(" ago"),
        "LIMIT": "" if one.limit is None else str(one.limit),
        "RATE": "" if one.rate is None else str(one.rate),
        "PAUSED": "paused" if one.paused else "",
    }


def _jobs(jobs: Sequence[Job], pointer: Pointer, now: float, room: int, columns: int) -> list[str]:
    if not jobs:
        return ["No job is here."]
    room = max(1, room)
    place = next((number for number, job in enumerate(jobs) if job.id == pointer.job), 0)
    pointer.first = min(max(pointer.first, place - room + 1), place, max(0, len(jobs) - room))
    shown = jobs[pointer.first : pointer.first + room]
    heading, *lines = table_lines(rows_of(shown, now, verbose=False), columns - len(MARK), spare=(*SPARE, "ERROR"))
    marked = [_marked(line, is_chosen=job.id == pointer.job) for job, line in zip(shown, lines, strict=False)]
    return [f"{NO_MARK}{heading}", *marked]


def _title(pointer: Pointer) -> str:
    """Which jobs are looked at; nothing where it is all of them."""
    if pointer.state is None and not pointer.search:
        return ""
    searched = f" with “{escape(pointer.search)}” in them" if pointer.search else ""
    return f"Jobs{f' that are {pointer.state}' if pointer.state else ''}{searched}"


def _marked(line: str, *, is_chosen: bool) -> str:
    if not is_chosen:
        return f"{NO_MARK}{line}"
    return f"\x1b[7m{MARK}{line.replace(chr(27) + '[m', chr(27) + '[m' + chr(27) + '[7m')}\x1b[m"


def _foot(pointer: Pointer, keys: str, columns: int) -> str:
    if pointer.typing is not None:
        return cut(f"Search: {escape(pointer.typing)}_", columns)
    if pointer.question is not None:
        return cut(f"{pointer.question} y/n", columns)
    return cut(showable(pointer.message) or keys, columns)


def _error(job: Job, columns: int) -> str:
    return cut(showable(f": {escape(job.error)}"), columns - len(job.state)) if job.error else ""


def _coloured(state: str) -> str:
    return f"\x1b[{COLOURS[state]}m{state}\x1b[m" if wants_colours() else state


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
