"""The verb that reads what has changed since an event: for those who show a queue while it lives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aqueue.model.job import Job
from aqueue.store import history, printed, queues, reading, roster
from aqueue.store.printed import Part, Place
from aqueue.store.queues import QueueRow
from aqueue.store.roster import WorkerRow
from aqueue.store.statement import Statement, Verb

EVENTS_AT_ONCE = 1000
"""How many of the newest events are looked at; of those before them, it is only told that there were some."""

RUNNING_AT_ONCE = 500
"""How many of the running jobs are looked at for what they report of themselves."""


@dataclass(frozen=True, slots=True)
class Since:
    """From where on changes are wanted: behind an event, and behind what had none; and how they reported then."""

    event: int
    eventless: int = 0
    progress: Mapping[int, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has changed, and how the queue stands. `more`: more jobs changed, or were removed, than are told."""

    since: Since
    """For the next time."""
    jobs: Sequence[Job]
    removed: Sequence[str]
    more: bool
    queues: Mapping[str, QueueRow]
    next_run_at: float | None
    workers: Sequence[WorkerRow]
    printed: Mapping[Place, Part]


def changes(after: Since | None, most: int, wanted: Sequence[Place] = ()) -> Verb[Changes]:
    """What has changed since then, at most so many jobs; from now on if nothing is said. And what runs have printed."""
    since = after or Since((yield from history.newest_event()), (yield from _newest_eventless()))
    rows = yield Statement("changed_since", {"after": since.event, "limit": EVENTS_AT_ONCE + 1})
    others = yield Statement("eventless_since", {"after": since.event, "after_n": since.eventless, "limit": most + 1})
    reports = yield from _reports()
    newest = list(dict.fromkeys(row["job"] for row in rows[:EVENTS_AT_ONCE]))
    reporting = [seq for seq, text in reports.items() if since.progress is not None and since.progress.get(seq) != text]
    edited = [row["seq"] for row in others if not row["gone"]]
    jobs = yield from reading.by_seq(list(dict.fromkeys([*newest[:most], *edited[:most], *reporting[:most]])))
    return Changes(
        since=Since(
            max(since.event, rows[0]["event"] if rows else 0),
            max(since.eventless, others[0]["n"] if others else 0),
            reports,
        ),
        jobs=jobs,
        removed=[row["job"] for row in others[:most] if row["gone"]],
        more=len(rows) > EVENTS_AT_ONCE or len(newest) > most or len(others) > most,
        queues=(yield from queues.queues()),
        next_run_at=(yield from reading.next_run_at()),
        workers=(yield from roster.workers()),
        printed=(yield from _printed(wanted)),
    )


def _newest_eventless() -> Verb[int]:
    rows = yield Statement("eventless_since", {"after": 0, "after_n": 0, "limit": 1})
    return rows[0]["n"] if rows else 0


def _reports() -> Verb[Mapping[int, str]]:
    rows = yield Statement("progress", {"limit": RUNNING_AT_ONCE})
    return {row["seq"]: row["progress"] for row in rows}


def _printed(wanted: Sequence[Place]) -> Verb[Mapping[Place, Part]]:
    parts = {}
    for place in wanted:
        parts[place] = yield from printed.part(place)
    return parts
