"""The verbs that look at jobs and change nothing."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from aqueue.model.errors import NoSuchJob
from aqueue.model.job import FINISHED, Job, Run, Sketch, State
from aqueue.model.line import Served
from aqueue.model.selection import Filter
from aqueue.store.statement import Statement, Verb


def find(ids: Sequence[str]) -> Verb[Sequence[Job]]:
    """The jobs with these ids, in the same order. Raises NoSuchJob that names the first unknown one."""
    found = yield from look_up(ids)
    for one in ids:
        if one not in found:
            raise NoSuchJob(one)
    return [found[one] for one in ids]


def look_up(ids: Sequence[str]) -> Verb[Mapping[str, Job]]:
    """The jobs that have one of these ids, by it."""
    seqs = [seq for one in ids if (seq := _seq_in(one)) is not None]
    custom = [one for one in ids if not one.isdigit()]
    found: dict[str, Job] = {}
    if seqs:
        rows = yield Statement("jobs_by_seq", {"seqs": json.dumps(seqs)})
        found |= {job.id: job for job in map(to_job, rows)}
    if custom:
        rows = yield Statement("jobs_by_custom_id", {"ids": json.dumps(custom)})
        found |= {job.id: job for job in map(to_job, rows)}
    return found


def _seq_in(job_id: str) -> int | None:
    """The number in an id that aqueue gave: `7`, but not `007`."""
    if job_id.isascii() and job_id.isdigit() and len(job_id) <= 18 and str(int(job_id)) == job_id:
        return int(job_id)
    return None


def select(wanted: Filter, limit: int | None) -> Verb[Sequence[Job]]:
    """The newest jobs that match, newest first."""
    given, where = conditions(wanted)
    rows = yield Statement("list", {**given, "limit": -1 if limit is None else limit}, where)
    return [to_job(row) for row in rows]


def seqs_of(filters: Sequence[Filter]) -> Verb[Sequence[int]]:
    """The numbers of the jobs that match one of these filters, which exclude each other; the oldest first."""
    seqs: list[int] = []
    for wanted in filters:
        (row,) = yield Statement("seqs", *conditions(wanted))
        seqs += json.loads(row["seqs"])
    return sorted(seqs)


def sketches(seqs: Sequence[int]) -> Verb[Sequence[Sketch]]:
    """What is to be known of the jobs with these numbers, of those that are still there; the oldest first."""
    rows = yield Statement("sketches", {"seqs": json.dumps(seqs)})
    return [_to_sketch(row) for row in rows]


def by_seq(seqs: Sequence[int]) -> Verb[Sequence[Job]]:
    """The jobs with these numbers, of those that are still there; the oldest first."""
    rows = yield Statement("jobs_by_seq", {"seqs": json.dumps(seqs)})
    return sorted(map(to_job, rows), key=lambda job: job.seq)


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of jobs that are waited for: how those that have ended did, which are held, and how many are still there."""

    ended: Mapping[int, State]
    held: Sequence[str]
    present: int


def outlook(seqs: Sequence[int]) -> Verb[Outlook]:
    """How far these jobs are. No more is read than what has ended or cannot."""
    numbers = json.dumps(seqs)
    rows = yield Statement("ended_or_held", {"seqs": numbers})
    (present,) = yield Statement("present", {"seqs": numbers})
    return Outlook(
        ended={row["seq"]: State(row["state"]) for row in rows if row["state"] in FINISHED},
        held=[row["id"] for row in rows if row["state"] not in FINISHED],
        present=present["n"],
    )


