"""Every verb of the store, once: which statements, in which order, with which parameters, and what the rows mean.

A verb is a generator: it yields statements and is sent their rows. It neither knows nor cares whether a thread drives
it (SQLite) or an event loop (PostgreSQL), and a whole batch of verbs can share one transaction. It never decides: what
becomes of a job comes from the model, as a decision that holds the job as it was seen. The write is guarded by that,
so that of two decisions on one job the second changes nothing.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from aqueue.model.ending import Ending, exit_code_of, signal_of
from aqueue.model.errors import DuplicateId, NoSuchJob
from aqueue.model.job import Job, Run, RunKey, State
from aqueue.model.lifecycle import Transition
from aqueue.model.newjob import NewJob
from aqueue.model.settings import Settings

T = TypeVar("T")
Rows: TypeAlias = Sequence[Mapping[str, Any]]

PROMOTE_AT_ONCE = 1000
"""How many jobs one transaction may promote, so that a million due at one moment do not hold the write lock."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement with its parameters; `where` names the conditions that fill its ``{where}``."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()


Verb: TypeAlias = Generator[Statement, Rows, T]
Ask: TypeAlias = Callable[[], Verb[T]]
"""A verb that has not begun, so that it can be begun again when its transaction could not be had."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The jobs of a claim in the order of the line, and when to look again: None while there may be more now."""

    jobs: Sequence[Job]
    next_run_at: float | None


@dataclass(frozen=True, slots=True)
class EndOfRun:
    """What the history is told of the end of a run. Its error may differ from the job's, which can be put back."""

    ending: Ending
    error: str | None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a job, with the job as it was when that was decided, and the run that this ends, if any."""

    job: Job
    transition: Transition
    run: EndOfRun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker as the store knows it."""

    id: str
    pid: int
    host: str
    concurrency: int
    started_at: float
    process_started: int
    """When its process started, in clock ticks: with the process id it is unmistakable."""
    boot: str
    """The boot of the machine that it runs in."""
    pid_namespace: str
    """The namespace in which its processes have their ids."""
    cgroup: str | None = None
    """The folder of the cgroup that it has for itself and its runs."""
    stop: str | None = None
    running: int = 0


