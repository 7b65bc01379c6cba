"""The verbs that change jobs, each once: which statements, in which order, with which parameters, what the rows mean.

They never decide: what becomes of a job comes from the model, as a decision that holds the job as it was seen. The
write is guarded by that, so that of two decisions on one job the second changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aqueue.model.ending import Ending, exit_code_of, signal_of
from aqueue.model.errors import DuplicateId
from aqueue.model.ids import Ids
from aqueue.model.job import Decidable, Job, RunKey
from aqueue.model.lifecycle import Transition
from aqueue.model.newjob import NewJob
from aqueue.model.settings import Settings
from aqueue.store.batch import Batch, Chunk
from aqueue.store.reading import find, to_job
from aqueue.store.statement import Statement, Verb


@dataclass(frozen=True, slots=True)
class Begun:
    """Where and when the run of a job as it was claimed has really begun."""

    job: Job
    slot: int
    at: float


@dataclass(frozen=True, slots=True)
class EndOfRun:
    """What the history is told of the end of a run. Its error may differ from the job's, which can be put back."""

    ending: Ending
    error: str | None
    finished_at: float
    begun: Begun | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a job, with the job as it was when that was decided.

    With the run that this ends, if any, and the job that tells of it, if that is wanted.
    """

    job: Decidable
    transition: Transition
    run: EndOfRun | None = None
    hook: NewJob | None = None


def enqueue(jobs: Iterable[NewJob], settings: Settings, now: float) -> Verb[Ids]:
    """Add jobs, all or none; returns their ids in the order given. Raises DuplicateId."""
    with Batch() as batch:
        batch.add(jobs, now)
        return (yield from enqueue_batch(batch, settings, now))


def enqueue_batch(batch: Iterable[Chunk], settings: Settings, now: float) -> Verb[Ids]:
    """Add the jobs of all chunks, all or none; returns their ids in the order given. Raises DuplicateId."""
    ids, first = Ids(), None
    usual = {"usual_retries": settings.max_retries, "usual_timeout": settings.timeout or 0, "now": now}
    for chunk in batch:
        yield from _check_ids_are_free(chunk, first)
        rows = yield chunk.insertion(usual)
        seqs = sorted([row["seq"] for row in rows])
        first = seqs[0] if first is None else first
        ids.add([job_id or str(seq) for job_id, seq in zip(chunk.ids(), seqs, strict=True)])
    return ids


def _check_ids_are_free(chunk: Chunk, first: int | None) -> Verb[None]:
    """Refuse ids that other jobs have; those from the number `first` on are of the same batch."""
    if not chunk.has_ids:
        return
    rows = yield Statement("ids_taken", {"jobs": chunk.jobs})
    taken = {row["id"]: first is not None and row["seq"] >= first for row in rows}
    for place, job_id in enumerate(chunk.ids() if taken else (), start=chunk.place):
        if job_id is not None and job_id in taken:
            raise DuplicateId(job_id, at_once=taken[job_id], place=place)


def begin(begun: Sequence[Begun]) -> Verb[None]:
    """Correct what the claims said of these runs, as far as they go on."""
    runs = [{"seq": one.job.seq, "run": one.job.run, "slot": one.slot, "started_at": one.at} for one in begun]
    yield Statement("begin", {"runs": json.dumps(runs)})
    yield Statement("begin_runs", {"runs": json.dumps(runs)})


def settle(decisions: Sequence[Decision], now: float) -> Verb[Mapping[RunKey, Job | None]]:
    """Write what became of jobs whose runs have ended, and enqueue the jobs that tell of it.

    Returns the refused ones by run, each with the job as it is now (None if it was removed): a decision is refused
    when the job has changed since it was seen, in a way that could make it wrong. Of two decisions on one job, about
    different runs, at most one can be about the run that goes on.
    """
    accepted = yield from apply(decisions, now)
    hooks = [decision.hook for decision in decisions if decision.hook and decision.job.run_key in accepted]
    if hooks:
        yield from enqueue(hooks, Settings(), now)  # all that settings could say of them is said already
    refused = [decision.job.run_key for decision in decisions if decision.job.run_key not in accepted]
    if not refused:
        return {}
    rows = yield Statement("jobs_by_seq", {"seqs": json.dumps([key.seq for key in refused])})
    current = {job.seq: job for job in map(to_job, rows)}
    return {key: current.get(key.seq) for key in refused}


def apply(decisions: Sequence[Decision], now: float) -> Verb[frozenset[RunKey]]:
    """Write decisions, each if the job is still as it was seen; returns the runs of those that were accepted."""
    rows = yield Statement("apply", {"decisions": json.dumps([_decision_row(one) for one in decisions]), "now": now})
    accepted = frozenset(RunKey(row["seq"], row["run"]) for row in rows)
    runs = [_run_row(one.job, one.run) for one in decisions if one.run is not None and one.job.run_key in accepted]
    if runs:
        yield Statement("end_runs", {"runs": json.dumps(runs)})
    return accepted


def _decision_row(decision: Decision) -> dict[str, Any]:
    job, transition = decision.job, decision.transition
    begun = decision.run.begun if decision.run else None
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
        "slot": begun.slot if begun else None,
        "started_at": begun.at if begun else None,
    }


def _run_row(job: Decidable, run: EndOfRun) -> dict[str, Any]:
    return {
        "seq": job.seq,
        "run": job.run,
        "slot": run.begun.slot if run.begun else None,
        "started_at": run.begun.at if run.begun else None,
        "finished_at": run.finished_at,
        "ending": run.ending.kind,
        "exit_code": exit_code_of(run.ending),
        "signal": signal_of(run.ending),
        "error": run.error,
        "cpu_seconds": run.cpu_seconds,
        "peak_bytes": run.peak_bytes,
    }


def check(ids: Sequence[str], decide: Callable[[Job], object]) -> Verb[Sequence[Job]]:
    """The jobs with these ids, if something can be decided about each. Raises NoSuchJob and what `decide` raises."""
    jobs = yield from find(ids)
    for job in jobs:
        decide(job)
    return jobs


def change(ids: Sequence[str], decide: Callable[[Job], Transition | None], now: float) -> Verb[Sequence[Job]]:
    """Change jobs by hand, all or none; returns them as they are afterwards. Raises NoSuchJob and what `decide` raises.

    Where `decide` returns None, the job runs, and its worker is asked to end it.
    """
    jobs = yield from find(ids)
    yield from carry_out([(job, decide(job)) for job in jobs], now)
    return (yield from find(ids))


def carry_out(decided: Sequence[tuple[Decidable, Transition | None]], now: float) -> Verb[None]:
    """Write what was decided by hand about jobs that were read in this transaction, as `change` does."""
    yield from apply([Decision(job, transition) for job, transition in decided if transition], now)
    running = [job.seq for job, transition in decided if transition is None]
    if running:
        yield Statement("request_cancel", {"seqs": json.dumps(running), "now": now})


def remove(ids: Sequence[str], may_go: Callable[[Job], None]) -> Verb[Sequence[Job]]:
    """Delete jobs with their history, all or none. Raises NoSuchJob and what `may_go` raises."""
    jobs = yield from check(ids, may_go)
    yield Statement("remove", {"seqs": json.dumps([job.seq for job in jobs])})
    return jobs


def edit(job_id: str, changes: Mapping[str, Any], decide: Callable[[Job], Transition | None], now: float) -> Verb[Job]:
    """Change what a job says of itself. Raises NoSuchJob and what `decide` raises.

    `decide` may also give it another state; None leaves it in the one that it has.
    """
    (job,) = yield from find([job_id])
    transition = decide(job)
    yield from write_edits([job], changes, now)
    if transition is not None:
        yield from apply([Decision(job, transition)], now)
    (job,) = yield from find([job_id])
    return job


def write_edits(jobs: Sequence[Decidable], changes: Mapping[str, Any], now: float) -> Verb[None]:
    """Change what these jobs say of themselves; what is not named stays."""
    seqs = json.dumps([job.seq for job in jobs])
    yield Statement("edit", {"seqs": seqs, "changes": json.dumps(changes), "now": now})
