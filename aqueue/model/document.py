"""What scripts read: jobs, runs and settings as JSON documents. Absent values are null, times ISO 8601 in UTC."""

from collections.abc import Sequence
from typing import Any

from aqueue.model.job import Job, Run
from aqueue.model.text import format_time


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
        "run_at": _time(job.run_at),
        "held": job.held,
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
        "after": [],
        "after_any": [],
        "unique": job.unique,
        "cron": None,
        "progress": job.progress,
        "backoff_base": job.backoff_base,
        "backoff_max": job.backoff_max,
        "no_retry_on": list(job.no_retry_on),
        "defer_on": list(job.defer_on),
        "nice": None,
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


def _time(moment: float | None) -> str | None:
    return None if moment is None else format_time(moment)