@dataclass(frozen=True, slots=True)
class Orders:
    """What others want of a worker: to stop ("drain" or "now"), and to end these runs, as (seq, run)."""

    stop: str | None
    cancels: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which jobs a list shows; None means all."""

    state: State | None = None
    queue: str | None = None
    tag: str | None = None
    search: str | None = None


def enqueue(jobs: Sequence[NewJob], settings: Settings, now: float) -> Verb[Sequence[str]]:
    """Add jobs, all or none; returns their ids in the order given. Raises DuplicateId."""
    chosen = [job.id for job in jobs if job.id is not None]
    if chosen:
        for taken in (yield Statement("ids_taken", {"ids": json.dumps(chosen)})):
            raise DuplicateId(taken["id"])
    rows = yield Statement("enqueue", {"jobs": json.dumps([_new_row(job, settings, now) for job in jobs]), "now": now})
    return [row["id"] for row in sorted(rows, key=lambda row: row["seq"])]


def _new_row(job: NewJob, settings: Settings, now: float) -> dict[str, Any]:
    waits = job.hold or (job.run_at is not None and job.run_at > now)
    return {
        "id": job.id,
        "command": job.command,
        "state": State.SCHEDULED if waits else State.PENDING,
        "queue": job.queue,
        "priority": job.priority,
        "max_retries": settings.max_retries if job.max_retries is None else job.max_retries,
        "timeout": (settings.timeout or 0) if job.timeout is None else job.timeout,
        "run_at": None if job.hold else now if job.run_at is None else job.run_at,
        "held": int(job.hold),
        "tags": job.tags,
        "env": job.env,
        "cwd": job.cwd,
        "backoff_base": job.backoff_base,
        "backoff_max": job.backoff_max,
        "no_retry_on": job.no_retry_on,
        "defer_on": job.defer_on,
    }


def claim(worker: str, slots: Sequence[int], now: float) -> Verb[Claimed]:
    """Give the first jobs of the line to these slots of a worker; what is due is promoted before."""
    promoted = yield Statement("promote", {"now": now, "limit": PROMOTE_AT_ONCE})
    rows = yield Statement("claim", {"worker": worker, "slots": json.dumps(list(slots)), "now": now})
    jobs = sorted(map(to_job, rows), key=lambda job: (-job.priority, job.run_at or 0.0, job.seq))
    if jobs:
        runs = [{"seq": job.seq, "run": job.run, "attempt": job.attempts, "slot": job.slot} for job in jobs]
        yield Statement("start_runs", {"runs": json.dumps(runs), "worker": worker, "now": now})
    if len(jobs) == len(slots):
        return Claimed(jobs, None)
    if len(promoted) == PROMOTE_AT_ONCE:
        return Claimed(jobs, now)
    (earliest,) = yield Statement("next_run_at")
    return Claimed(jobs, earliest["run_at"])


def settle(decisions: Sequence[Decision], now: float) -> Verb[Mapping[RunKey, Job | None]]:
    """Write what became of jobs whose runs have ended.

    Returns the refused ones by run, each with the job as it is now (None if it was removed): a decision is refused
    when the job has changed since it was seen, in a way that could make it wrong. Of two decisions on one job, about
    different runs, at most one can be about the run that goes on.
    """
    accepted = yield from _apply(decisions, now)
    refused = [decision.job.run_key for decision in decisions if decision.job.run_key not in accepted]
    if not refused:
        return {}
    rows = yield Statement("jobs_by_seq", {"seqs": json.dumps([key.seq for key in refused])})
    current = {job.seq: job for job in map(to_job, rows)}
    return {key: current.get(key.seq) for key in refused}


def _apply(decisions: Sequence[Decision], now: float) -> Verb[frozenset[RunKey]]:
    rows = yield Statement("apply", {"decisions": json.dumps([_decision_row(one) for one in decisions]), "now": now})
    accepted = frozenset(RunKey(row["seq"], row["run"]) for row in rows)
    runs = [_run_row(one.job, one.run) for one in decisions if one.run is not None and one.job.run_key in accepted]
    if runs:
        yield Statement("end_runs", {"runs": json.dumps(runs), "now": now})
    return accepted


def _decision_row(decision: Decision) -> dict[str, Any]:
    job, transition = decision.job, decision.transition
    return {
        "seq": job.seq,
        "was_state": job.state,
        "was_run": job.run,
        "was_worker": job.worker,
        "was_cancel_requested": int(job.cancel_requested),
        "state": transition.state,
        "attempts": transition.attempts,
        "run_at": transition.run_at,
        "held": int(transition.held),
        "exit_code": transition.exit_code,
        "signal": transition.signal,
        "error": transition.error,
        "finished_at": transition.finished_at,
    }


def _run_row(job: Job, run: EndOfRun) -> dict[str, Any]:
    return {
        "seq": job.seq,
        "run": job.run,
        "ending": run.ending.kind,
        "exit_code": exit_code_of(run.ending),
        "signal": signal_of(run.ending),
        "error": run.error,
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": run.peak_bytes,
    }


def change(ids: Sequence[str], decide: Callable[[Job], Transition | None], now: float) -> Verb[Sequence[Job]]:
    """Change jobs by hand, all or none; returns them as they are afterwards. Raises NoSuchJob and what `decide` raises.

    Where `decide` returns None, the job runs, and its worker is asked to end it.
    """
    jobs = yield from find(ids)
    decided = [(job, decide(job)) for job in jobs]
    yield from _apply([Decision(job, transition) for job, transition in decided if transition], now)
    running = [job.seq for job, transition in decided if transition is None]
    if running:
        yield Statement("request_cancel", {"seqs": json.dumps(running), "now": now})
    return (yield from find(ids))


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


def remove(ids: Sequence[str], check: Callable[[Job], None]) -> Verb[Sequence[Job]]:
    """Delete jobs with their history, all or none. Raises NoSuchJob and what `check` raises."""
    jobs = yield from find(ids)
    for job in jobs:
        check(job)
    yield Statement("remove", {"seqs": json.dumps([job.seq for job in jobs])})
    return jobs


def edit(
    job_id: str,
    changes: Mapping[str, Any],
    check: Callable[[Job], None],
    decide: Callable[[Job], Transition | None],
    now: float,
) -> Verb[Job]:
    """Change what a job says of itself. Raises NoSuchJob, and what `check` and `decide` raise.

    `decide` may also give it another state; None leaves it in the one that it has.
    """
    (job,) = yield from find([job_id])
    check(job)
    transition = decide(job)
    edited = replace(job, **changes)
    yield Statement("edit", {**_edited_row(edited), "now": now})
    if transition is not None:
        yield from _apply([Decision(edited, transition)], now)
    (job,) = yield from find([job_id])
    return job


def _edited_row(job: Job) -> dict[str, Any]:
    return {
        "seq": job.seq,
        "command": job.command,
        "queue": job.queue,
        "priority": job.priority,
        "max_retries": job.max_retries,
        "timeout": job.timeout or 0,
        "tags": json.dumps(job.tags),
        "env": json.dumps(dict(job.env)),
        "cwd": job.cwd,
        "backoff_base": job.backoff_base,
        "backoff_max": job.backoff_max,
        "no_retry_on": json.dumps(job.no_retry_on),
        "defer_on": json.dumps(job.defer_on),
    }


def ahead(job: Job) -> Verb[int]:
    """How many jobs are before this one in the line, counted up to ten thousand."""
    (row,) = yield Statement("ahead", {"seq": job.seq, "priority": job.priority, "run_at": job.run_at})
    count: int = row["n"]
    return count


def select(wanted: Filter, limit: int | None) -> Verb[Sequence[Job]]:
    """The newest jobs that match, newest first."""
    given = {key: value for key in ("state", "queue", "tag", "search") if (value := getattr(wanted, key)) is not None}
    conditions = ["completed" if key == "state" and wanted.state is State.COMPLETED else key for key in given]
    where = tuple(f"where_{condition}" for condition in conditions) or ("where_any",)
    rows = yield Statement("list", {**given, "limit": -1 if limit is None else limit}, where)
    return [to_job(row) for row in rows]


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


def is_worked_off() -> Verb[bool]:
    """Whether no job is pending, processing or failed."""
    (row,) = yield Statement("unfinished")
    return not row["n"]


def settings() -> Verb[Mapping[str, str]]:
    """The stored settings, as texts."""
    rows = yield Statement("settings")
    return {row["key"]: row["value"] for row in rows}


def set_setting(key: str, value: str) -> Verb[None]:
    """Store a setting."""
    yield Statement("set", {"key": key, "value": value})


def unset_setting(key: str) -> Verb[bool]:
    """Forget a stored setting; says whether there was one."""
    rows = yield Statement("unset", {"key": key})
    return bool(rows)


def register(worker: WorkerRow) -> Verb[None]:
    """Make a worker known."""
    yield Statement(
        "register",
        {
            "id": worker.id,
            "pid": worker.pid,
            "host": worker.host,
            "concurrency": worker.concurrency,
            "now": worker.started_at,
            "process_started": worker.process_started,
            "boot": worker.boot,
            "pid_namespace": worker.pid_namespace,
            "cgroup": worker.cgroup,
        },
    )


def unregister(ids: Sequence[str]) -> Verb[None]:
    """Forget workers that have gone."""
    yield Statement("unregister", {"ids": json.dumps(list(ids))})


def workers() -> Verb[Sequence[WorkerRow]]:
    """The workers that have not been seen to go; whether they live, their presence tells."""
    rows = yield Statement("workers")
    return [WorkerRow(**dict(row)) for row in rows]


def workers_of_runs() -> Verb[frozenset[str]]:
    """The workers whose runs go on, as far as the store knows."""
    rows = yield Statement("workers_of_runs")
    return frozenset(row["worker"] for row in rows)


def processing_of(worker: str) -> Verb[Sequence[Job]]:
    """The jobs that are a worker's at this moment."""
    rows = yield Statement("processing_of", {"worker": worker})
    return [to_job(row) for row in rows]


