"""What a worker tells a program: for each event a JSON object in a line. The names are a contract, see the README."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from aqueue.cli.narration import LineTaker, OfTheWorker, became, words
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
from aqueue.model.ending import exit_code_of, signal_of
from aqueue.model.job import Job, State
from aqueue.model.text import format_time

LONGEST_COMMAND = 1000
"""How many characters of a command are told."""

_LEVELS = {State.FAILED: "warning", State.DEAD: "error"}
"""Of the end of a run; all others are "info"."""


_Record: TypeAlias = tuple[str, str, dict[str, Any]]
"""Of an event its name, its level and its facts."""


class Recorder:
    """Listens to a worker and tells what happens, an object a line."""

    def __init__(self, lines: LineTaker, *, database: str, address: str | None = None) -> None:
        self._lines = lines
        self._where = {"database": database, "address": address}
        self._worker: str | None = None
        self._counts: Counter[str] = Counter()
        self.end_at_once = ""
        """Nothing is told of that to a program."""

    def hear(self, event: Event) -> None:
        """Tell an event."""
        match event:
            case Began(worker):
                self._worker = worker
            case Settled():
                self._counts[_name_of(event)] += 1
        name, level, facts = _record(event)
        if isinstance(event, Began):
            facts = {**facts, **self._where}
        self._lines.add(self._text(level, name, {**facts, "message": words(event).text}))

    def warn(self, text: str) -> None:
        """Tell something that is none of the engine's events."""
        self._lines.add(self._text("warning", "warning", {"message": text}))

    def say_goodbye(self, worker: str) -> None:
        """Tell that the worker stops, and what its runs came to."""
        self._worker, message = worker, f"worker {worker} stopped"
        self._lines.add(self._text("info", "worker_stopped", {"runs": dict(self._counts), "message": message}))

    def left_out(self, count: int) -> str:
        """The line that says how many were left out."""
        message = f"{count} lines are left out here: nobody read them in time"
        return self._text("warning", "lines_left_out", {"lines": count, "message": message})

    def output(self, source: Source, lines: Sequence[str]) -> str:
        """What a job has printed: an object for each of these lines."""
        facts = {**_names(source.job), "stream": source.stream.name.lower(), "goes_on": source.goes_on}
        head = self._text("info", "output", facts).removesuffix("}")
        return "\n".join(f'{head}, "line": {json.dumps(line)}}}' for line in lines)

    def _text(self, level: str, event: str, facts: Mapping[str, Any]) -> str:
        moment = format_time(time.time())
        return json.dumps({"time": moment, "level": level, "event": event, "worker": self._worker, **facts})


def _record(event: Event) -> _Record:
    match event:
        case Started(job, slot):
            return "started", "info", {**_names(job), "slot": slot, "command": job.command[:LONGEST_COMMAND]}
        case Settled():
            return _name_of(event), _LEVELS.get(event.transition.state, "info"), _end(event)
        case Disowned(job):
            return "disowned", "warning", _names(job)
        case _:
            return _of_the_worker(event)


def _of_the_worker(event: OfTheWorker) -> _Record:
    match event:
        case Began(_, concurrency):
            return "worker_started", "info", {"slots": concurrency}
        case Draining(running):
            return "draining", "info", {"running": running}
        case Interrupting(running):
            return "interrupting", "warning", {"running": running}
        case Rescuing(worker, jobs):
            return "rescuing", "warning", {"of": worker, "jobs": jobs}
        case CommandEnded(command, exit_code):
            return "command_ended", "warning", {"command": command[:LONGEST_COMMAND], "exit_code": exit_code}
        case Trouble(text):
            return "trouble", "error", {"what": text}
        case TroubleOver(text):
            return "trouble_over", "info", {"what": text}
        case _:  # pragma: no cover - the type checker proves it
            assert_never(event)


def _name_of(event: Settled) -> str:
    return became(event).replace(" ", "_")


def _end(event: Settled) -> dict[str, Any]:
    to = event.transition
    return {
        **_names(event.job),
        "slot": event.slot,
        "state": to.state.value,
        "ending": event.ending.kind,
        "exit_code": exit_code_of(event.ending),
        "signal": signal_of(event.ending),
        "error": to.error,
        "duration": round(event.seconds, 6),
        "retry_at": format_time(to.run_at) if to.state is State.FAILED and to.run_at is not None else None,
    }


def _names(job: Job) -> dict[str, Any]:
    return {"job": job.id, "run": job.run, "attempt": job.attempts, "queue": job.queue}
