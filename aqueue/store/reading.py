"""The verbs that look at jobs and change nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueue.model.errors import NoSuchJob
from aqueue.model.job import Job, Run, State
from aqueue.model.line import Served
from aqueue.store.statement import Statement, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs a list shows; None means all."""

    state: State | None = None
    queue: str | None = None
    tag: str | None = None
    search: str | None = None


def find(ids: Sequence[str]) -> Verb[Sequence[Job]]:
    """The jobs with these ids, in the same order. Raises NoSuchJob that names the first unknown one."""
    seqs = [seq for one in ids if (seq := _seq_in(one)) is not None]
    custom = [one for one in ids if not one.isdigit()]
    found: dict[str, Job] = {}
    if seqs:
        rows = yield Statement("jobs_by_seq", {"seqs": json.dumps(seqs)})
        found |= {job.id: job for job in map(to_job, rows)}
    if custom:
        rows = yield Statement("jobs_by_custom_id", {"ids": json.dumps(custom)})
        found |= {job.id: job for job in map(to_job, rows)}
    for one in ids:
        if one not in found:
            raise NoSuchJob(one)
    return [found[one] for one in ids]


def _seq_in(job_id: str) -> int | None:
    """The number in an id that aqueue gave: `7`, but not `007`."""
    if job_id.isascii() and job_id.isdigit() and len(job_id) <= 18 and str(int(job_id)) == job_id:
        return int(job_id)
    return None


def select(wanted: Filter, limit: int | None) -> Verb[Sequence[Job]]:
    """The newest jobs that match, newest first."""
    given = {key: value for key in ("state", "queue", "tag", "search") if (value := getattr(wanted, key)) is not None}
    conditions = ["completed" if key == "state" and wanted.state is State.COMPLETED else key for key in given]
    where = tuple(f"where_{condition}" for condition in conditions) or ("where_any",)
    rows = yield Statement("list", {**given, "limit": -1 if limit is None else limit}, where)
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
    return [_to_run(row) for row in rows]


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


def is_worked_off(served: Served | None = None) -> Verb[bool]:
    """Whether no job is pending, processing or failed in the queues that are served; those of paused ones may wait."""
    rows = yield Statement("unfinished")
    return not any(served is None or row["queue"] in served for row in rows)


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
    )


def _items(text: str) -> tuple[Any, ...]:
    return () if text == "[]" else tuple(json.loads(text))  # most lists are empty, and to parse those costs too


def _to_run(row: Mapping[str, Any]) -> Run:
    fields = dict(row)
    del fields["job"]
    return Run(**fields)