def request_stop(ids: Sequence[str], stop: str) -> Verb[Sequence[str]]:
    """Ask workers to drain ("drain") or to end their jobs and go ("now"); returns those that were told."""
    rows = yield Statement("request_stop", {"ids": json.dumps(list(ids)), "stop": stop})
    return sorted(row["id"] for row in rows)


def orders(worker: str) -> Verb[Orders]:
    """What others want of a worker."""
    stops = yield Statement("stop_requested", {"worker": worker})
    cancels = yield Statement("cancels_requested", {"worker": worker})
    return Orders(
        stop=stops[0]["stop"] if stops else None,
        cancels=frozenset((row["seq"], row["run"]) for row in cancels),
    )


def to_job(row: Mapping[str, Any]) -> Job:
    """The one place where a row becomes a job."""
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
        tags=tuple(json.loads(row["tags"])),
        env=json.loads(row["env"]),
        cwd=row["cwd"],
        unique=row["unique_key"],
        progress=row["progress"],
        backoff_base=row["backoff_base"],
        backoff_max=row["backoff_max"],
        no_retry_on=tuple(json.loads(row["no_retry_on"])),
        defer_on=tuple(json.loads(row["defer_on"])),
    )


def _to_run(row: Mapping[str, Any]) -> Run:
    fields = dict(row)
    del fields["job"]
    return Run(**fields)
