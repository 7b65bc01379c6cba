"""What a word on the command line can be completed to: names from the live queue, at most some hundred of the newest.

A look into the queue makes no file and tells no error: where there is none, nothing is found.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from asyncclick.shell_completion import CompletionItem

from aqueue.cli.escape import escape
from aqueue.model import lifecycle
from aqueue.model.errors import Refused
from aqueue.model.job import FINISHED, Job, State
from aqueue.model.schedule import Missed
from aqueue.model.selection import Filter
from aqueue.model.settings import KEYS
from aqueue.store import queues, reading, roster, schedules
from aqueue.store.peek import peek
from aqueue.store.place import POSTGRESQL, Place, default_database
from aqueue.store.presence import Lobby
from aqueue.store.statement import Verb

MOST = 300
"""How many names are offered: more nobody reads."""

EACH = 100
"""How many jobs of each state are looked at, so that of a rare one the newest are found behind many others."""

LONGEST_HELP = 60
"""Characters."""

Item = CompletionItem[str]
Source = Callable[[str | None, str], Iterable[Item]]
"""What a word that begins like this can be in the queue at this path; None is that of the environment."""

_MAY: Mapping[str, Callable[[Job], object]] = {
    "cancel": lambda job: lifecycle.cancel(job, 0.0),
    "retry": lambda job: lifecycle.retry(job, 0.0),
    "hold": lifecycle.hold,
    "release": lambda job: lifecycle.release(job, 0.0),
    "remove": lifecycle.check_removable,
    "edit": lifecycle.check_editable,
}
"""What a command asks of a job before it does something to it; the others take every job."""


def jobs_for(command: str) -> Source:
    """The jobs to which this command can do something, newest first."""
    return lambda db, beginning: _items(job for job in _jobs(db, beginning) if _takes(command, job))


def dead_jobs(db: str | None, beginning: str) -> Iterable[Item]:
    """The jobs in the dead letter queue, newest first."""
    return _items(job for job in _jobs(db, beginning) if job.state is State.DEAD)


def unfinished_jobs(db: str | None, beginning: str) -> Iterable[Item]:
    """The jobs that can be waited for, newest first."""
    return _items(job for job in _jobs(db, beginning) if job.state not in FINISHED)


def tags(db: str | None, _: str) -> Iterable[Item]:
    """The tags of the newest jobs."""
    return map(_item, dict.fromkeys(chain.from_iterable(job.tags for job in _jobs(db, ""))))


def queue_names(db: str | None, _: str) -> Iterable[Item]:
    """The queues that have jobs, or of which something was said."""
    found = peek(_database(db), queues.queues) or {}
    return [_item(name, "paused" if queue.paused else "") for name, queue in found.items()]


def workers(db: str | None, _: str) -> Iterable[Item]:
    """The workers that live."""
    database = _database(db)
    found = peek(database, roster.workers) or ()
    # On a server those whose lease has passed go soon; and who stops one that is dead is told so.
    is_alive = Lobby(Place(str(database), shared=False)).is_alive if isinstance(database, Path) else lambda _: True
    return [_item(one.id, f"{one.host}, pid {one.pid}") for one in found if is_alive(one.id)]


def schedule_names(db: str | None, _: str) -> Iterable[Item]:
    """The schedules."""
    found = peek(_database(db), schedules.lines) or {}
    return [_item(name, line) for name, line in sorted(found.items())]


def zones(_: str | None, __: str) -> Iterable[Item]:
    """The time zones that are known here."""
    import zoneinfo

    return map(_item, sorted(zoneinfo.available_timezones()))


def what_of_missed(_: str | None, __: str) -> Iterable[Item]:
    """What can become of the ticks that no worker was there for."""
    return map(_item, Missed)


def states(_: str | None, __: str) -> Iterable[Item]:
    """The states of jobs."""
    return map(_item, State)


def settings(_: str | None, __: str) -> Iterable[Item]:
    """The keys of the settings."""
    return [_item(key, of.meaning) for key, of in KEYS.items()]


def _jobs(db: str | None, beginning: str) -> Sequence[Job]:
    found = peek(_database(db), lambda: _newest(beginning)) or ()
    return sorted({job.seq: job for job in found}.values(), key=lambda job: -job.seq)


def _newest(beginning: str) -> Verb[Sequence[Job]]:
    # Completed ones have no index by their state: they are many, and some are among the newest of all.
    found = [*(yield from reading.select(Filter(), MOST))]
    for state in State:
        if state is not State.COMPLETED:
            found += yield from reading.select(Filter(state=state), EACH)
    if beginning:
        found += yield from reading.named_like(beginning, MOST)
    return found


def _takes(command: str, job: Job) -> bool:
    try:
        _MAY.get(command, _anything)(job)
    except Refused:
        return False
    return True


def _anything(_: Job) -> None:
    """Every job will do."""


def _items(jobs: Iterable[Job]) -> Iterable[Item]:
    return (_item(job.id, f"{job.state}: {job.command}") for job in jobs)


def _item(value: str, help_: str = "") -> Item:
    line = escape(help_)
    return CompletionItem(value, help=line if len(line) <= LONGEST_HELP else f"{line[: LONGEST_HELP - 3]}...")


def _database(db: str | None) -> Path | str:
    where = default_database(os.environ) if db is None else db
    return where if where.startswith(POSTGRESQL) else Path(where).absolute()
