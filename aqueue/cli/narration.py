"""What a worker tells a person: for each event one line, in words, with the local time before it."""

import time
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from typing import Protocol, TypeAlias, assert_never

from aqueue.cli.escape import escape
from aqueue.cli.passing import Source
from aqueue.engine.events import (
    Began,
    CommandEnded,
    Disowned,
    Draining,
    Event,
    Interrupting,
    Rescuing,
    Settled,
    Started,
    Trouble,
    TroubleOver,
)
from aqueue.model.ending import Exited, Interrupted, NotStarted
from aqueue.model.job import Job, State
from aqueue.model.record import record
from aqueue.model.text import format_duration
from aqueue.store.printed import Stream

LONGEST_COMMAND = 80
"""How many characters of a command are told."""

OfTheWorker: TypeAlias = Began | Draining | Interrupting | Rescuing | CommandEnded | Trouble | TroubleOver


class Tone(Enum):
    """How a line is meant, as the colour that a terminal shows it in (ECMA-48, "SGR")."""

    PLAIN = ""
    QUIET = "\x1b[2m"
    GOOD = "\x1b[32m"
    WARNING = "\x1b[33m"
    BAD = "\x1b[31m"


_END_OF_TONE = "\x1b[0m"


class LineTaker(Protocol):
    """Where lines go."""

    def add(self, line: str) -> None:
        """Take a line."""


@record
class Told:
    """A sentence and how it is meant."""

    text: str
    tone: Tone = Tone.PLAIN

    def shown(self, *, colours: bool) -> str:
        """The text, in its colour where colours are wanted."""
        return f"{self.tone.value}{self.text}{_END_OF_TONE}" if colours and self.tone.value else self.text


class Narrator:
    """Listens to a worker and tells what happens, a line each."""

    def __init__(
        self,
        lines: LineTaker,
        *,
        database: str,
        colours: bool,
        end_at_once: str,
        grace: float | None = None,
        address: str | None = None,
    ) -> None:
        self._lines = lines
        self._where = database if address is None else f"{database}, {address}"
        self._colours = colours
        self._grace = grace
        self._counts: Counter[str] = Counter()
        self._second = 0
        self._moment = ""
        self.end_at_once = end_at_once
        """What to do to end the jobs that a drain waits for; told when it begins."""

    def hear(self, event: Event) -> None:
        """Tell an event."""
        if isinstance(event, Settled):
            self._counts[became(event)] += 1
        if told := self._told(event):
            self.tell(told)

    def tell(self, told: Told) -> None:
        """Tell a sentence."""
        if (second := int(time.time())) != self._second:
            self._second = second
            self._moment = Told(time.strftime("%H:%M:%S", time.localtime(second)), Tone.QUIET).shown(
                colours=self._colours
            )
        self._lines.add(f"{self._moment} {told.shown(colours=self._colours)}")

    def warn(self, text: str) -> None:
        """Tell something that is none of the engine's events."""
        self.tell(Told(text, Tone.WARNING))

    def say_goodbye(self, worker: str) -> None:
        """Tell that the worker stops, and what its runs came to."""
        came_to = ", ".join(f"{count} {became}" for became, count in self._counts.items())
        self.tell(Told(f"worker {worker} stopped: {came_to or 'it has run nothing'}"))

    def output(self, source: Source, lines: Sequence[str]) -> str:
        """What a job has printed, behind its id; what it printed to stderr says so."""
        is_error = source.stream is Stream.STDERR
        name = Told(f"[{source.job.id}{' stderr' if is_error else ''}]", Tone.WARNING if is_error else Tone.QUIET)
        before, behind = f"{name.shown(colours=self._colours)} ", "…" if source.goes_on else ""
        shown = lines if " ".join(lines).isprintable() else map(_shown, lines)  # mostly they are
        return "\n".join(f"{before}{line}{behind}" for line in shown)

    def _told(self, event: Event) -> Told | None:
        match event:
            case Started() | Settled():
                return words(event)
            case Began():
                return Told(f"{words(event).text}, {escape(self._where)}")
            case Draining(0):
                return None
            case Draining(running):
                return Told(f"{words(event).text}; {self._ways_to_end(_them(running))}", Tone.WARNING)
            case _:
                return words(event)

    def _ways_to_end(self, them: str) -> str:
        at_once = f"{self.end_at_once} ends {them} and puts {them} back"
        return at_once if self._grace is None else f"{at_once}, as will happen in {seconds(self._grace)}"