def conditions(wanted: Filter) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The parameters and the names of the conditions that stand for a filter."""
    keys = ("state", "queue", "tag", "search", "held")
    given = {key: value for key in keys if (value := getattr(wanted, key)) is not None}
    conditions = ["completed" if key == "state" and wanted.state is State.COMPLETED else key for key in given]
    return given, tuple(f"where_{condition}" for condition in conditions) or ("where_any",)


def named_like(beginning: str, limit: int) -> Verb[Sequence[Job]]:
    """The jobs whose chosen ids begin like this, in the order of their ids."""
    # All characters that an id may have come before ~.
    rows = yield Statement("jobs_named_like", {"first": beginning, "behind": f"{beginning}~", "limit": limit})
    return [to_job(row) for row in rows]


def ahead(job: Job) -> Verb[int]:
    """How many jobs are before this one in the line, counted up to ten thousand."""
    place = {"queue": job.queue, "priority": job.priority, "run_at": job.run_at, "seq": job.seq}
    (row,) = yield Statement("ahead", place)
    count: int = row["n"]
    return count


def history(job: Job) -> Verb[Sequence[Run]]:
    """The runs of a job, first to last."""
    rows = yield Statement("runs", {"seq": job.seq})
    return [to_run(row) for row in rows]


def counts() -> Verb[Mapping[str, Mapping[State, int]]]:
    """How many jobs each queue has in each state; states without any are left out."""
    rows = yield Statement("counts")
    queues: dict[str, dict[State, int]] = {}
    for row in rows:
        queues.setdefault(row["queue"], {})[State(row["state"])] = row["n"]
    return queues


def next_run_at() -> Verb[float | None]:
    """When the next waiting job is due."""
    (earliest,) = yield Statement("next_run_at")
    moment: float | None = earliest["run_at"]
    return moment


def unfinished(served: Served | None = None) -> Verb[int]:
    """How many jobs are pending, processing or failed in the queues that are served; those of paused ones may wait."""
    rows = yield Statement("unfinished")
    return sum(row["n"] for row in rows if served is None or row["queue"] in served)


def is_worked_off(served: Served | None = None, is_there: Callable[[str], bool] = lambda _: False) -> Verb[bool]:
    """Whether there is no such job, and none of these queues is blocked that another worker can let run.

    `is_there` is whether the worker with this id is another one, and lives.
    """
    queues = {row["queue"] for row in (yield Statement("unfinished"))}
    if served is None or queues & served.keys():
        return not queues
    others = [json.loads(row["queues"] or "null") for row in (yield Statement("workers")) if is_there(row["id"])]
    elsewhere = [queue for queue in queues if any(of is None or queue in of for of in others)]
    parameters = {"served": json.dumps(list(served)), "elsewhere": json.dumps(elsewhere)}
    return not elsewhere or not (yield Statement("freed_elsewhere", parameters))


def processing_of(worker: str) -> Verb[Sequence[Job]]:
    """The jobs that are a worker's at this moment."""
    rows = yield Statement("processing_of", {"worker": worker})
    return [to_job(row) for row in rows]


def to_job(row: Mapping[str, Any]) -> Job:
    """The one place where a row becomes a job."""
    # A row of a database iterates over its values, and searches through all its names for each that is asked for.
    values: Iterable[Any] = row
    row = dict(zip(row.keys(), values, strict=True))
    return Job(
        seq=row["seq"],
        id=row["id"],
        command=row["command"],
        state=State(row["state"]),
        queue=row["queue"],
        priority=row["priority"],
        attempts=row["attempts"],
        max_retries=row["max_retries"],
        timeout=row["timeout"] or None,
        run_at=row["run_at"],
        held=bool(row["held"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        exit_code=row["exit_code"],
        signal=row["signal"],
        error=row["error"],
        run=row["run"],
        worker=row["worker"],
        slot=row["slot"],
        cancel_requested=bool(row["cancel_requested"]),
        tags=_items(row["tags"]),
        env={} if row["env"] == "{}" else json.loads(row["env"]),
        cwd=row["cwd"],
        unique=row["unique_key"],
        cron=row["cron"],
        progress=row["progress"],
        backoff_base=row["backoff_base"],
        backoff_max=row["backoff_max"],
        no_retry_on=_items(row["no_retry_on"]),
        defer_on=_items(row["defer_on"]),
        hook_of=row["hook_of"],
        after=_items(row["after"]),
        after_any=_items(row["after_any"]),
        cancelled_for=row["cancelled_for"],
        nice=row["nice"],
        memory=row["memory"],
    )


def _items(text: str) -> tuple[Any, ...]:
    return () if text == "[]" else tuple(json.loads(text))  # most lists are empty, and to parse those costs too


def _to_sketch(row: Mapping[str, Any]) -> Sketch:
    return Sketch(
        seq=row["seq"],
        id=row["id"],
        state=State(row["state"]),
        attempts=row["attempts"],
        run_at=row["run_at"],
        held=bool(row["held"]),
        exit_code=row["exit_code"],
        signal=row["signal"],
        error=row["error"],
        run=row["run"],
        worker=row["worker"],
        cancel_requested=bool(row["cancel_requested"]),
        cancelled_for=row["cancelled_for"],
        unique=row["unique_key"],
        waits=bool(row["waits"]),
    )


_OF_A_RUN = [field.name for field in fields(Run)]


def to_run(row: Mapping[str, Any]) -> Run:
    """The one place where a row becomes a run; of a column that a newer aqueue has added, nothing is known."""
    return Run(**{name: row[name] for name in _OF_A_RUN})
