"""A job as a row of a table."""

from collections.abc import Mapping, Sequence

from aqueue.cli.escape import escape
from aqueue.cli.present import ago_or_in, local_time
from aqueue.model.job import Job, State

SPARE = ("CRON", "TAGS", "ATTEMPTS", "PRIORITY", "QUEUE")
"""The columns that a narrow terminal can do without, the first one first."""


def rows_of(jobs: Sequence[Job], now: float, *, verbose: bool) -> Sequence[Mapping[str, str]]:
    """The jobs as rows; what is the same for all because it was never set is empty."""
    return [_verbose_row(job, now) if verbose else _row(job, now) for job in jobs]


def _row(job: Job, now: float) -> Mapping[str, str]:
    return {
        "ID": job.id,
        "STATE": "held" if job.held and job.state is State.SCHEDULED else job.state,
        "QUEUE": "" if job.queue == "default" else job.queue,
        "PRIORITY": str(job.priority or ""),
        "ATTEMPTS": f"{job.attempts} of {job.max_retries + 1}" if job.attempts else "",
        "WHEN": _when(job, now),
        "PROGRESS": escape(job.progress or "") if job.state is State.PROCESSING else "",
        "CRON": escape(job.cron or ""),
        "TAGS": escape(", ".join(job.tags)),
        "COMMAND": escape(job.command),
        "ERROR": escape(job.error or ""),
    }


def _verbose_row(job: Job, now: float) -> Mapping[str, str]:
    row = dict(_row(job, now))
    command, error = row.pop("COMMAND"), row.pop("ERROR")
    return {
        **row,
        "CREATED": local_time(job.created_at),
        "STARTED": local_time(job.started_at) if job.started_at else "",
        "FINISHED": local_time(job.finished_at) if job.finished_at else "",
        "TIMEOUT": f"{job.timeout:g} s" if job.timeout else "",
        "EXIT": "" if job.exit_code is None else str(job.exit_code),
        "WORKER": f"{job.worker}/{job.slot}" if job.worker else "",
        "CWD": escape(job.cwd or ""),
        "ENV": escape(", ".join(sorted(job.env))),
        "COMMAND": command,
        "ERROR": error,
    }


def _when(job: Job, now: float) -> str:
    """The moment that matters in this state."""
    match job.state:
        case State.SCHEDULED | State.FAILED if job.run_at is not None:
            return ago_or_in(job.run_at, now) if job.run_at > now else "now"
        case State.PROCESSING if job.started_at is not None:
            return f"since {ago_or_in(job.started_at, now).removesuffix(' ago')}"
        case State.COMPLETED | State.DEAD | State.CANCELLED if job.finished_at is not None:
            return ago_or_in(job.finished_at, now)
    return ago_or_in(job.created_at, now)