def _shown(line: str) -> str:
    """A line of a job, made safe; a tab does no harm, and a return before its end is but the habit of some programs."""
    return "\t".join(map(escape, line.removesuffix("\r").split("\t")))


def words(event: Event) -> Told:
    """An event in words."""
    match event:
        case Started(job):
            return Told(f"{name_of(job)} started{_which_attempt(job)}: {shortened(job.command)}")
        case Settled():
            return _settled(event)
        case Disowned(job):
            return Told(f"{name_of(job)} has ended, but is no longer this worker's: nothing is changed", Tone.WARNING)
        case _:
            return _of_the_worker(event)


def _waiting_for(running: int) -> str:
    return f": waiting for {counted(running, 'job')} to end" if running else ""


def _of_the_worker(event: OfTheWorker) -> Told:
    match event:
        case Began(worker, concurrency):
            return Told(f"worker {worker} started: {counted(concurrency, 'slot')}")
        case Draining(running):
            return Told(f"Draining{_waiting_for(running)}", Tone.WARNING)
        case Interrupting(running):
            return Told(f"Ending {counted(running, 'job')} to put {_them(running)} back", Tone.WARNING)
        case Rescuing(worker, jobs):
            return Told(f"worker {worker} has died: taking {counted(jobs, 'job')} back from it", Tone.WARNING)
        case CommandEnded(command, exit_code):
            return Told(f"{shortened(command)} has ended: exit code {exit_code}", Tone.WARNING)
        case Trouble(text):
            return Told(f"trouble: {escape(text)}", Tone.BAD)
        case TroubleOver(text):
            return Told(f"over: {escape(text)}", Tone.GOOD)
        case _:  # pragma: no cover - the type checker proves it
            assert_never(event)


def _settled(event: Settled) -> Told:
    job, transition = event.job, event.transition
    name = name_of(job)
    match transition.state:
        case State.COMPLETED:
            return Told(f"{name} completed in {seconds(event.seconds)}", Tone.GOOD)
        case State.FAILED:
            wait = seconds(max(0.0, (transition.run_at or event.at) - event.at))
            return Told(f"{name} {_failed(event)} in {wait}", Tone.WARNING)
        case State.DEAD:
            return Told(
                f"{name} is dead after {counted(job.attempts, 'attempt')}: {_error(event)}{_why_dead(event)}", Tone.BAD
            )
        case State.CANCELLED:
            return Told(f"{name} cancelled", Tone.WARNING)
        case _:
            return Told(f"{name} interrupted and put back, uncounted", Tone.WARNING)


def _failed(event: Settled) -> str:
    if _is_put_off(event):
        return f"put off: {_error(event)}; again, uncounted,"
    return f"failed: {_error(event)}; retry {event.job.attempts} of {event.job.max_retries}"


def _error(event: Settled) -> str:
    return escape(event.transition.error or str(event.ending))


def _why_dead(event: Settled) -> str:
    match event.ending:
        case Exited(code) if code in event.job.no_retry_on:
            return " (not to be retried)"
        case NotStarted(for_good=True):
            return " (not to be retried)"
    return ""


def became(event: Settled) -> str:
    """What became of a job whose run has ended, in one or two words."""
    if isinstance(event.ending, Interrupted):
        return "put back"
    return "put off" if _is_put_off(event) else event.transition.state


def _is_put_off(event: Settled) -> bool:
    """Whether it is tried again, uncounted."""
    return event.transition.state is State.FAILED and event.transition.attempts < event.job.attempts


def _which_attempt(job: Job) -> str:
    return f", attempt {job.attempts} of {job.max_retries + 1}" if job.attempts > 1 else ""


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def name_of(job: Job) -> str:
    """How a job is called in a sentence: `job1` by its own name, `job 1` by its number."""
    return f"job {job.id}" if job.id.isdigit() else job.id


def shortened(command: str) -> str:
    """A command in one line of bearable length."""
    line = escape(command.strip())
    return line if len(line) <= LONGEST_COMMAND else line[: LONGEST_COMMAND - 1] + "…"


def counted(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def seconds(duration: float) -> str:
    """A duration, in seconds, as exactly as a person wants it: `0.012 s`, `2 s`, `3.4 s`, `1h30m`."""
    if duration >= 60:
        return format_duration(round(duration))
    digits = 3 if duration < 0.1 else 2 if duration < 10 else 1
    return f"{duration:.{digits}f}".rstrip("0").rstrip(".") + " s"
