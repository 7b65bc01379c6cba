"""What scripts read: jobs, runs and settings as JSON documents. Absent values are null, times ISO 8601 in UTC."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aqueue.model.errors import InvalidInput
from aqueue.model.job import Job, Run
from aqueue.model.text import format_time

if TYPE_CHECKING:
    from aqueue.model.schedule import Schedule  # which most of those that show jobs have no use for

SHOWN_TICKS = 3
"""How many of the next times of a schedule are shown."""


def job_document(job: Job) -> dict[str, Any]:
    """A job. Of its environment only the names are shown: the values may be secrets."""
    return {
        "id": job.id,
        "command": job.command,
        "state": job.state.value,
        "queue": job.queue,
        "priority": job.priority,
        "attempts": job.attempts,
        "max_retries": job.max_retries,
        "timeout": job.timeout,
        "run_at": None if job.is_finished else _time(job.run_at),
        "held": job.held and not job.is_finished,
        "created_at": format_time(job.created_at),
        "updated_at": format_time(job.updated_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "exit_code": job.exit_code,
        "signal": job.signal,
        "error": job.error,
        "run": job.run or None,
        "worker": job.worker,
        "slot": job.slot,
        "tags": list(job.tags),
        "env": sorted(job.env),
        "cwd": job.cwd,
        "after": list(job.after),
        "after_any": list(job.after_any),
        "unique": job.unique,
        "cron": job.cron,
        "progress": job.progress,
        "backoff_base": job.backoff_base,
        "backoff_max": job.backoff_max,
        "no_retry_on": list(job.no_retry_on),
        "defer_on": list(job.defer_on),
        "nice": job.nice,
        "memory": job.memory,
    }


def job_with_runs(job: Job, runs: Sequence[Run]) -> dict[str, Any]:
    """A job with its history."""
    return {**job_document(job), "runs": [run_document(run) for run in runs]}


def run_document(run: Run) -> dict[str, Any]:
    """One run."""
    return {
        "run": run.run,
        "attempt": run.attempt,
        "worker": run.worker,
        "slot": run.slot,
        "started_at": format_time(run.started_at),
        "finished_at": _time(run.finished_at),
        "ending": run.ending,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "error": run.error,
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": run.peak_bytes,
    }


def schedule_document(schedule: "Schedule", now: float) -> dict[str, Any]:
    """A schedule with its next times and its last job. `error` is why it cannot be read here."""
    job = dict(schedule.job)
    if "env" in job:
        job["env"] = sorted(job["env"])
    try:
        ticks, error = schedule.next_ticks(SHOWN_TICKS, now), None
    except InvalidInput as problem:
        ticks, error = [], str(problem)
    return {
        "name": schedule.name,
        "schedule": schedule.schedule,
        "timezone": schedule.timezone,
        "missed": schedule.missed.value,
        "overlap": schedule.overlap,
        "paused": schedule.paused,
        "job": job,
        "created_at": format_time(schedule.created_at),
        "next": [format_time(tick) for tick in ticks],
        "last_at": _time(schedule.last_at),
        "owed_since": _time(schedule.owed_since),
        "unfinished": schedule.unfinished and _result(schedule.unfinished),
        "last": schedule.last and _result(schedule.last),
        "error": error,
    }


def _result(job: Job) -> dict[str, Any]:
    keys = ("id", "state", "run_at", "started_at", "finished_at", "exit_code", "signal", "error")
    document = job_document(job)
    return {key: document[key] for key in keys}


def _time(moment: float | None) -> str | None:
    return None if moment is None else format_time(moment)
