"""The verbs about schedules. What a tick comes to, the model decides; here it is written, all of it or nothing.

The look at what is due, the jobs that are made of it and how the schedule stands then are one transaction, and the
write is guarded by how the schedule stood: exactly one job a tick, however many workers look.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aqueue.model import schedule as model
from aqueue.model.errors import InvalidInput, NoSuchSchedule, WrongState
from aqueue.model.newjob import NewJob
from aqueue.model.schedule import Missed, NewSchedule, Schedule, Standing
from aqueue.model.settings import Settings
from aqueue.store import sql
from aqueue.store.reading import to_job
from aqueue.store.statement import Rows, Statement, Verb

AT_ONCE = 200
"""How many jobs one transaction makes, so that thousands of schedules due at one moment do not hold the write lock."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A schedule that cannot be read here: for want of time zone data, or because somebody else wrote it."""

    name: str
    created_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class NextTick:
    """When the next tick of any schedule is, and whether jobs are owed that can be made now."""

    at: float | None
    owes: bool


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a look at the schedules came to."""

    next: NextTick
    unread: Sequence[Unread]


def schedules() -> Verb[Sequence[Schedule]]:
    """All schedules by name, each with its last job."""
    return (yield from _with_jobs((yield Statement("schedules", where=("where_any",)))))


def coming(limit: int) -> Verb[Sequence[Schedule]]:
    """The schedules whose next ticks come first, in that order."""
    found = yield from _with_jobs((yield Statement("schedules", {"limit": limit}, ("where_next",))))
    return sorted(found, key=lambda schedule: schedule.standing.next_at or 0.0)


def lines() -> Verb[Mapping[str, str]]:
    """The lines of all schedules by their names, also of those that cannot be read here."""
    return {row["name"]: row["schedule"] for row in (yield Statement("schedules", where=("where_any",)))}


def find(name: str) -> Verb[Schedule]:
    """The schedule of this name. Raises NoSuchSchedule."""
    found = yield from _with_jobs((yield Statement("schedules", {"name": name}, ("where_named",))))
    if not found:
        raise NoSuchSchedule(name)
    return found[0]


def add(new: NewSchedule, now: float) -> Verb[tuple[Schedule, bool]]:
    """Add a schedule, or replace the one of this name; also says whether there was one.

    Its ticks begin now. One that was paused stays so.
    """
    known = yield Statement("schedules", {"name": new.name}, ("where_named",))
    paused, last_at = (known[0]["paused"], known[0]["last_at"]) if known else (False, None)
    standing = Standing(None) if paused else model.standing_from(new.cron, now, last_at)
    values = {
        "name": new.name,
        "schedule": new.cron.text,
        "timezone": new.cron.timezone,
        "missed": new.missed,
        "overlap": new.overlap,
        "job": json.dumps(new.job, default=dict),
        "now": now,
        "next_at": standing.next_at,
    }
    yield Statement("put_schedule", values)
    return (yield from find(new.name)), bool(known)


def remove(name: str) -> Verb[Schedule]:
    """Forget a schedule; its jobs stay. Raises NoSuchSchedule."""
    schedule = yield from find(name)
    yield Statement("remove_schedule", {"name": name})
    return schedule


def pause(name: str) -> Verb[Schedule]:
    """Let a schedule make no jobs. Raises NoSuchSchedule."""
    yield from find(name)
    yield Statement("pause_schedule", {"name": name, "paused": True, "next_at": None})
    return (yield from find(name))


def resume(name: str, now: float) -> Verb[Schedule]:
    """Let a paused schedule make jobs again, from now on. Raises NoSuchSchedule."""
    schedule = yield from find(name)
    if schedule.paused:  # what goes on already is not to lose the tick that is due at this moment
        standing = model.standing_from(schedule.cron, now, schedule.last_at)
        yield Statement("pause_schedule", {"name": name, "paused": False, "next_at": standing.next_at})
    return (yield from find(name))


def trigger(name: str, settings: Settings, now: float) -> Verb[str]:
    """Make a job of a schedule now; returns its id. Raises NoSuchSchedule, and WrongState while one is unfinished."""
    schedule = yield from find(name)
    job = schedule.unfinished
    if job is not None and not schedule.overlap:
        raise WrongState(f"job {job.id} of schedule {name} is {job.state}, and {name} runs one at a time")
    made = yield from sql.enqueue([_job(schedule, now, now)], settings, now)
    if made.existing:
        raise WrongState(f"job {made.ids[0]}, which is not finished, has the unique key of schedule {name}")
    return made.ids[0]


def next_tick(unread: Collection[Unread] = ()) -> Verb[NextTick]:
    """When to look at the schedules."""
    (row,) = yield Statement("next_tick", {"unread": _passed_over(unread)})
    return NextTick(row["next_at"], bool(row["owes"]))


def tick(settings: Settings, *, since: float, now: float, unread: Collection[Unread] = ()) -> Verb[Ticked]:
    """Make the jobs of all that is due and owed, or the first of them where they are many.

    ``since`` is the moment from which on a worker was there; what is `unread` is passed over.
    """
    known = list(unread)
    for statement in ("schedules_due", "schedules_owing"):
        values = {"now": now, "unread": _passed_over(known), "limit": AT_ONCE}
        rows = yield Statement(statement, values)
        if rows:
            known += yield from _look(rows, settings, since, now)
    return Ticked((yield from next_tick(known)), known)


def _look(rows: Rows, settings: Settings, since: float, now: float) -> Verb[Sequence[Unread]]:
    jobs: dict[str, list[NewJob]] = {}
    standings: list[dict[str, Any]] = []
    unread: list[Unread] = []
    room = AT_ONCE
    for row in rows:
        if room == 0:
            break
        try:
            schedule = _to_schedule(row)
            due = model.due(schedule, now=now, since=since, busy=bool(row["busy"]), room=room)
            jobs[schedule.name] = [_job(schedule, at, now) for at in due.ticks]
        except InvalidInput as error:
            unread.append(Unread(row["name"], row["created_at"], str(error)))
            continue
        room -= len(due.ticks)
        standings.append(_standing_row(row, due))
    advanced = yield Statement("advance_schedules", {"standings": json.dumps(standings)})
    accepted = {row["name"] for row in advanced}
    made = [job for name, of_one in jobs.items() if name in accepted for job in of_one]
    if made:
        yield from sql.enqueue(made, settings, now)
    return unread


def _standing_row(row: Mapping[str, Any], due: model.Due) -> dict[str, Any]:
    return {
        "name": row["name"],
        "was_next_at": row["next_at"],
        "was_owed": row["owed"],
        "next_at": due.standing.next_at,
        "owed": json.dumps(due.standing.owed),
        "last_at": max(due.ticks, default=None),
    }


def _job(schedule: Schedule, run_at: float, now: float) -> NewJob:
    return replace(schedule.new_job(run_at, now), cron=schedule.name)


def _passed_over(unread: Collection[Unread]) -> str:
    return json.dumps([(one.name, one.created_at) for one in unread])


def _with_jobs(rows: Rows) -> Verb[Sequence[Schedule]]:
    seqs = [row[key] for row in rows for key in ("last_seq", "unfinished_seq") if row[key] is not None]
    found = (yield Statement("jobs_by_seq", {"seqs": json.dumps(seqs)})) if seqs else ()
    jobs = {row["seq"]: to_job(row) for row in found}
    return [
        replace(_to_schedule(row), last=jobs.get(row["last_seq"]), unfinished=jobs.get(row["unfinished_seq"]))
        for row in rows
    ]


def _to_schedule(row: Mapping[str, Any]) -> Schedule:
    """The one place where a row becomes a schedule."""
    return Schedule(
        name=row["name"],
        schedule=row["schedule"],
        timezone=row["timezone"],
        missed=Missed(row["missed"]),
        overlap=bool(row["overlap"]),
        paused=bool(row["paused"]),
        job=json.loads(row["job"]),
        created_at=row["created_at"],
        standing=Standing(row["next_at"], tuple((start, end) for start, end in json.loads(row["owed"]))),
        last_at=row["last_at"],
    )
